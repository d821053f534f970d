"""The house's formatter, linter and type checker have nothing to say."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ["launch.py", "webui", "tests"]
CHECKS = [
    ["ruff", "format", "--check", *CODE],
    ["ruff", "check", *CODE],
    ["mypy", "launch.py", "webui"],
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: " ".join(check[:2]))
def test_checkers_agree(check):
    done = subprocess.run(
        [sys.executable, "-m", *check], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
