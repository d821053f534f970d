"""Every file of a folder through MediaReader, as a visitor would add it: what became of each, and what was left behind.

python tests/check_files.py FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from processes import adopt_orphans, descendants

from webui.errors import AttachmentError
from webui.media.attachments import MediaReader, Selection, find_office
from webui.protocol import MediaLimits, ModelInfo, VideoPart

INFO = ModelInfo("any", 65_536)
TOKENS = 16_384


async def verdict(reader: MediaReader, path: Path) -> tuple[str, str]:
    try:
        preview = await reader.preview(path, INFO)
        parts = await reader.load(path, INFO, Selection(), TOKENS)
    except AttachmentError as error:
        return type(error).__name__, str(error)
    count, tokens = preview.cost(Selection(), INFO, TOKENS)
    shown = sum(len(part.frames) if isinstance(part, VideoPart) else 1 for part in parts)
    told = "" if count == shown else f", but {count} were told"
    return "read", f"{shown} of {preview.count} {preview.attachment.kind} parts, {tokens:,} tokens{told}"


async def main(folder: Path, files: list[Path]) -> int:
    adopt_orphans()
    reader = MediaReader(MediaLimits(), office=find_office())
    counts: Counter[str] = Counter()
    left: set[int] = set()
    slowest = 0.0
    for path in files:
        start = perf_counter()
        name, text = await verdict(reader, path)
        seconds = perf_counter() - start
        slowest = max(slowest, seconds)
        counts[name] += 1
        left |= descendants()
        print(f"{seconds:6.1f} s  {name:<24} {path.relative_to(folder)}: {text}", flush=True)
    reader.close()
    print(f"{len(files)} files, the slowest in {slowest:.1f} s; {len(left)} processes left behind; {dict(counts)}")
    return len(left)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.exit(asyncio.run(main(root, sorted(path for path in root.rglob("*") if path.is_file()))))
