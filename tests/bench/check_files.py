"""Read every file of a folder as the page does, and report results, delays and left processes.

    python tests/bench/check_files.py FOLDER

While each file is read, a small picture of another user is read too, and a task on the event loop,
which serves all users, wakes up every 20 ms.
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
WAKEUP_S = 0.02


async def read_file(reader: MediaReader, path: Path) -> tuple[str, str]:
    try:
        preview = await reader.preview(path, INFO)
        parts = await reader.load(path, INFO, Selection(), TOKENS)
    except AttachmentError as error:
        return type(error).__name__, str(error)
    count, tokens = preview.cost(Selection(), INFO, TOKENS)
    loaded = sum(len(part.frames) if isinstance(part, VideoPart) else 1 for part in parts)
    note = "" if count == loaded else f", but the cost said {count}"
    return (
        "read",
        f"{loaded} of {preview.count} {preview.attachment.kind} parts, {tokens:,} tokens{note}",
    )


async def time_small_picture(reader: MediaReader, path: Path) -> float:
    """Return the seconds until a small picture of another user was read."""
    start = perf_counter()
    await reader.preview(path, INFO)
    return perf_counter() - start


async def longest_stall(done: asyncio.Event) -> float:
    """Return the longest time in seconds in which the event loop ran no other task."""
    longest = 0.0
    while not done.is_set():
        start = perf_counter()
        await asyncio.sleep(WAKEUP_S)
        longest = max(longest, perf_counter() - start - WAKEUP_S)
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
        other = asyncio.create_task(time_small_picture(reader, good))
        name, text = await read_file(reader, path)
        seconds = perf_counter() - start
        others.append(await other)
        slowest = max(slowest, seconds)
        counts[name] += 1
        left |= descendants(dead=True) - before
        print(f"{seconds:6.1f} s  {name:<24} {path.relative_to(folder)}: {text}", flush=True)
    reader.close()
    done.set()
    usual_s, slowest_s = median(others), max(others)
    print(
        f"a small picture of another user took {usual_s:.2f} s, at most {slowest_s:.2f} s; ", end=""
    )
    print(f"the event loop stood still for {await stall:.2f} s at most")
    print(f"{len(files)} files, the slowest in {slowest:.1f} s; {dict(counts)}")
    print(f"{len(left)} processes left behind, dead or alive")
    return len(left)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.exit(asyncio.run(main(root, sorted(path for path in root.rglob("*") if path.is_file()))))
