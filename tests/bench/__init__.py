"""The benchmark's parts, run by bench_engine.py.

Importing it puts the project on the path, so that the benchmark runs from any folder and without installation.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
