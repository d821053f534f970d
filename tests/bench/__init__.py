"""The benchmark's parts, run by bench_engine.py."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
