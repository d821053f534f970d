"""How long a file takes that is read in a child, forked as the product does it, and how long to start Python for it.

python tests/bench/bench_files.py
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from files import make_pdf, make_picture
from reading import INFO, limited, load

REPEATS = 15
AT_ONCE = 16
# What a child needs before it can look at its job.
START = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from webui.media.worker import load_libraries; load_libraries()"
)


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        await work()
        times.append(perf_counter() - start)
    return median(times)


async def measure(folder: Path) -> None:
    reader = limited()
    picture, document = make_picture(folder / "a.png", (224, 224)), make_pdf(folder / "a.pdf", 3)
    await load(reader, picture)
    works: dict[str, Callable[[], Awaitable[object]]] = {
        "a picture of 224 pixels": lambda: load(reader, picture),
        f"{AT_ONCE} of them at once": lambda: asyncio.gather(
            *(load(reader, picture) for _ in range(AT_ONCE))
        ),
        "3 pages of a PDF, to show": lambda: reader.preview(document, INFO),
        "3 pages of a PDF, to read": lambda: load(reader, document),
        "to start Python and load the libraries": lambda: asyncio.to_thread(
            subprocess.run, [sys.executable, "-I", "-c", START], check=True
        ),
    }
    for name, work in works.items():
        print(f"{name:<40} {await seconds(work) * 1000:7.1f} ms")
    reader.close()


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        asyncio.run(measure(Path(scratch)))
