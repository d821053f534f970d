"""The machine as torch and the NVIDIA driver see it. Imports torch."""

from __future__ import annotations

import re
import shutil
import subprocess

import torch

from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.host_memory import available_bytes

DRIVER_QUERY = ("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
QUERY_TIMEOUT_S = 10


def read_machine() -> Machine:
    """Return the machine as it is now.

    A machine with a driver but no cards has a driver that is too old, or a torch without CUDA.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cards = tuple(_read_card(index) for index in range(count))
    return Machine(cards, read_driver_version(), torch.version.cuda or "", available_bytes())


def _read_card(index: int) -> Card:
    properties = torch.cuda.get_device_properties(index)
    free_bytes, total_bytes = torch.cuda.mem_get_info(index)
    return Card(properties.name, total_bytes, free_bytes, (properties.major, properties.minor))


def read_driver_version(query: tuple[str, ...] = DRIVER_QUERY) -> int:
    """Return the major version of the NVIDIA driver, 0 if there is none. Tests pass `query`."""
    if shutil.which(query[0]) is None:
        return 0
    try:
        output = subprocess.run(
            query, capture_output=True, text=True, timeout=QUERY_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.match(r"(\d+)\.", output)
    return int(version[1]) if version else 0
