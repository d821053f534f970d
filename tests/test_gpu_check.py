"""Every part of the check of a card runs, on the CPU."""

import json

import pytest
from bench import gpu_check

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("check") / "report.json"
    status = gpu_check.main(["--device", "cpu", "--json", str(path)])
    return status, json.loads(path.read_text())


def test_every_part_passes(report):
    status, parts = report
    assert list(parts) == list(gpu_check.PARTS)
    assert not [row for rows in parts.values() for row in rows if "failed" in row]
    assert status == 0


def test_all_requests_are_answered_and_only_the_guilty_one_ends(report):
    _, parts = report
    assert [row["people"] for row in parts["people"]] == [1, 8, 32]
    endings = [(row["ends"], row["others that ended"]) for row in parts["faults"]]
    assert endings == [("DeviceMemoryError", 0)] * 2
    assert parts["capture"] == [{"tries": 2, "same text": True}]


def test_a_failed_part_is_reported_and_the_others_run(tmp_path, monkeypatch, capsys):
    def broken(model):
        yield {"seen": 1}
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(gpu_check, "PARTS", {"broken": broken, "plan": gpu_check.check_plan})
    assert gpu_check.main(["--device", "cpu"]) == 1
    output = capsys.readouterr().out
    assert "broken   failed: no such kernel" in output
    assert "plan     cards" in output
