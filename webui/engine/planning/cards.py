"""GPUs in common use and the memory that they report, for plans of machines not at hand."""

from __future__ import annotations

import re

from webui.engine.planning.hardware import Card, Machine

GIBIBYTE = 1024**3
# What a CUDA context takes before anything is loaded.
CUDA_CONTEXT_BYTES = int(0.4 * GIBIBYTE)
# Name, memory that torch reports in GiB, compute capability. Cards with ECC report less memory than
# they are sold with.
KNOWN_CARDS: tuple[tuple[str, float, tuple[int, int]], ...] = (
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
# The smallest part of its nominal memory that a card reports.
REPORTED_FRACTION = 0.91
NOMINAL_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?GB", re.IGNORECASE)


def unused_card(name: str, total_bytes: int, capability: tuple[int, int] = (8, 0)) -> Card:
    """Return a card whose memory no other program uses."""
    return Card(name, total_bytes, total_bytes - CUDA_CONTEXT_BYTES, capability)


def machines_named(text: str) -> tuple[Machine, ...]:
    """Return machines of one card each for "24 GB", the name of a known card, or "all".

    Raises ValueError for any other text.
    """
    known: dict[str, Card] = {}
    for name, gibibytes, capability in KNOWN_CARDS:
        known[name.lower()] = unused_card(name, int(gibibytes * GIBIBYTE), capability)
    if size := NOMINAL_SIZE.fullmatch(text):
        total_bytes = int(float(size[1]) * REPORTED_FRACTION * GIBIBYTE)
        cards = [unused_card(f"a card of {text}", total_bytes)]
    elif text.lower() == "all":
        cards = list(known.values())
    elif text.lower() in known:
        cards = [known[text.lower()]]
    else:
        raise ValueError
    return tuple(Machine((card,)) for card in cards)
