"""Probe: the machine as torch and the NVIDIA driver see it. Imports torch."""

from __future__ import annotations

import re
import shutil
import subprocess

import torch

from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.host_memory import available_bytes

QUERY = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
PATIENCE_S = 10


def read_machine() -> Machine:
    """What is there now. A driver without usable cards is one that is too old, or a torch without CUDA."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cards = tuple(_card(index) for index in range(count))
    return Machine(cards, driver_version(), torch.version.cuda or "", available_bytes())


def _card(index: int) -> Card:
    properties = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    return Card(properties.name, total, free, (properties.major, properties.minor))


def driver_version(query: tuple[str, ...] = QUERY) -> int:
    """The major version of the NVIDIA driver, 0 where there is none. `query` is passed in by tests only."""
    if shutil.which(query[0]) is None:
        return 0
    try:
        told = subprocess.run(
            query, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"(\d+)\.", told)
    return int(found[1]) if found else 0
