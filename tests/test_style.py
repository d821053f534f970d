"""The formatter, the linter and the type checker have no findings."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ["launch.py", "webui", "tests", "assets"]
CHECKS = [
    ["ruff", "format", "--check", *CODE],
    ["ruff", "check", *CODE],
    pytest.param(["mypy", "launch.py", "webui"], marks=pytest.mark.slow),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: " ".join(check[:2]))
def test_a_checker_has_no_findings(check):
    command = [sys.executable, "-m", *check]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stdout + process.stderr
