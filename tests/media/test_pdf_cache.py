"""The cache converts a file once for all callers, keeps no failure, and drops the least used."""

import asyncio
from pathlib import Path

import pytest
from processes import until

from webui.errors import DamagedFileError
from webui.media.pdf_cache import ConvertedFile, PdfCache


def made(size: int = 10) -> ConvertedFile:
    return ConvertedFile(b"%" * size, "pptx")


class Office:
    """Converts once `go` is set, and counts the conversions that began and ended."""

    def __init__(self, size: int = 10, error: Exception | None = None) -> None:
        self.size, self.error = size, error
        self.begun = self.ended = 0
        self.go = asyncio.Event()

    async def convert(self) -> ConvertedFile:
        self.begun += 1
        try:
            await self.go.wait()
            if self.error:
                raise self.error
            return made(self.size)
        finally:
            self.ended += 1


def deck(folder: Path, name: str = "a", content: str = "") -> Path:
    (folder / name).write_text(content or name)
    return folder / name


async def ask(cache: PdfCache, path: Path, office: Office) -> asyncio.Task:
    task = asyncio.create_task(cache.get(path, office.convert))
    await until(lambda: office.begun or task.done())
    return task


async def test_the_same_bytes_are_converted_once(tmp_path):
    cache, office = PdfCache(), Office()
    tasks = [await ask(cache, deck(tmp_path, name, "same"), office) for name in "abc"]
    office.go.set()
    assert await asyncio.gather(*tasks) == [made()] * 3
    assert await cache.get(deck(tmp_path, "d", "same"), office.convert) == made()
    assert office.begun == 1


async def test_a_failure_reaches_all_callers_and_is_not_kept(tmp_path):
    cache, bad, good = PdfCache(), Office(error=DamagedFileError(name="a")), Office()
    tasks = [await ask(cache, deck(tmp_path), bad) for _ in range(2)]
    await until(lambda: sum(cache._waiting.values()) == 2)
    bad.go.set()
    assert [type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == [
        DamagedFileError
    ] * 2
    good.go.set()
    assert await cache.get(deck(tmp_path), good.convert)


async def test_it_ends_when_the_last_one_goes(tmp_path):
    cache, office = PdfCache(), Office()
    tasks = [await ask(cache, deck(tmp_path), office) for _ in range(2)]
    await until(lambda: sum(cache._waiting.values()) == 2)
    for task, ended in zip(tasks, (0, 1), strict=True):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert office.ended == ended


async def test_the_least_used_goes_first(tmp_path):
    cache, office = PdfCache(max_bytes=25), Office()
    office.go.set()
    for name in "abaca":
        await cache.get(deck(tmp_path, name), office.convert)
    assert office.begun == 3
    await cache.get(deck(tmp_path, "b"), office.convert)
    assert office.begun == 4


async def test_a_pdf_that_is_too_large_to_keep_is_still_returned(tmp_path):
    cache, office = PdfCache(max_bytes=5), Office()
    office.go.set()
    assert await cache.get(deck(tmp_path), office.convert) == made()


async def test_closing_ends_what_runs(tmp_path):
    cache, office = PdfCache(), Office()
    task = await ask(cache, deck(tmp_path), office)
    cache.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert office.ended == 1
