"""The server: how streams end at a shutdown, and the socket that it listens on."""

import json
import socket
import threading

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
