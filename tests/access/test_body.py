"""Bodies that stall or break off, and the connections that a visitor keeps open."""

import socket
from contextlib import ExitStack

import httpx
import pytest
from page_client import API, PageClient
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
STALL_S = 0.5
MULTIPART_START = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nabc'
# path -> (content type, start of a body)
BODIES = {
    "v1/chat/completions": ("application/json", b"{"),
    f"{API}/queue/join": ("application/json", b"{"),
    f"{API}/upload": ("multipart/form-data; boundary=x", MULTIPART_START),
    "login": ("application/x-www-form-urlencoded", b"{"),
}


@pytest.fixture(scope="module")
def address():
    with serving(page_app(SeeingEngine(step_s=0), stall_s=STALL_S)) as address:
        yield address


def connect(address, path):
    """Return a connection that has sent the start of a request."""
    content_type, start = BODIES[path]
    head = (
        f"POST /{path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: 1000\r\nContent-Type: {content_type}\r\n\r\n"
    )
    url = httpx.URL(address)
    connection = socket.create_connection((url.host, url.port), timeout=60)
    connection.sendall(head.encode() + start)
    return connection


@pytest.mark.parametrize("path", BODIES)
def test_a_body_that_stalls_ends_its_connection(address, path):
    response = b""
    with connect(address, path) as connection:
        while piece := connection.recv(65536):
            response += piece
    assert b" 408 " in response.splitlines()[0]
    assert b"request_timeout" in response


def test_a_disconnect_within_an_upload_leaves_no_traceback(address, caplog, capfd):
    for _ in range(20):
        connect(address, f"{API}/upload").close()
    with PageClient(address) as client:
        assert client.get("config").status_code == 200
    assert "Traceback" not in caplog.text + capfd.readouterr().err


def test_open_connections_need_a_cookie_and_are_bounded(address):
    response = httpx.get(f"{address}{API}/heartbeat/page", timeout=60)
    assert response.json()["error"]["code"] == "no_cookie"
    with PageClient(address) as client, ExitStack() as open_responses:
        responses = []
        for number in range(40):
            request = client.client.build_request("GET", f"{API}/heartbeat/page{number}")
            responses.append(client.client.send(request, stream=True))
            open_responses.callback(responses[-1].close)
    assert [response.status_code for response in responses] == [200] * 32 + [429] * 8
    assert responses[-1].headers["retry-after"]
