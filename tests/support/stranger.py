"""A program that speaks to the running page as a browser does, and sends what no browser would."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx

API = "gradio_api"


class Stranger:
    """One visitor with one open page. The cookies that the server sends are kept unless `forgetful`."""

    def __init__(self, address: str, *, forgetful: bool = False, **headers: str) -> None:
        self.client = httpx.Client(base_url=address, headers=headers, timeout=30)
        self.session = secrets.token_hex(6)
        self.forgetful = forgetful
        self.get("")

    def __enter__(self) -> Stranger:
        return self

    def __exit__(self, *failure: object) -> None:
        self.client.close()

    def get(self, path: str, **options: Any) -> httpx.Response:
        if self.forgetful:
            self.client.cookies.clear()
        return self.client.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        if self.forgetful:
            self.client.cookies.clear()
        return self.client.post(path, **options)

    def upload(self, path: Path) -> str:
        """Where the server keeps the file."""
        response = self.post(f"{API}/upload", files={"files": (path.name, path.read_bytes())})
        return response.json()[0]

    def events(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """Every event that takes what is in the message box: its number and its inputs' components."""
        config = self.get("config").json()
        components = {component["id"]: component for component in config["components"]}
        found = [
            (each["id"], [components[name] for name in each["inputs"]])
            for each in config["dependencies"]
        ]
        return [(number, inputs) for number, inputs in found if any(map(is_composer, inputs))]

    def send(
        self, event: tuple[int, list[dict[str, Any]]], message: Any, *, queued: bool
    ) -> httpx.Response:
        """Trigger the event with this message in the box and all else as the page shows it first."""
        number, inputs = event
        data = [message if is_composer(each) else each["props"].get("value") for each in inputs]
        body = {
            "data": data,
            "fn_index": number,
            "session_hash": self.session,
            "event_data": None,
            "trigger_id": 1,
        }
        return self.post(f"{API}/queue/join" if queued else f"{API}/run/predict", json=body)

    def hear(self) -> list[dict[str, Any]]:
        """All that the events that wait have to say, until they have ended."""
        heard = []
        with self.client.stream(
            "GET", f"{API}/queue/data", params={"session_hash": self.session}
        ) as response:
            for line in response.iter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line.removeprefix("data: ")))
        return heard


def is_composer(component: dict[str, Any]) -> bool:
    return component["type"] == "multimodaltextbox"


def message_with(path: object, **more: object) -> dict[str, Any]:
    return {"text": "x", "files": [{"path": path, "meta": {"_type": "gradio.FileData"}, **more}]}
