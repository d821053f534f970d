"""Files, as a stranger with the link asks for them: only what this very browser uploaded is opened or served."""

import json
import os

import pytest
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED, make_image
from stranger import API, Stranger, message_with

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
SECRET = "the server's own words"


@pytest.fixture(scope="module")
def address():
    with serving(page_app(SeeingEngine(step_s=0))) as address:
        yield address


@pytest.fixture
def stranger(address):
    with Stranger(address) as stranger:
        yield stranger


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


FORMS = {
    "as the page sends it": message_with,
    "without saying that it is a file": lambda path: {"text": "x", "files": [{"path": path}]},
    "by an address of its own": lambda path: message_with(
        path, url=f"http://127.0.0.1/gradio_api/file={path}"
    ),
    "beside the text": lambda path: {"text": {"path": path}, "files": []},
}


@pytest.mark.parametrize("form", FORMS)
def test_no_event_takes_a_file_of_the_servers(stranger, secret, form):
    events = stranger.events()
    assert len(events) > 20
    for event in events:
        for queued in (True, False):
            answer = stranger.send(event, FORMS[form](str(secret)), queued=queued)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_file")
            assert SECRET not in answer.text


def test_a_picture_of_the_servers_is_not_shown(stranger, tmp_path):
    path = make_image(tmp_path / "private.png", "red")
    assert {
        stranger.send(event, message_with(str(path)), queued=True).status_code
        for event in stranger.events()
    } == {403}


def test_what_was_uploaded_is_taken_served_and_shown(stranger, tmp_path):
    path = stranger.upload(make_image(tmp_path / "mine.png", "red"))
    assert stranger.get(f"{API}/file={path}").status_code == 200
    look = next(event for event in stranger.events() if len(event[1]) == 4)
    assert stranger.send(look, message_with(path), queued=True).status_code == 200
    assert "mine.png" in json.dumps(stranger.hear())


def test_an_upload_is_nobody_elses(stranger, address, tmp_path):
    path = stranger.upload(make_image(tmp_path / "mine.png", "green"))
    with Stranger(address) as other:
        assert other.get(f"{API}/file={path}").status_code == 403
        statuses = {
            other.send(event, message_with(path), queued=True).status_code
            for event in other.events()
        }
    assert statuses == {403}


def test_the_same_bytes_belong_to_both_who_uploaded_them(stranger, address, tmp_path):
    picture = make_image(tmp_path / "same.png", "blue")
    with Stranger(address) as other:
        assert stranger.upload(picture) == other.upload(picture)
        path = other.upload(picture)
        assert [each.get(f"{API}/file={path}").status_code for each in (stranger, other)] == [
            200,
            200,
        ]


def test_paths_are_resolved_and_links_refused(stranger, secret, tmp_path):
    path = stranger.upload(make_image(tmp_path / "mine.png", "red"))
    link = path.replace("mine.png", "link.png")
    if not os.path.islink(link):
        os.symlink(secret, link)
    to_own = tmp_path / "to-own.png"
    to_own.symlink_to(path)
    event = stranger.events()[0]
    for name in (
        link,
        str(to_own),
        f"{path}/../link.png",
        f"{path}/../../../..{secret}",
        "/etc/hostname\0.png",
    ):
        assert stranger.send(event, message_with(name), queued=True).status_code == 403, name
        assert stranger.get(f"{API}/file={name}".replace("\0", "%00")).status_code == 403, name


def test_a_name_that_stands_twice_has_one_meaning(stranger, secret):
    """A parser that took the first of two paths, and another one the last, would see different files."""
    number, inputs = stranger.events()[0]
    message = json.dumps({"text": "x", "files": [{"path": str(secret)}]})
    for twice in (
        message.replace('"path"', '"path": "/mine.png", "path"'),
        f'{message[:-1]}, "files": []}}',
    ):
        data = ["null"] * (len(inputs) - 1)
        body = f'{{"data": [{", ".join([twice, *data])}], "fn_index": {number}, "session_hash": "{stranger.session}"}}'
        answer = stranger.post(
            f"{API}/run/predict", content=body, headers={"Content-Type": "application/json"}
        )
        assert SECRET not in answer.text
        assert "secret.txt" not in answer.text or answer.status_code == 403


def test_the_pages_own_pictures_are_everybodys(stranger):
    icons = [
        each["props"]["icon"]
        for each in stranger.get("config").json()["components"]
        if each["props"].get("icon")
    ]
    assert icons
    assert {stranger.get(icon["url"]).status_code for icon in icons} == {200}
    event = stranger.events()[0]
    assert stranger.send(event, message_with(icons[0]["path"]), queued=True).status_code == 403


def test_gradios_own_check_stands_behind_ours(stranger):
    """Gradio refuses paths outside its folder once `has_launched` is set; a version that does not must be noticed."""
    from gradio import processing_utils
    from gradio.context import LocalContext
    from gradio.exceptions import InvalidPathError

    app = page_app(SeeingEngine())
    blocks = next(
        route.app for route in app.routes if hasattr(getattr(route, "app", None), "get_blocks")
    ).get_blocks()
    token = LocalContext.blocks.set(blocks)
    try:
        with pytest.raises(InvalidPathError):
            processing_utils._check_allowed("/etc/hostname", check_in_upload_folder=True)
    finally:
        LocalContext.blocks.reset(token)


def test_routes_that_the_page_does_not_need_are_closed(stranger):
    for path in (
        "proxy=http://127.0.0.1:1/",
        "file=http://127.0.0.1:1/",
        "openapi.json",
        "queue/status",
        "vibe-code/",
    ):
        assert stranger.get(f"{API}/{path}").status_code in (403, 404), path
    for path in (
        "component_server",
        "process_recording",
        "call/predict",
        "api/predict",
        "stream/x",
        "vibe-edit/",
    ):
        assert stranger.post(f"{API}/{path}", json={}).status_code == 404, path
    assert stranger.get("monitoring").status_code == 404
