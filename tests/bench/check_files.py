"""Every file of a folder through MediaReader, as a visitor would add it: what became of each, and what was left behind.

python tests/bench/check_files.py FOLDER

While each file is read, somebody else's small picture is read too, and the event loop, which answers everybody, is
asked for a turn every 20 ms.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from processes import adopt_orphans, descendants

from webui.errors import AttachmentError
from webui.media.reader import MediaReader, Selection, find_office
from webui.protocol import MediaLimits, ModelInfo, VideoPart

INFO = ModelInfo("any", 65_536)
TOKENS = 16_384
TURN_S = 0.02


async def verdict(reader: MediaReader, path: Path) -> tuple[str, str]:
    try:
        preview = await reader.preview(path, INFO)
        parts = await reader.load(path, INFO, Selection(), TOKENS)
    except AttachmentError as error:
        return type(error).__name__, str(error)
    count, tokens = preview.cost(Selection(), INFO, TOKENS)
    shown = sum(len(part.frames) if isinstance(part, VideoPart) else 1 for part in parts)
    told = "" if count == shown else f", but {count} were told"
    return (
        "read",
        f"{shown} of {preview.count} {preview.attachment.kind} parts, {tokens:,} tokens{told}",
    )


async def healthy(reader: MediaReader, path: Path) -> float:
    """Seconds until somebody else's good picture was read."""
    start = perf_counter()
    await reader.preview(path, INFO)
    return perf_counter() - start


async def longest_stall(done: asyncio.Event) -> float:
    """The longest time in which the event loop had no turn for anybody, in seconds."""
    longest = 0.0
    while not done.is_set():
        start = perf_counter()
        await asyncio.sleep(TURN_S)
        longest = max(longest, perf_counter() - start - TURN_S)
    return longest


async def main(folder: Path, files: list[Path]) -> int:
    with TemporaryDirectory() as scratch:
        good = Path(scratch) / "good.png"
        Image.new("RGB", (64, 64), "red").save(good)
        return await check(folder, files, good)


async def check(folder: Path, files: list[Path], good: Path) -> int:
    adopt_orphans()
    reader = MediaReader(MediaLimits(), office=find_office())
    reader.warm_up()
    before = descendants(dead=True)
    counts: Counter[str] = Counter()
    left: set[int] = set()
    slowest, others = 0.0, []
    done = asyncio.Event()
    stall = asyncio.create_task(longest_stall(done))
    for path in files:
        start = perf_counter()
        other = asyncio.create_task(healthy(reader, good))
        name, text = await verdict(reader, path)
        seconds = perf_counter() - start
        others.append(await other)
        slowest = max(slowest, seconds)
        counts[name] += 1
        left |= descendants(dead=True) - before
        print(f"{seconds:6.1f} s  {name:<24} {path.relative_to(folder)}: {text}", flush=True)
    reader.close()
    done.set()
    print(
        f"somebody else's picture took {median(others):.2f} s, at most {max(others):.2f} s; ",
        end="",
    )
    print(f"the event loop stood still for {await stall:.2f} s at most")
    print(f"{len(files)} files, the slowest in {slowest:.1f} s; {dict(counts)}")
    print(f"{len(left)} processes left behind, dead or alive")
    return len(left)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.exit(asyncio.run(main(root, sorted(path for path in root.rglob("*") if path.is_file()))))
