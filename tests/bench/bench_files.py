"""Measure how long files take that are read in a child process: python tests/bench/bench_files.py

The pages of the last rows have the sizes of GLM-4.1V's: two megapixels each.
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

from files import make_pdf, make_picture, make_report
from reading import ALL, INFO, limited, load

from webui.media.decoded_files import DecodedFile
from webui.media.reader import MediaReader, Preview
from webui.protocol import ModelInfo, PixelBudget

REPEATS = 15
CONCURRENT = 16
PAGES = 20
OWNER = "ann"
FLAGSHIP = ModelInfo("GLM-4.1V", 65_536, image=PixelBudget(28, 6272, 5_880_000))
# What a child would do without the fork server.
START = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from webui.media.worker import load_libraries; load_libraries()"
)


async def median_seconds(work: Callable[[], Awaitable[object]]) -> float:
    times: list[float] = []
    for _ in range(REPEATS):
        start = perf_counter()
        await work()
        times.append(perf_counter() - start)
    return median(times)


async def measure_small_files(reader: MediaReader, folder: Path) -> None:
    picture, document = make_picture(folder / "a.png", (224, 224)), make_pdf(folder / "a.pdf", 3)
    await load(reader, picture)
    works: dict[str, Callable[[], Awaitable[object]]] = {
        "a picture of 224 pixels": lambda: load(reader, picture),
        f"{CONCURRENT} of them at once": lambda: asyncio.gather(
            *(load(reader, picture) for _ in range(CONCURRENT))
        ),
        "3 pages of a PDF, to show": lambda: reader.preview(document, INFO),
        "3 pages of a PDF, to read": lambda: load(reader, document),
        "to start Python and load the libraries": lambda: asyncio.to_thread(
            subprocess.run, [sys.executable, "-I", "-c", START], check=True
        ),
    }
    for name, work in works.items():
        print_row(name, await median_seconds(work))


async def measure_question(reader: MediaReader, folder: Path) -> None:
    """Preview, then question, as the page does it; and a question without a preview."""
    path, tokens = make_report(folder / "report.pdf", PAGES), FLAGSHIP.media_tokens
    times: dict[str, list[float]] = {}

    def record(name: str, start: float) -> None:
        times.setdefault(f"{PAGES} pages: {name}", []).append(perf_counter() - start)

    for _ in range(REPEATS):
        start = perf_counter()
        preview = await reader.preview(path, FLAGSHIP, ALL, tokens, owner=OWNER)
        record("preview", start)
        await preview_end(preview)
        record("preview, until the question's pages are there", start)
        start = perf_counter()
        await reader.load(path, FLAGSHIP, ALL, tokens, owner=OWNER)
        record("preview, then read", start)
        assert preview.count == PAGES
        start = perf_counter()
        await reader.load(path, FLAGSHIP, ALL, tokens)
        record("read without a preview", start)
    for name, seconds in times.items():
        print_row(name, median(seconds))


async def preview_end(preview: Preview) -> None:
    """Wait until the child has decoded the pages of the question."""
    assert isinstance(preview.decoded, DecodedFile)
    async with preview.decoded.lock:
        pass


def print_row(name: str, seconds: float) -> None:
    print(f"{name:<55} {seconds * 1000:7.1f} ms", flush=True)


async def main(folder: Path) -> None:
    reader = limited()
    await measure_small_files(reader, folder)
    await measure_question(reader, folder)
    reader.close()


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        asyncio.run(main(Path(scratch)))
