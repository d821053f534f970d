"""Every file of a folder through MediaReader, as a visitor would add it: what became of each, and what was left behind.

python tests/check_files.py FOLDER
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from webui.errors import AttachmentError
from webui.media.attachments import MediaReader, Selection, find_office
from webui.protocol import MediaLimits, ModelInfo


def children() -> set[str]:
    """Processes that descend from this one or were left behind by it."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if (b"webui.media.worker" in command or b"soffice" in command) and entry.name != str(os.getpid()):
            found.add(entry.name)
    return found


async def verdict(reader: MediaReader, path: Path) -> tuple[str, str]:
    info = ModelInfo("any", 32_768)
    try:
        preview = await reader.preview(path, info)
        parts = await reader.load(path, info, Selection(), 8192)
    except AttachmentError as error:
        return type(error).__name__, str(error)
    return "read", f"{preview.attachment.kind}, {preview.count} shown, {len(parts)} parts"


async def main(folder: Path, files: list[Path]) -> int:
    reader = MediaReader(MediaLimits(), office=find_office())
    counts: Counter[str] = Counter()
    for path in files:
        start = perf_counter()
        name, text = await verdict(reader, path)
        counts[name] += 1
        print(f"{perf_counter() - start:6.1f} s  {name:<24} {path.relative_to(folder)}: {text}", flush=True)
    reader.close()
    left = children()
    print(f"{len(files)} files: {dict(counts)}; {len(left)} processes left behind")
    return len(left)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.exit(asyncio.run(main(root, sorted(path for path in root.rglob("*") if path.is_file()))))
