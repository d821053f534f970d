"""How much memory loading takes at its peak, beside the weights: python tests/bench/bench_loading.py [--layers 2].

Random weights of the 9B's widths, with fewer layers, are written to a temporary folder and loaded in a process of its
own, as the product loads them. 10 GB of memory and 4 GB of disk for two layers.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]
from bench.subject import token_ids

NANO = ROOT / "assets" / "glm4v-nano"
CONFIG = ROOT / "tests" / "bench" / "glm-4.1v-9b.json"
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
loaded = loader.load(choice, "cpu", 1, 512, lambda progress: None)
done.set()
watcher.join()
from webui.engine.loading.self_test import measure_distance
print(loaded.memory_bytes, peak - before, anonymous() - before, measure_distance(loaded.runner))
"""


def write_checkpoint(folder: Path, layers: int) -> int:
    """Returns the bytes of one layer in float32."""
    import torch
    from transformers import AutoProcessor, Glm4vConfig, Glm4vForConditionalGeneration

    config = json.loads(CONFIG.read_text())
    config["text_config"]["num_hidden_layers"] = config["vision_config"]["depth"] = layers
    config |= token_ids(AutoProcessor.from_pretrained(NANO).tokenizer)
    for file in NANO.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "config.json":
            shutil.copy(file, folder)
    with torch.device("cpu"):
        model = Glm4vForConditionalGeneration._from_config(
            Glm4vConfig.from_dict(config), dtype=torch.bfloat16
        )
    model.save_pretrained(folder)
    return sum(weight.numel() for weight in model.model.language_model.layers[0].parameters()) * 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--quantization", choices=("auto", "8bit", "4bit"), default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        layer = write_checkpoint(Path(folder), options.layers)
        code = CHILD.format(root=str(ROOT), folder=folder, quantization=options.quantization)
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
        )
    *counts, distance = done.stdout.split()
    weights, peak, held = map(int, counts)
    for name, count in (
        ("weights", weights),
        ("one layer", layer),
        ("peak", peak),
        ("held afterwards", held),
    ):
        print(f"{name}: {count / 1e9:.2f} GB")
    print(f"peak less weights, in layers: {(peak - weights) / layer:.2f}")
    print(f"logits from transformers', in their root mean square: {float(distance):.2g}")


if __name__ == "__main__":
    main()
