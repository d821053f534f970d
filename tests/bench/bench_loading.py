"""Measure the peak memory of loading, beside the weights.

    python tests/bench/bench_loading.py [--layers 2]

Random weights of the 9B's widths, with fewer layers, are written to a temporary folder and loaded
in a process of their own, as the product loads them. Two layers need 10 GB of memory and 4 GB of
disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]
from bench.random_checkpoint import TRUE_SIZE, write_checkpoint

CHILD = """
import sys, threading, time
sys.path.insert(0, {root!r})
from pathlib import Path
from webui.engine.loading.catalog import choose
from webui.engine.loading import loader
def anonymous():
    rows = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return int(rows["RssAnon"].split()[0]) * 1024
before = peak = anonymous()
done = threading.Event()
def watch():
    global peak
    while not done.is_set():
        peak = max(peak, anonymous())
        time.sleep(0.002)
watcher = threading.Thread(target=watch, daemon=True)
watcher.start()
choice = choose({folder!r}, {quantization!r}, None, Path({folder!r}))
read = loader.load_weights
def load_weights(*arguments):
    global peak_of_weights
    model = read(*arguments)
    peak_of_weights = peak - before
    return model
loader.load_weights = load_weights
loaded = loader.load(choice, "cpu", 1, 512, lambda progress: None)
done.set()
watcher.join()
from webui.engine.loading.self_test import measure_distance
counts = loaded.memory_bytes, peak_of_weights, peak - before, anonymous() - before
print(*counts, measure_distance(loaded.runner))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--quantization", choices=("auto", "8bit", "4bit"), default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = json.loads(TRUE_SIZE.read_text())
        layer = write_checkpoint(Path(folder), config, layers=options.layers)
        code = CHILD.format(root=str(ROOT), folder=folder, quantization=options.quantization)
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
        )
    *counts, distance = done.stdout.split()
    weights, read, peak, held = map(int, counts)
    for name, count in (
        ("weights", weights),
        ("one layer", layer),
        ("peak of reading and packing", read),
        ("peak with the self-test", peak),
        ("held afterwards", held),
    ):
        print(f"{name}: {count / 1e9:.2f} GB")
    print(f"peak less weights, in layers: {(read - weights) / layer:.2f}")
    print(f"logits from transformers', in their root mean square: {float(distance):.2g}")


if __name__ == "__main__":
    main()
