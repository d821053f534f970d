"""Uploads: which files of an event a visitor may use."""

import pytest

from webui.access.refusal import Refusal
from webui.access.uploads import MAX_FILES_PER_VISITOR, Uploads, file_paths
from webui.access.visitors import Visitor

ANN, BOB = Visitor("a" * 43), Visitor("b" * 43)


def test_the_newest_files_of_a_visitor_are_kept(tmp_path):
    uploads = Uploads()
    for number in range(MAX_FILES_PER_VISITOR + 1):
        uploads.add(ANN, str(tmp_path / str(number)))
    uploads.check(ANN, str(tmp_path / "1"))
    for visitor, name in ((ANN, "0"), (BOB, "1")):
        with pytest.raises(Refusal, match="was not added in this browser"):
            uploads.check(visitor, str(tmp_path / name))


def test_public_files_may_be_seen_but_not_used(tmp_path):
    icon = str(tmp_path / "icon.png")
    uploads = Uploads([icon])
    uploads.check(ANN, icon, public=True)
    with pytest.raises(Refusal):
        uploads.check(ANN, icon)


def test_paths_are_found_at_any_depth_of_an_event():
    event = {
        "data": [
            [{"files": [{"path": "a", "url": "b"}]}],
            {"x": {"path": "c", "y": {"path": 7}}},
            "path",
        ]
    }
    assert sorted(file_paths(event)) == ["", "a", "c"]
