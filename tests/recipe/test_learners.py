"""Two learners of the bundled model's recipe: other lessons, the same mean of their gradients."""

import json
import os
import socket
import subprocess
import sys

from nano_model import NANO

PROGRAM = """
import json, torch
from recipe.training.distributed import Learners
learners = Learners.of_torchrun()
mine, nobodys = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
mine.grad = torch.full((2,), 1.0 + learners.rank)
one = torch.nn.Parameter(torch.zeros(3))
if learners.rank:
    one.grad = torch.full((3,), 4.0)
learners.average([mine, nobodys, one])
items = [learners.own(range(100))[step] for step in range(3)]
shared = None if one.grad is None else one.grad.tolist()
print(json.dumps([mine.grad.tolist(), nobodys.grad, shared, items, learners.agree(learners.rank)]))
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def run(environment: dict[str, str]) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(NANO)} | environment
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True
    )


def test_two_learners_take_turns_with_the_lessons_and_share_what_they_learn():
    group = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    pair = [run(group | {"RANK": rank}) for rank in "01"]
    first, second = (json.loads(each.communicate(timeout=120)[0]) for each in pair)
    assert first[:3] == second[:3] == [[1.5, 1.5], None, [2.0, 2.0, 2.0]]
    assert (first[3], second[3]) == ([0, 2, 4], [1, 3, 5])
    assert first[4] == second[4] == 0.5


def test_alone_nothing_changes():
    done = run({})
    assert json.loads(done.communicate(timeout=120)[0]) == [[1.0, 1.0], None, None, [0, 1, 2], 0.0]
