"""The plan in words, for the command line: what would run on this machine or another, before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from webui.engine.loading.catalog import FLAGSHIP
from webui.engine.loading.checkpoint import read_checkpoint
from webui.engine.loading.download import cache_free_bytes, read_needs
from webui.engine.planning.cards import KNOWN_CARDS, machines_named
from webui.engine.planning.hardware import Machine
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import Plan, PlanOptions, gigabytes, make_plan
from webui.engine.planning.probe import read_machine
from webui.errors import SettingsError


def report_plans(models: tuple[str, ...], wishes: PlanOptions, other: str = "") -> Iterator[str]:
    """A line or more for each model: on this machine, or on one with the card that `other` names.

    Raises SettingsError for a card that is not known, ModelLoadError where what a model needs cannot be read.
    """
    try:
        machines = (
            machines_named(other)
            if other
            else (replace(read_machine(), disk_bytes=cache_free_bytes()),)
        )
    except ValueError:
        accepted = (
            f'a size such as "24 GB", all, or one of {", ".join(name for name, *_ in KNOWN_CARDS)}'
        )
        raise SettingsError(name="--plan-for", value=other, accepted=accepted) from None
    for model in models:
        name, needs = needs_of(model)
        for machine in machines:
            yield from lines(name, machine, make_plan(machine, needs, wishes))


def needs_of(model: str) -> tuple[str, Needs]:
    if model in ("auto", "nano", FLAGSHIP.source):
        return FLAGSHIP.info.name, FLAGSHIP.needs
    folder = Path(model)
    return folder.name, read_checkpoint(
        folder, folder.name
    ).needs if folder.is_dir() else read_needs(model)


def lines(name: str, machine: Machine, made: Plan) -> Iterator[str]:
    yield f"{name}: {made.summary}"
    if made.fits:
        yield (
            f"    {made.device}, weights {gigabytes(made.weight_bytes)}, at most {gigabytes(made.peak_bytes)} while "
            f"loading, {gigabytes(made.reserve_bytes)} kept free"
        )
    else:
        yield "    The bundled model would answer."
