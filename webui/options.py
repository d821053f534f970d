"""The options of the command line: name, default, what is accepted, and how its text becomes a value.

Reads neither the command line nor the environment: that is settings.py's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webui.errors import SettingsError
from webui.protocol import MediaLimits

MEGABYTE = 1024**2
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
HOST = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*")
ORIGIN = re.compile(r"https?://[\w.-]+(:\d+)?")
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
SWITCH = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `read` makes a value of its text, ValueError or KeyError if `accepted` does not hold.

    `limit` names the field of MediaLimits that it sets, `scale` turns its unit into that field's.
    `separator` stands between several values, for which the flag may be repeated. A `switch` is on where its flag is.
    """

    name: str
    default: str
    accepted: str
    help: str
    read: Callable[[str], Any]
    metavar: str | None = None
    limit: str = ""
    scale: int = 1
    separator: str = ""
    switch: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "WEBUI_" + self.name.upper()

    def value(self, text: str, told_by: str) -> Any:
        try:
            return self.read(text)
        except (ValueError, KeyError):
            raise SettingsError(name=told_by, value=text, accepted=self.accepted) from None


def make_options(on_spaces: bool) -> tuple[Option, ...]:
    return (
        Option(
            "model",
            "auto",
            "auto, nano, a hub id such as zai-org/GLM-4.1V-9B-Thinking, or a folder that holds a checkpoint",
            "auto (the largest GLM-4.1V that the GPU holds, else nano), nano (the bundled one), a hub id or a folder; "
            "repeat it, or write commas, for several: the first is loaded at the start, others when they are asked for",
            read_models,
            "NAME",
            separator=",",
        ),
        choice(
            "quantization",
            ("auto", "none", "8bit", "4bit"),
            "how the weights are kept in GPU memory; auto: whole on a GPU of 32 GB or more, else 4bit",
        ),
        Option("device", "auto", "auto, cpu, cuda or cuda:N", "where the model runs", matching(DEVICE), "DEVICE"),
        *address_options(on_spaces),
        number("slots", 0, 0, 4096, "conversations kept on the device at once; 0: as many as memory allows"),
        number("context_length", 0, 0, 10_000_000, "tokens of one conversation; 0: the model's own, if memory allows"),
        Option("plan", "off", "on or off", "print what would run on this machine, and end", read_switch, switch=True),
        Option(
            "plan_for",
            "",
            "a size or a name",
            'print what would run on a card such as "24 GB" or L4, or on all that are known, and end',
            str,
            "CARD",
        ),
        number("idle_minutes", 0, 0, 100_000, "minutes without a request after which the model is unloaded; 0: never"),
        *limit_options(),
    )  # fmt: skip


def address_options(on_spaces: bool) -> tuple[Option, ...]:
    """Where the server is, and who is let in."""
    return (
        Option(
            "host",
            "0.0.0.0" if on_spaces else "127.0.0.1",
            "an address of this machine, or 0.0.0.0 for all of them",
            "the address to listen at; 0.0.0.0 lets other machines in",
            matching(re.compile(r"\S+")),
            "ADDRESS",
        ),
        number("port", 7860, 0, 65_535, "the port to listen at; 0 takes a free one"),
        Option("share", "off", "on or off", "make a public link through Gradio's tunnel", read_switch, switch=True),
        Option(
            "auth",
            "",
            "USER:PASSWORD, neither of them empty nor with spaces",
            "let in only who knows this; repeat it for more people, in the variable with spaces between them",
            read_auth,
            "USER:PASSWORD",
            separator=" ",
        ),
        Option(
            "allow_host",
            "*" if on_spaces else "",
            "host names such as demo.example.com, *.example.com or *, without a port",
            "a name under which this server is reached, beside localhost, its addresses and this machine's name; "
            "repeat it for more",
            read_names(HOST),
            "NAME",
            separator=",",
        ),
        Option(
            "allow_origin",
            "",
            "origins such as https://example.com",
            "another site whose pages may use and frame this server; repeat it for more",
            read_names(ORIGIN),
            "ORIGIN",
            separator=",",
        ),
    )  # fmt: skip


def limit_options() -> tuple[Option, ...]:
    known = MediaLimits()
    rows = (
        ("max_file_mb", "max_file_bytes", MEGABYTE, 1, 100_000, "megabytes of one file"),
        ("max_image_megapixels", "max_image_pixels", 1_000_000, 1, 1000, "megapixels of one picture"),
        ("max_pages", "max_pages", 1, 1, 10_000, "pages read at once"),
        ("max_frames", "max_frames", 1, 2, 1000, "frames sampled from one video"),
        ("max_video_minutes", "max_video_s", 60, 1, 100_000, "length of one video in minutes"),
        ("convert_timeout_s", "convert_timeout_s", 1, 1, 86_400, "seconds that reading one file may take"),
        ("office_timeout_s", "office_timeout_s", 1, 1, 86_400, "seconds that converting one deck may take"),
        ("convert_memory_mb", "convert_memory_bytes", MEGABYTE, 256, 10**6, "megabytes of memory for reading one file"),
    )  # fmt: skip
    return tuple(
        number(name, getattr(known, limit) // scale, low, high, text, limit=limit, scale=scale)
        for name, limit, scale, low, high, text in rows
    )


def number(
    name: str, default: int, low: int, high: int, text: str, *, limit: str = "", scale: int = 1
) -> Option:
    def read(written: str) -> int:
        value = int(written)
        if not low <= value <= high:
            raise ValueError
        return value

    return Option(
        name, str(default), f"a whole number from {low} to {high}", text, read, "N", limit, scale
    )


def choice(name: str, accepted: tuple[str, ...], text: str) -> Option:
    listed = ", ".join(accepted)
    return Option(
        name,
        accepted[0],
        listed,
        text,
        matching(re.compile("|".join(accepted))),
        "|".join(accepted),
    )


def matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return read


def read_names(pattern: re.Pattern[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        return tuple(matching(pattern)(name.strip()) for name in text.split(",") if name.strip())

    return read


def read_switch(text: str) -> bool:
    return SWITCH[text.lower()]


def read_models(text: str) -> tuple[str, ...]:
    if Path(text).expanduser().is_dir():  # its name may have a comma
        return (read_model(text),)
    return tuple(dict.fromkeys(read_model(part.strip()) for part in text.split(",")))


def read_model(text: str) -> str:
    if not text:  # which Path takes for this folder
        raise ValueError
    folder = Path(text).expanduser()
    if text in ("auto", "nano"):
        return text
    if folder.is_dir():
        return str(folder)
    return matching(HUB_ID)(text)


def read_auth(text: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for pair in text.split():
        user, _, password = pair.partition(":")
        if not user or not password:
            raise ValueError
        pairs.append((user, password))
    return tuple(pairs)
