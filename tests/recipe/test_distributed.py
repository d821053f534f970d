"""Data-parallel processes take different items and share the mean of their gradients."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch
from nano_model import NANO
from recipe.training.distributed import DataParallel

# Gradients: of all processes, of none, and of the second alone.
PROGRAM = """
import json, torch
from recipe.training.distributed import DataParallel
group = DataParallel.from_torchrun()
shared, unused, partial = (torch.nn.Parameter(torch.zeros(size)) for size in (2, 2, 3))
shared.grad = torch.full((2,), 1.0 + group.rank)
if group.rank:
    partial.grad = torch.full((3,), 4.0)
group.average_gradients([shared, unused, partial])
items = [group.shard(range(100))[step] for step in range(3)]
gradients = [shared.grad.tolist(), unused.grad, partial.grad.tolist()]
print(json.dumps([gradients, items, group.mean(group.rank)]))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_two_processes_take_alternate_items_and_average_their_gradients():
    group = {
        "PYTHONPATH": str(NANO),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | group | {"RANK": rank},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    first, second = (json.loads(process.communicate(timeout=300)[0]) for process in processes)
    assert first[0] == second[0] == [[1.5, 1.5], None, [2.0, 2.0, 2.0]]
    assert (first[1], second[1]) == ([0, 2, 4], [1, 3, 5])
    assert first[2] == second[2] == 0.5


def test_a_single_process_keeps_its_gradients_and_all_items(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    group = DataParallel.from_torchrun()
    weight, unused = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
    weight.grad = torch.ones(2)
    group.average_gradients([weight, unused])
    assert (weight.grad.tolist(), unused.grad) == ([1.0, 1.0], None)
    assert [group.shard(range(100))[step] for step in range(3)] == [0, 1, 2]
    assert group.mean(0.25) == 0.25
