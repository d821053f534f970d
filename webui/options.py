"""The options: name, default, accepted values, help, and how their text becomes a value.

Reads neither the command line nor the environment; settings.py does.
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
HOST_NAME = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*")
ORIGIN = re.compile(r"https?://[\w.-]+(:\d+)?")
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
# (option, field of MediaLimits, field units per option unit, bounds, what is limited)
LIMITS = (
    ("max_file_mb", "max_file_bytes", MEGABYTE, (1, 100_000), "size of one file in MB"),
    (
        "max_image_megapixels",
        "max_image_pixels",
        1_000_000,
        (1, 1000),
        "size of one picture in megapixels",
    ),
    ("max_pages", "max_pages", 1, (1, 10_000), "number of pages read at once"),
    ("max_frames", "max_frames", 1, (2, 1000), "number of frames sampled from one video"),
    ("max_video_minutes", "max_video_s", 60, (1, 100_000), "length of one video in minutes"),
    ("convert_timeout_s", "convert_timeout_s", 1, (1, 86_400), "time to read one file in seconds"),
    ("office_timeout_s", "office_timeout_s", 1, (1, 86_400), "time to convert one deck in seconds"),
    (
        "convert_memory_mb",
        "convert_memory_bytes",
        MEGABYTE,
        (256, 10**6),
        "memory to read one file in MB",
    ),
)


@dataclass(frozen=True, slots=True)
class Option:
    """One option, with the texts that --help and errors show.

    `parse` makes a value from text and raises ValueError or KeyError unless the text is as
    `expected` says. `limit` is the field of MediaLimits that the option sets, in units of `scale`.
    `separator` stands between several values; such a flag may be repeated. A `switch` is a flag
    without a value.
    """

    name: str
    default: str
    expected: str
    help: str
    parse: Callable[[str], Any]
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

    def value(self, text: str, source: str) -> Any:
        """Return the parsed text. Raises SettingsError, which names the flag or variable."""
        try:
            return self.parse(text)
        except (ValueError, KeyError):
            raise SettingsError(name=source, value=text, accepted=self.expected) from None


def make_options(on_spaces: bool) -> tuple[Option, ...]:
    """Return all options; a few defaults differ on Hugging Face Spaces."""
    return (
        *model_options(),
        *server_options(on_spaces),
        *access_options(on_spaces),
        *upload_options(),
        *plan_options(),
        *limit_options(),
    )


def model_options() -> tuple[Option, ...]:
    return (
        Option(
            "model",
            "auto",
            "auto, nano, a hub id such as zai-org/GLM-4.1V-9B-Thinking, "
            "or a folder that holds a checkpoint",
            "Model to serve: auto (the largest GLM-4.1V that fits the GPU, else nano), nano (the "
            "bundled model), a hub id or a folder. Repeat the flag, or separate names by commas, "
            "to offer several: the first is loaded at the start, the others on request.",
            parse_models,
            "NAME",
            separator=",",
        ),
        choice_option(
            "quantization",
            ("auto", "none", "8bit", "4bit"),
            "Precision of the weights in GPU memory. auto: unquantized on a GPU of 32 GB or more, "
            "else 4bit.",
        ),
        Option(
            "device",
            "auto",
            "auto, cpu, cuda or cuda:N",
            "Device that runs the model.",
            pattern_parser(DEVICE),
            "DEVICE",
        ),
        number_option(
            "slots",
            0,
            (0, 4096),
            "Conversations kept on the device at once. 0: as many as memory allows.",
        ),
        number_option(
            "context_length",
            0,
            (0, 10_000_000),
            "Tokens of one conversation. 0: the model's own limit, if memory allows.",
        ),
        number_option(
            "idle_minutes",
            0,
            (0, 100_000),
            "Unload the model after this many minutes without a request. 0: never.",
        ),
    )


def server_options(on_spaces: bool) -> tuple[Option, ...]:
    """Return the options for the address of the server."""
    return (
        Option(
            "host",
            "0.0.0.0" if on_spaces else "127.0.0.1",
            "an address of this machine, or 0.0.0.0 for all of them",
            "Bind to this address. 0.0.0.0 accepts connections from other machines.",
            pattern_parser(re.compile(r"\S+")),
            "ADDRESS",
        ),
        number_option("port", 7860, (0, 65_535), "Bind to this port. 0: a free port."),
        switch_option("share", "Create a public link through Gradio's tunnel."),
    )


def access_options(on_spaces: bool) -> tuple[Option, ...]:
    """Return the options for the users and sites that have access."""
    return (
        Option(
            "auth",
            "",
            "USER:PASSWORD, neither of them empty nor with spaces",
            "Require this login. Repeat the flag for more accounts; the variable separates them by "
            "spaces.",
            parse_accounts,
            "USER:PASSWORD",
            separator=" ",
        ),
        Option(
            "state_folder",
            "",
            "a folder",
            "Keep the secret that signs logins in this folder, so that a login outlives a restart. "
            "Without it: glm-4.1v-webui in XDG_STATE_HOME or ~/.local/state.",
            str,
            "FOLDER",
        ),
        Option(
            "allow_host",
            "*" if on_spaces else "",
            "host names such as demo.example.com, *.example.com or *, without a port",
            "Host name under which this server may be reached, in addition to localhost, IP "
            "addresses and this machine's name. Repeat the flag for more.",
            list_parser(HOST_NAME),
            "NAME",
            separator=",",
        ),
        Option(
            "allow_origin",
            "",
            "origins such as https://example.com",
            "Another site whose pages may call and embed this server. Repeat the flag for more.",
            list_parser(ORIGIN),
            "ORIGIN",
            separator=",",
        ),
    )


def upload_options() -> tuple[Option, ...]:
    return (
        number_option(
            "max_visitor_upload_mb",
            1000,
            (1, 10**6),
            "Maximum size in MB of the files that one visitor, or one account, has uploaded and "
            "that are not deleted yet.",
        ),
        number_option(
            "max_total_upload_mb",
            10_000,
            (1, 10**8),
            "Maximum size in MB of the uploaded files of all visitors.",
        ),
    )


def plan_options() -> tuple[Option, ...]:
    return (
        switch_option("plan", "Show what would run on this machine and exit."),
        Option(
            "plan_for",
            "",
            "a size or a name",
            'Show what would run on a GPU, such as "24 GB", L4 or all, and exit.',
            str,
            "GPU",
        ),
    )


def limit_options() -> tuple[Option, ...]:
    """Return the options for the fields of MediaLimits, with its defaults."""
    defaults = MediaLimits()
    return tuple(
        number_option(
            name, getattr(defaults, limit) // scale, bounds, f"Maximum {text}.", limit, scale
        )
        for name, limit, scale, bounds, text in LIMITS
    )


def number_option(
    name: str, default: int, bounds: tuple[int, int], text: str, limit: str = "", scale: int = 1
) -> Option:
    low, high = bounds

    def parse(number: str) -> int:
        value = int(number)
        if not low <= value <= high:
            raise ValueError
        return value

    expected = f"a whole number from {low} to {high}"
    return Option(name, str(default), expected, text, parse, "N", limit, scale)


def choice_option(name: str, choices: tuple[str, ...], text: str) -> Option:
    """Return an option with fixed values, of which the first is the default."""
    metavar = "|".join(choices)
    parse = pattern_parser(re.compile(metavar))
    return Option(name, choices[0], ", ".join(choices), text, parse, metavar)


def switch_option(name: str, text: str) -> Option:
    return Option(name, "off", "on or off", text, parse_boolean, switch=True)


def pattern_parser(pattern: re.Pattern[str]) -> Callable[[str], str]:
    """Return a parser that accepts text that matches the whole pattern."""

    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError
        return text

    return parse


def list_parser(pattern: re.Pattern[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a parser of names between commas, each of which matches the pattern."""
    parse_name = pattern_parser(pattern)

    def parse(text: str) -> tuple[str, ...]:
        return tuple(parse_name(name.strip()) for name in text.split(",") if name.strip())

    return parse


def parse_boolean(text: str) -> bool:
    return BOOLEANS[text.lower()]


def parse_models(text: str) -> tuple[str, ...]:
    """Return the models between commas, without repeats; the name of a folder may hold commas."""
    if Path(text).expanduser().is_dir():
        return (parse_model(text),)
    return tuple(dict.fromkeys(parse_model(name.strip()) for name in text.split(",")))


def parse_model(text: str) -> str:
    if not text:  # Path("") would be the current folder
        raise ValueError
    if text in ("auto", "nano"):
        return text
    folder = Path(text).expanduser()
    return str(folder) if folder.is_dir() else pattern_parser(HUB_ID)(text)


def parse_accounts(text: str) -> tuple[tuple[str, str], ...]:
    accounts = []
    for pair in text.split():
        user, _, password = pair.partition(":")
        if not user or not password:
            raise ValueError
        accounts.append((user, password))
    return tuple(accounts)
