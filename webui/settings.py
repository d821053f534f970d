"""Settings: the configuration of the server. The only reader of the command line and environment.

Each option is a flag and an environment variable, such as --max-pages and WEBUI_MAX_PAGES. The flag
takes precedence.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from webui import __version__
from webui.errors import SettingsError
from webui.options import Option, make_options
from webui.protocol import MediaLimits

STATE_NAME = "glm-4.1v-webui"


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of all options.

    The first of `models` is loaded at the start. `slots` and `context_length` 0 are derived from
    the free memory; `idle_minutes` 0 never unloads. `auth` holds (user, password) pairs. `plan` and
    `plan_for` print a report instead of starting the server. `embedded` is true on Hugging Face
    Spaces, where the page is in a frame of huggingface.co. `state_folder` keeps what outlives a
    restart. `temp_folder` holds the folder of this process's temporary files, "" for the system's.
    """

    models: tuple[str, ...] = ("auto",)
    quantization: str = "auto"
    device: str = "auto"
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    auth: tuple[tuple[str, str], ...] = ()
    allow_host: tuple[str, ...] = ()
    allow_origin: tuple[str, ...] = ()
    embedded: bool = False
    max_visitor_upload_mb: int = 1000
    max_total_upload_mb: int = 10_000
    slots: int = 0
    context_length: int = 0
    idle_minutes: int = 0
    plan: bool = False
    plan_for: str = ""
    state_folder: str = f"~/.local/state/{STATE_NAME}"
    temp_folder: str = ""
    limits: MediaLimits = field(default_factory=MediaLimits)

    @staticmethod
    def from_args(
        argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Return the settings of the command line and the environment.

        Raises SettingsError. --help and --version end the program.
        """
        argv = sys.argv[1:] if argv is None else argv
        environ = os.environ if environ is None else environ
        on_spaces = "SPACE_ID" in environ
        options = make_options(on_spaces)
        values = parse_values(options, argv, environ)
        state_folder = values.pop("state_folder") or default_state_folder(environ)
        limits = {
            option.limit: values.pop(option.name) * option.scale
            for option in options
            if option.limit
        }
        settings = Settings(
            models=values.pop("model"),
            limits=MediaLimits(**limits),
            embedded=on_spaces,
            state_folder=state_folder,
            temp_folder=environ.get("GRADIO_TEMP_DIR", ""),
            **values,
        )
        check_combinations(settings)
        return settings


def default_state_folder(environ: Mapping[str, str]) -> str:
    """Return the folder that the XDG Base Directory Specification gives to state.

    It ignores a relative XDG_STATE_HOME.
    """
    home = environ.get("XDG_STATE_HOME", "")
    return f"{home if home.startswith('/') else '~/.local/state'}/{STATE_NAME}"


def check_combinations(settings: Settings) -> None:
    """Raise SettingsError for options that are valid alone but not together."""
    quantized = settings.quantization not in ("auto", "none")
    if set(settings.models) == {"nano"} and quantized:
        accepted = "auto or none with --model nano"
        raise SettingsError(name="--quantization", value=settings.quantization, accepted=accepted)
    if settings.share and settings.embedded:
        accepted = "off on Spaces, where the page is public already"
        raise SettingsError(name="--share", value="on", accepted=accepted)


class Parser(argparse.ArgumentParser):
    """A parser that raises SettingsError instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        accepted = "the flags that --help lists"
        raise SettingsError(name="The command line", value=message, accepted=accepted)


def parse_values(
    options: Sequence[Option], argv: Sequence[str], environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return the value of each option by name: from its flag, its variable, or its default."""
    parser = make_parser(options)
    flags, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(shlex.join(unknown))
    values = {}
    for option in options:
        flag = getattr(flags, option.name)
        if isinstance(flag, list):
            flag = option.separator.join(map(str.strip, flag))
        if flag is not None:
            values[option.name] = option.value(flag, option.flag)
        elif environ.get(option.variable):
            values[option.name] = option.value(environ[option.variable], option.variable)
        else:
            values[option.name] = option.value(option.default, option.flag)
    return values


def make_parser(options: Sequence[Option]) -> Parser:
    """Return a parser that leaves the text of each flag as it is, None where it is absent."""
    parser = Parser(
        prog="launch.py",
        description="Web demo and OpenAI-compatible server for GLM-4.1V-Thinking.",
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("-h", "--help", action="help", help="Show this message and exit.")
    version = f"%(prog)s {__version__}"
    parser.add_argument(
        "--version", action="version", version=version, help="Show the version and exit."
    )
    for option in options:
        details = f"[default: {option.default or 'none'}; {option.variable}]"
        action: dict[str, Any] = {"metavar": option.metavar}
        if option.switch:
            action = {"action": "store_const", "const": "on"}
        elif option.separator:
            action["action"] = "append"
        text = f"{option.help} {details}".replace("%", "%%")
        parser.add_argument(option.flag, dest=option.name, help=text, **action)
    return parser
