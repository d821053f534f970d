"""A device that is lost to its process: everybody is told, and the server comes back in a process of its own accord."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
from page_server import free_port, until_ready

from webui.restart import Restart

MORTAL = Path(__file__).with_name("support") / "mortal_server.py"
BODY = {"messages": [{"role": "user", "content": "abc"}]}


def test_a_server_whose_device_is_lost_comes_back_by_itself(tmp_path):
    port = free_port()
    with subprocess.Popen([sys.executable, str(MORTAL), str(port), str(tmp_path)]) as process:
        address = f"http://127.0.0.1:{port}/"
        try:
            until_ready(process, address)
            lost = httpx.post(f"{address}v1/chat/completions", json=BODY, timeout=60)
            assert lost.status_code in (500, 503)
            assert lost.json()["error"]["message"]
            until_answered(process, address)
        finally:
            process.terminate()


def until_answered(process, address):
    """Wait for an answer of the process that has taken over."""
    while process.poll() is None:
        try:
            answer = httpx.post(f"{address}v1/chat/completions", json=BODY, timeout=60)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == 200:
            assert answer.json()["choices"][0]["message"]["content"] == "abc"
            return
        time.sleep(0.1)
    raise AssertionError(f"the server ended with status {process.returncode}")


def test_a_process_that_has_only_just_begun_is_not_begun_anew():
    now = [0.0]
    restart = Restart(60.0, lambda: now[0])
    restart.request()
    assert not restart.requested
    now[0] = 61.0
    restart.request()
    assert restart.requested
