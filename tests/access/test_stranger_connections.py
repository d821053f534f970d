"""Connections, as a stranger keeps them open or breaks them off; and those of friends when the server stops."""

import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from statistics import median

import httpx
import pytest
from page_server import SeeingEngine, page_app, serving
from person import DEPRECATED
from stranger import API, Stranger

pytestmark = [pytest.mark.filterwarnings(*DEPRECATED)]
STALL_S = 0.5
BEGUN = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nabc'


@pytest.fixture(scope="module")
def address():
    with serving(page_app(SeeingEngine(step_s=0), stall_s=STALL_S)) as address:
        yield address


def raw(address, head, body=b""):
    """A connection that has sent this much."""
    url = httpx.URL(address)
    connection = socket.create_connection((url.host, url.port), timeout=30)
    connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n" + body)
    return connection


@pytest.mark.parametrize(
    "path", ["v1/chat/completions", f"{API}/queue/join", f"{API}/upload", "login"]
)
def test_a_body_that_stalls_ends_its_connection(address, path):
    head = f"POST /{path} HTTP/1.1\nHost: localhost\nContent-Length: 1000\n"
    head += "Content-Type: " + (
        "multipart/form-data; boundary=x\n" if "upload" in path else "application/json\n"
    )
    head = head.replace("json", "x-www-form-urlencoded") if path == "login" else head
    begun = BEGUN if "upload" in path else b"{"
    with raw(address, head, begun) as connection:
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert b" 408 " in answer.splitlines()[0]
    assert b"request_timeout" in answer


def test_an_upload_that_hangs_up_leaves_no_traceback(address, caplog, capfd):
    head = f"POST /{API}/upload HTTP/1.1\nHost: localhost\nContent-Length: 1000\n"
    head += "Content-Type: multipart/form-data; boundary=x\n"
    for _ in range(20):
        raw(address, head, BEGUN).close()
    with Stranger(address) as stranger:
        assert stranger.get("config").status_code == 200
    assert "Traceback" not in caplog.text + capfd.readouterr().err


def test_heartbeats_of_nobody_are_refused_and_those_of_one_browser_bounded(address):
    assert httpx.get(f"{address}{API}/heartbeat/nobody").json()["error"]["code"] == "no_cookie"
    with Stranger(address) as stranger, ExitStack() as open_ones:
        answers = []
        for number in range(40):
            request = stranger.client.build_request("GET", f"{API}/heartbeat/page{number}")
            answers.append(stranger.client.send(request, stream=True))
            open_ones.callback(answers[-1].close)
    assert [answer.status_code for answer in answers] == [200] * 32 + [429] * 8
    assert answers[-1].headers["retry-after"]


def test_a_session_is_its_visitors_alone(address):
    with Stranger(address) as ann, Stranger(address) as eve:
        event = ann.events()[0]
        assert ann.send(event, {"text": "", "files": []}, queued=True).status_code == 200
        eve.session = ann.session
        foreign = eve.send(event, {"text": "", "files": []}, queued=True)
        body = {"session_hash": ann.session, "fn_index": event[0], "event_id": "x"}
        answers = [
            foreign,
            eve.post(f"{API}/cancel", json=body),
            eve.get(f"{API}/heartbeat/{ann.session}"),
        ]
        answers.append(eve.get(f"{API}/queue/data", params={"session_hash": ann.session}))
        assert [answer.json()["error"]["code"] for answer in answers] == ["foreign_session"] * 4
        both = eve.get(f"{API}/queue/data?session_hash=eve&session_hash={ann.session}")
        assert (both.status_code, both.json()["error"]["code"]) == (400, "no_session")
        assert ann.hear()


def test_a_body_that_is_too_large_or_no_event_is_refused(address):
    with Stranger(address) as stranger:
        answers = [
            stranger.post(f"{API}/queue/join", content=content)
            for content in (b"{", b"[]", b"[" * 100_000, b" " * (4 * 1024**2 + 1), b"{}")
        ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 413, 400]


def test_streams_end_with_an_error_of_their_own_when_the_server_stops():
    engine, ends, writing = SeeingEngine(), [], threading.Barrier(9)
    body = {"messages": [{"role": "user", "content": "A long answer"}], "stream": True}

    def listen(address):
        with httpx.stream("POST", f"{address}v1/chat/completions", json=body, timeout=60) as answer:
            lines = answer.iter_lines()
            heard = [next(lines)]
            writing.wait()
            heard += lines
        ends.append([line for line in heard if line][-2:])

    with serving(page_app(engine), engine) as address:
        readers = [threading.Thread(target=listen, args=(address,)) for _ in range(8)]
        for reader in readers:
            reader.start()
        writing.wait()
    for reader in readers:
        reader.join()
    assert [done for _, done in ends] == ["data: [DONE]"] * 8
    errors = [json.loads(last.removeprefix("data: "))["error"]["message"] for last, _ in ends]
    assert errors == ["The model stopped while answering (it was closed). Try again."] * 8


def usual(ask, times=20):
    """Median seconds of so many: a client acknowledges its first few packets at once."""
    return median(timed(ask) for _ in range(times))


def timed(ask):
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start


def test_answers_over_a_kept_connection_do_not_wait_for_an_acknowledgement(address):
    """Head and body go out as two packets: without TCP_NODELAY the second waits 40 ms for the client's delayed ACK."""
    with nagling_server() as slow, httpx.Client() as client:
        ours = usual(lambda: client.get(f"{address}v1/models"))
        theirs = usual(lambda: client.get(slow))
    assert ours < theirs / 2


@contextmanager
def nagling_server():
    """The address of a server that answers in two packets, on a socket as it comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with listener.accept()[0] as connection:
                while connection.recv(65536):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                    connection.sendall(b"ok")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    thread.join()
