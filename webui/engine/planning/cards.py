"""Cards that people have, with the memory that they report to torch. For plans of machines that are not at hand."""

from __future__ import annotations

import re

from webui.engine.planning.hardware import Card, Machine

GIBIBYTE = 1024**3
# What a CUDA context takes before anything is loaded.
CONTEXT_BYTES = int(0.4 * GIBIBYTE)
# Name, memory as reported in GiB, compute capability. Cards with ECC report less than they are sold with.
KNOWN: tuple[tuple[str, float, tuple[int, int]], ...] = (
    ("T4", 14.56, (7, 5)),
    ("A10G", 21.96, (8, 6)),
    ("L4", 22.09, (8, 9)),
    ("RTX 4090", 23.53, (8, 9)),
    ("V100 32 GB", 31.74, (7, 0)),
    ("A100 40 GB", 39.39, (8, 0)),
    ("L40S", 44.39, (8, 9)),
    ("A100 80 GB", 79.25, (8, 0)),
    ("H100", 79.19, (9, 0)),
    ("H200", 139.8, (9, 0)),
)
# Of the memory that a card is sold with, at least so much is reported.
REPORTED = 0.91
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?GB", re.IGNORECASE)


def unused_card(name: str, total_bytes: int, capability: tuple[int, int] = (8, 0)) -> Card:
    """A card that nothing else uses."""
    return Card(name, total_bytes, total_bytes - CONTEXT_BYTES, capability)


def machines_named(text: str) -> tuple[Machine, ...]:
    """Machines with one card each: "24 GB", the name of a known card, or "all" of these. ValueError for another."""
    known = {
        name.lower(): unused_card(name, int(size * GIBIBYTE), capability)
        for name, size, capability in KNOWN
    }
    if size := SIZE.fullmatch(text):
        cards = [unused_card(f"a card of {text}", int(float(size[1]) * REPORTED * GIBIBYTE))]
    elif text.lower() == "all":
        cards = list(known.values())
    elif text.lower() in known:
        cards = [known[text.lower()]]
    else:
        raise ValueError
    return tuple(Machine((card,)) for card in cards)
