"""Settings: what can be chosen at the start. The only reader of the command line and of the environment.

Each setting is a flag and an environment variable: --max-pages and WEBUI_MAX_PAGES. The flag wins.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from webui.errors import SettingsError
from webui.options import Option, make_options
from webui.protocol import MediaLimits


@dataclass(frozen=True, slots=True)
class Settings:
    """`slots` and `context_length` 0 mean: decided from the free memory. `auth` holds (user, password) pairs.

    The first of the models is loaded at the start; `idle_minutes` 0 never unloads. `plan` and `plan_for` end the
    program with a report of what would run on this machine or on such a card. `embedded`: the page is a Space's,
    inside a frame of huggingface.co.
    """

    model: tuple[str, ...] = ("auto",)
    quantization: str = "auto"
    device: str = "auto"
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    auth: tuple[tuple[str, str], ...] = ()
    allow_host: tuple[str, ...] = ()
    allow_origin: tuple[str, ...] = ()
    embedded: bool = False
    slots: int = 0
    context_length: int = 0
    idle_minutes: int = 0
    plan: bool = False
    plan_for: str = ""
    limits: MediaLimits = field(default_factory=MediaLimits)

    @staticmethod
    def from_args(
        argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """What the command line and the environment say. Raises SettingsError; --help ends the program."""
        argv = sys.argv[1:] if argv is None else argv
        environ = os.environ if environ is None else environ
        on_spaces = "SPACE_ID" in environ
        options = make_options(on_spaces)
        values = read_values(options, argv, environ)
        limits = {
            option.limit: values.pop(option.name) * option.scale
            for option in options
            if option.limit
        }
        settings = Settings(limits=MediaLimits(**limits), embedded=on_spaces, **values)
        if set(settings.model) == {"nano"} and settings.quantization not in ("auto", "none"):
            raise SettingsError(
                name="--quantization",
                value=settings.quantization,
                accepted="auto or none with --model nano",
            )
        if settings.share and on_spaces:
            raise SettingsError(
                name="--share",
                value="on",
                accepted="off on Spaces, where the page is public already",
            )
        return settings


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(
            name="The command line", value=message, accepted="the flags that --help lists"
        )


def read_values(
    options: Sequence[Option], argv: Sequence[str], environ: Mapping[str, str]
) -> dict[str, Any]:
    """The value of each option by its name: from its flag, else from its variable, else its default."""
    parser = Parser(
        prog="launch.py", description="A web demo for GLM-4.1V-Thinking.", allow_abbrev=False
    )
    for option in options:
        text = f"{option.help} (default: {option.default or 'none'}; {option.variable})".replace(
            "%", "%%"
        )
        action: dict[str, Any] = {"action": "append"} if option.separator else {}
        if option.switch:
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
