"""The server: how streams end at a shutdown, and the socket that it listens on."""

import json
import socket
import threading
import time
from contextlib import closing
from http.client import HTTPConnection

import httpx
import pytest
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED

from webui.errors import SettingsError
from webui.server import listen

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
GUARD_S = 60
READERS = 8


def test_streams_end_with_an_error_at_a_shutdown():
    engine, endings, all_streaming = SeeingEngine(), [], threading.Barrier(READERS + 1)
    body = {"messages": [{"role": "user", "content": "A long answer"}], "stream": True}

    def read_stream(address):
        url = f"{address}v1/chat/completions"
        with httpx.stream("POST", url, json=body, timeout=GUARD_S) as response:
            lines = response.iter_lines()
            received = [next(lines)]
            all_streaming.wait(GUARD_S)
            received += lines
        endings.append([line for line in received if line][-2:])

    with serving(page_app(engine), engine, shutdown_s=GUARD_S) as address:
        readers = [threading.Thread(target=read_stream, args=(address,)) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        all_streaming.wait(GUARD_S)
    for reader in readers:
        reader.join()
    assert [done for _, done in endings] == ["data: [DONE]"] * READERS
    errors = [json.loads(event.removeprefix("data: "))["error"] for event, _ in endings]
    message = "The model stopped while answering (it was closed). Try again."
    assert [error["message"] for error in errors] == [message] * READERS


@pytest.fixture(scope="module")
def hasty_address():
    """Yield the address of a server that waits a quarter of a second for a head."""
    engine = SeeingEngine(step_s=0.05)
    with serving(page_app(engine), engine, head_timeout_s=0.25) as address:
        yield httpx.URL(address)


def connect(url):
    return socket.create_connection((url.host, url.port), timeout=GUARD_S)


HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("part", [b"", HEAD], ids=["nothing", "half a head"])
def test_a_connection_without_a_whole_head_is_closed(hasty_address, part):
    with connect(hasty_address) as connection:
        connection.sendall(part)
        assert connection.recv(1000) == b""


def test_a_head_that_never_ends_is_closed(hasty_address):
    with connect(hasty_address) as connection, pytest.raises(ConnectionError):
        send_slowly(connection)


def send_slowly(connection):
    """Send a line of a head now and then, to keep the connection."""
    connection.sendall(HEAD)
    end = time.monotonic() + GUARD_S
    while time.monotonic() < end:
        connection.sendall(b"X: x\r\n")
        time.sleep(0.05)


def test_a_second_head_on_a_kept_connection_has_the_same_time(hasty_address):
    client = HTTPConnection(hasty_address.host, hasty_address.port, timeout=GUARD_S)
    with closing(client):
        client.request("GET", "/health")
        assert client.getresponse().read()
        client.sock.sendall(HEAD)
        assert client.sock.recv(1000) == b""


def test_an_answer_may_take_longer_than_a_head(hasty_address):
    """Its thought alone takes 0.75 s."""
    body = {"messages": [{"role": "user", "content": "hello"}]}
    url = f"{hasty_address}v1/chat/completions"
    response = httpx.post(url, json=body, timeout=GUARD_S)
    assert response.json()["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_a_foreign_address_is_refused(host):
    with pytest.raises(SettingsError):
        listen(host, 0)


def test_accepted_connections_do_not_wait_for_acknowledgements():
    """Without TCP_NODELAY, a body waits 40 ms for the acknowledgement of its head."""
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
