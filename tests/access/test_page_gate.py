"""Files over the page's routes: only what this browser uploaded is opened or served."""

import json
import os

import pytest
from page_client import API, PageClient, message_with
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED, make_image

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
SECRET = "the server's own words"


@pytest.fixture(scope="module")
def address():
    with serving(page_app(SeeingEngine(step_s=0))) as address:
        yield address


@pytest.fixture
def client(address):
    with PageClient(address) as client:
        yield client


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


FORMS = {
    "as the page sends it": message_with,
    "without a file type": lambda path: {"text": "x", "files": [{"path": path}]},
    "with a URL": lambda path: message_with(path, url=f"http://127.0.0.1/gradio_api/file={path}"),
    "in place of the text": lambda path: {"text": {"path": path}, "files": []},
}


@pytest.mark.parametrize("form", FORMS)
def test_no_event_opens_a_file_of_the_server(client, secret, form):
    events = client.composer_events()
    assert len(events) > 20
    for event in events:
        for queued in (True, False):
            response = client.send(event, FORMS[form](str(secret)), queued=queued)
            assert (response.status_code, response.json()["error"]["code"]) == (403, "foreign_file")
            assert SECRET not in response.text


def test_an_image_of_the_server_is_not_shown(client, tmp_path):
    message = message_with(str(make_image(tmp_path / "private.png", "red")))
    responses = [client.send(event, message, queued=True) for event in client.composer_events()]
    assert {response.status_code for response in responses} == {403}


def test_an_upload_is_accepted_served_and_shown(client, tmp_path):
    path = client.upload(make_image(tmp_path / "mine.png", "red"))
    assert client.get(f"{API}/file={path}").status_code == 200
    preview = next(event for event in client.composer_events() if len(event[1]) == 4)
    assert client.send(preview, message_with(path), queued=True).status_code == 200
    assert "mine.png" in json.dumps(client.read_events())


def test_an_upload_of_another_visitor_is_refused(client, address, tmp_path):
    path = client.upload(make_image(tmp_path / "mine.png", "green"))
    with PageClient(address) as other:
        assert other.get(f"{API}/file={path}").status_code == 403
        for event in other.composer_events():
            assert other.send(event, message_with(path), queued=True).status_code == 403


def test_the_same_bytes_belong_to_both_visitors(client, address, tmp_path):
    image = make_image(tmp_path / "same.png", "blue")
    with PageClient(address) as other:
        path = client.upload(image)
        assert other.upload(image) == path
        assert client.get(f"{API}/file={path}").status_code == 200
        assert other.get(f"{API}/file={path}").status_code == 200


def test_paths_are_resolved_and_links_refused(client, secret, tmp_path):
    path = client.upload(make_image(tmp_path / "mine.png", "red"))
    link = path.replace("mine.png", "link.png")
    if not os.path.islink(link):
        os.symlink(secret, link)
    link_to_own = tmp_path / "to-own.png"
    link_to_own.symlink_to(path)
    event = client.composer_events()[0]
    for name in (
        link,
        str(link_to_own),
        f"{path}/../link.png",
        f"{path}/../../../..{secret}",
        "/etc/hostname\0.png",
    ):
        assert client.send(event, message_with(name), queued=True).status_code == 403, name
        assert client.get(f"{API}/file={name}".replace("\0", "%00")).status_code == 403, name


def test_a_repeated_name_has_one_meaning(client, secret):
    """Two parsers could disagree: one takes the first of two paths, the other the last."""
    number, inputs = client.composer_events()[0]
    message = json.dumps({"text": "x", "files": [{"path": str(secret)}]})
    for repeated in (
        message.replace('"path"', '"path": "/mine.png", "path"'),
        f'{message[:-1]}, "files": []}}',
    ):
        data = ", ".join([repeated, *["null"] * (len(inputs) - 1)])
        body = f'{{"data": [{data}], "fn_index": {number}, "session_hash": "{client.session}"}}'
        response = client.post(
            f"{API}/run/predict", content=body, headers={"Content-Type": "application/json"}
        )
        assert SECRET not in response.text
        assert "secret.txt" not in response.text or response.status_code == 403


def test_the_images_of_the_page_are_served_but_not_opened(client):
    components = client.get("config").json()["components"]
    icons = [component["props"].get("icon") for component in components]
    icons = [icon for icon in icons if icon]
    assert icons
    assert {client.get(icon["url"]).status_code for icon in icons} == {200}
    event = client.composer_events()[0]
    assert client.send(event, message_with(icons[0]["path"]), queued=True).status_code == 403


def test_gradio_checks_paths_too(client):
    """Gradio refuses paths outside its folder once `has_launched` is set, in every version."""
    from gradio import processing_utils
    from gradio.context import LocalContext
    from gradio.exceptions import InvalidPathError

    apps = [getattr(route, "app", None) for route in page_app(SeeingEngine()).routes]
    blocks = next(app for app in apps if hasattr(app, "get_blocks")).get_blocks()
    token = LocalContext.blocks.set(blocks)
    try:
        with pytest.raises(InvalidPathError):
            processing_utils._check_allowed("/etc/hostname", check_in_upload_folder=True)
    finally:
        LocalContext.blocks.reset(token)


def test_routes_that_the_page_does_not_need_are_closed(client):
    for path in (
        "proxy=http://127.0.0.1:1/",
        "file=http://127.0.0.1:1/",
        "openapi.json",
        "queue/status",
        "vibe-code/",
    ):
        assert client.get(f"{API}/{path}").status_code in (403, 404), path
    for path in (
        "component_server",
        "process_recording",
        "call/predict",
        "api/predict",
        "stream/x",
        "vibe-edit/",
    ):
        assert client.post(f"{API}/{path}", json={}).status_code == 404, path
    assert client.get("monitoring").status_code == 404


def test_a_session_belongs_to_its_visitor(address):
    with PageClient(address) as ann, PageClient(address) as eve:
        event = ann.composer_events()[0]
        assert ann.send(event, {"text": "", "files": []}, queued=True).status_code == 200
        eve.session = ann.session
        body = {"session_hash": ann.session, "fn_index": event[0], "event_id": "x"}
        responses = [
            eve.send(event, {"text": "", "files": []}, queued=True),
            eve.post(f"{API}/cancel", json=body),
            eve.get(f"{API}/heartbeat/{ann.session}"),
            eve.get(f"{API}/queue/data", params={"session_hash": ann.session}),
        ]
        codes = [response.json()["error"]["code"] for response in responses]
        assert codes == ["foreign_session"] * 4
        both = eve.get(f"{API}/queue/data?session_hash=eve&session_hash={ann.session}")
        assert (both.status_code, both.json()["error"]["code"]) == (400, "no_session")
        assert ann.read_events()


def test_a_body_that_is_too_large_or_no_event_is_refused(client):
    bodies = (b"{", b"[]", b"[" * 100_000, b" " * (4 * 1024**2 + 1), b"{}")
    responses = [client.post(f"{API}/queue/join", content=body) for body in bodies]
    assert [response.status_code for response in responses] == [400, 400, 400, 413, 400]
