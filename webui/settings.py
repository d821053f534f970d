"""Settings: what can be chosen at the start. The only reader of the command line and of the environment.

Each setting is a flag and an environment variable: --max-pages and WEBUI_MAX_PAGES. The flag wins.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from webui.errors import SettingsError
from webui.protocol import MediaLimits

MEGABYTE = 1024**2
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """`slots` and `context_length` 0 mean: decided from the free memory. `auth` holds (user, password) pairs.

    The first of the models is loaded at the start; `idle_minutes` 0 never unloads.
    """

    model: tuple[str, ...] = ("auto",)
    quantization: str = "none"
    device: str = "auto"
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    auth: tuple[tuple[str, str], ...] = ()
    slots: int = 0
    context_length: int = 0
    idle_minutes: int = 0
    limits: MediaLimits = field(default_factory=MediaLimits)

    @staticmethod
    def from_args(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """What the command line and the environment say. Raises SettingsError; --help ends the program."""
        argv = sys.argv[1:] if argv is None else argv
        environ = os.environ if environ is None else environ
        on_spaces = "SPACE_ID" in environ
        options = make_options(on_spaces)
        values = read_values(options, argv, environ)
        limits = {option.limit: values.pop(option.name) * option.scale for option in options if option.limit}
        settings = Settings(limits=MediaLimits(**limits), **values)
        if set(settings.model) == {"nano"} and settings.quantization != "none":
            raise SettingsError(name="--quantization", value=settings.quantization, accepted="none with --model nano")
        if settings.share and on_spaces:
            raise SettingsError(name="--share", value="on", accepted="off on Spaces, where the page is public already")
        return settings


@dataclass(frozen=True, slots=True)
class Option:
    """One setting. `read` makes a value of its text, ValueError or KeyError if `accepted` does not hold.

    `limit` names the field of MediaLimits that it sets, `scale` turns its unit into that field's.
    `separator` stands between several values, for which the flag may be repeated.
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


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(name="The command line", value=message, accepted="the flags that --help lists")


def read_values(options: Sequence[Option], argv: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """The value of each option by its name: from its flag, else from its variable, else its default."""
    parser = Parser(prog="launch.py", description="A web demo for GLM-4.1V-Thinking.", allow_abbrev=False)
    for option in options:
        text = f"{option.help} (default: {option.default or 'none'}; {option.variable})".replace("%", "%%")
        action: dict[str, Any] = {"action": "append"} if option.separator else {}
        if option.name == "share":
            action = {"action": "store_const", "const": "on"}
        else:
            action["metavar"] = option.metavar
        parser.add_argument(option.flag, dest=option.name, help=text, **action)
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(shlex.join(unknown))
    values = {}
    for option in options:
        told = getattr(given, option.name)
        if told is not None:
            text = option.separator.join(map(str.strip, told)) if isinstance(told, list) else told
            values[option.name] = option.value(text, option.flag)
        elif environ.get(option.variable):
            values[option.name] = option.value(environ[option.variable], option.variable)
        else:
            values[option.name] = option.value(option.default, option.flag)
    return values


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
        choice("quantization", ("none", "8bit", "4bit"), "how the weights are kept in GPU memory"),
        Option("device", "auto", "auto, cpu, cuda or cuda:N", "where the model runs", matching(DEVICE), "DEVICE"),
        Option(
            "host",
            "0.0.0.0" if on_spaces else "127.0.0.1",
            "an address of this machine, or 0.0.0.0 for all of them",
            "the address to listen at; 0.0.0.0 lets other machines in",
            matching(re.compile(r"\S+")),
            "ADDRESS",
        ),
        number("port", 7860, 0, 65_535, "the port to listen at; 0 takes a free one"),
        Option("share", "off", "on or off", "make a public link through Gradio's tunnel", read_switch),
        Option(
            "auth",
            "",
            "USER:PASSWORD, neither of them empty nor with spaces",
            "let in only who knows this; repeat it for more people, in the variable with spaces between them",
            read_auth,
            "USER:PASSWORD",
            separator=" ",
        ),
        number("slots", 0, 0, 4096, "conversations kept on the device at once; 0: as many as memory allows"),
        number("context_length", 0, 0, 10_000_000, "tokens of one conversation; 0: the model's own, if memory allows"),
        number("idle_minutes", 0, 0, 100_000, "minutes without a request after which the model is unloaded; 0: never"),
        *limit_options(),
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


def number(name: str, default: int, low: int, high: int, text: str, *, limit: str = "", scale: int = 1) -> Option:
    def read(written: str) -> int:
        value = int(written)
        if not low <= value <= high:
            raise ValueError
        return value

    return Option(name, str(default), f"a whole number from {low} to {high}", text, read, "N", limit, scale)


def choice(name: str, accepted: tuple[str, ...], text: str) -> Option:
    listed = ", ".join(accepted)
    return Option(name, accepted[0], listed, text, matching(re.compile("|".join(accepted))), "|".join(accepted))


def matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

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
