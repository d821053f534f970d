"""A process whose device is lost: requests fail, and the server restarts by itself."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from page_client import API, PageClient
from page_server import free_port, until_ready
from person import make_image

from webui.restart import Restart
from webui.run_folder import PREFIX

GUARD_S = 60
MORTAL = Path(__file__).with_name("support") / "mortal_server.py"
BODY = {"messages": [{"role": "user", "content": "abc"}]}


@pytest.mark.slow
def test_a_server_whose_device_is_lost_restarts_by_itself(tmp_path):
    port = free_port()
    with subprocess.Popen([sys.executable, str(MORTAL), str(port), str(tmp_path)]) as process:
        address = f"http://127.0.0.1:{port}/"
        try:
            until_ready(process, address)
            response = httpx.post(f"{address}v1/chat/completions", json=BODY, timeout=GUARD_S)
            assert response.status_code in (500, 503)
            assert response.json()["error"]["message"]
            until_answered(process, address)
            (folder,) = tmp_path.glob(f"{PREFIX}*")
            with PageClient(address) as client:
                uploaded = client.upload(make_image(tmp_path / "mine.png", "red"))
                assert Path(uploaded).is_relative_to(folder)
                assert client.get(f"{API}/file={uploaded}").status_code == 200
        finally:
            process.terminate()
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def until_answered(process, address):
    """Wait for an answer of the new process."""
    while process.poll() is None:
        try:
            response = httpx.post(f"{address}v1/chat/completions", json=BODY, timeout=GUARD_S)
        except httpx.TransportError:
            response = None
        if response is not None and response.status_code == 200:
            assert response.json()["choices"][0]["message"]["content"] == "abc"
            return
        time.sleep(0.1)
    raise AssertionError(f"the server ended with status {process.returncode}")


def test_a_process_that_has_just_started_is_not_restarted():
    now = [0.0]
    restart = Restart(60.0, lambda: now[0])
    restart.request()
    assert not restart.requested
    now[0] = 61.0
    restart.request()
    assert restart.requested
