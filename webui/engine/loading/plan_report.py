"""The lines of `--plan` and `--plan-for`: what would run on this machine or on another one."""

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


def report_plans(models: tuple[str, ...], options: PlanOptions, other: str = "") -> Iterator[str]:
    """Yield lines for each model, on this machine or on one with the card that `other` names.

    Raises SettingsError for an unknown card, and ModelLoadError if the needs of a model cannot be
    read.
    """
    machines = find_machines(other)
    for model in models:
        name, needs = needs_of(model)
        for machine in machines:
            yield from describe(name, make_plan(machine, needs, options))


def find_machines(other: str) -> tuple[Machine, ...]:
    """Return the machines that `other` names; this one if it is empty."""
    if not other:
        return (replace(read_machine(), disk_bytes=cache_free_bytes()),)
    try:
        return machines_named(other)
    except ValueError:
        names = ", ".join(name for name, *_ in KNOWN_CARDS)
        accepted = f'a size such as "24 GB", all, or one of {names}'
        raise SettingsError(name="--plan-for", value=other, accepted=accepted) from None


def needs_of(model: str) -> tuple[str, Needs]:
    """Return the name of a model and what it needs. Raises ModelLoadError."""
    if model in ("auto", "nano", FLAGSHIP.source):
        return FLAGSHIP.info.name, FLAGSHIP.needs
    folder = Path(model)
    if folder.is_dir():
        return folder.name, read_checkpoint(folder, folder.name).needs
    return folder.name, read_needs(model)


def describe(name: str, plan: Plan) -> Iterator[str]:
    yield f"{name}: {plan.summary}"
    if plan.fits:
        yield (
            f"    {plan.device}, weights {gigabytes(plan.weight_bytes)}, "
            f"at most {gigabytes(plan.peak_bytes)} while loading, "
            f"{gigabytes(plan.reserve_bytes)} kept free"
        )
    else:
        yield "    The bundled model would answer."
