"""How long a model may think, in the four words that people and programs choose from. Imports nothing of ours."""

from __future__ import annotations

from typing import Literal, get_args

Level = Literal["off", "short", "normal", "long"]
LEVELS: tuple[Level, ...] = get_args(Level)
# Reasoning tokens; None leaves the model free. Questions about one picture are mostly thought through in 300 to 1,500.
BUDGETS: dict[Level, int | None] = {"off": 0, "short": 512, "normal": 2048, "long": None}
