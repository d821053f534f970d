"""A program that talks to the page's routes as a browser does, and sends what no browser would."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import httpx

API = "gradio_api"
# An event of the page: its number, and the components that are its inputs.
Event = tuple[int, list[dict[str, Any]]]


class PageClient:
    """A visitor with one open page, which keeps the cookies of the server."""

    def __init__(self, address: str, **headers: str) -> None:
        self.client = httpx.Client(base_url=address, headers=headers, timeout=60)
        self.session = secrets.token_hex(6)
        self.get("")

    def __enter__(self) -> PageClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.close()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.client.post(path, **options)

    def upload(self, path: Path) -> str:
        """Upload the file, and return its path on the server."""
        response = self.post(f"{API}/upload", files={"files": (path.name, path.read_bytes())})
        return response.json()[0]

    def composer_events(self) -> list[Event]:
        """Return every event that has the message box among its inputs."""
        config = self.get("config").json()
        components = {component["id"]: component for component in config["components"]}
        events = []
        for dependency in config["dependencies"]:
            inputs = [components[name] for name in dependency["inputs"]]
            if any(map(is_composer, inputs)):
                events.append((dependency["id"], inputs))
        return events

    def send(self, event: Event, message: Any, *, queued: bool) -> httpx.Response:
        """Trigger the event with this message in the box and the page's first values elsewhere."""
        number, inputs = event
        data = [
            message if is_composer(component) else component["props"].get("value")
            for component in inputs
        ]
        body = {
            "data": data,
            "fn_index": number,
            "session_hash": self.session,
            "event_data": None,
            "trigger_id": 1,
        }
        return self.post(f"{API}/queue/join" if queued else f"{API}/run/predict", json=body)

    def read_events(self) -> list[dict[str, Any]]:
        """Return everything that the queued events send, until they have ended."""
        messages = []
        params = {"session_hash": self.session}
        with self.client.stream("GET", f"{API}/queue/data", params=params) as response:
            for line in response.iter_lines():
                if line.startswith("data: "):
                    messages.append(json.loads(line.removeprefix("data: ")))
        return messages


def is_composer(component: dict[str, Any]) -> bool:
    return component["type"] == "multimodaltextbox"


def message_with(path: object, **file: object) -> dict[str, Any]:
    """Return the value of a message box with one file."""
    return {"text": "x", "files": [{"path": path, "meta": {"_type": "gradio.FileData"}, **file}]}
