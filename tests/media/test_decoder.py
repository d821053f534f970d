"""Conversions take turns by owner, so that no one waits for all files of another user."""

import asyncio
from pathlib import Path

import pytest
from fake_sandbox import FakeSandbox
from files import make_deck, make_pdf, make_picture
from processes import until
from reading import INFO

from webui.media.decoder import SMALL_PICTURE_BYTES
from webui.media.reader import MediaReader
from webui.protocol import MediaLimits, Progress


class Visitors:
    """Users of one reader whose conversions last until they are released."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sandbox = folder, FakeSandbox()
        self.reader = MediaReader(MediaLimits(), office="soffice", sandbox=self.sandbox)
        self.tasks: dict[str, asyncio.Task] = {}
        self.progress: dict[str, list[Progress]] = {}

    def add(self, owner: str, path: Path) -> None:
        reports = self.progress.setdefault(path.name, [])
        work = self.reader.preview(path, INFO, owner=owner, on_progress=reports.append)
        self.tasks[path.name] = asyncio.create_task(work)

    async def begun(self, *names: str) -> None:
        await until(lambda: set(names) <= set(self.sandbox.begun))

    async def queued(self, *names: str) -> None:
        await until(lambda: all(self.progress[name] for name in names))

    async def add_slow(
        self, owner: str, count: int, make=make_pdf, suffix: str = "pdf"
    ) -> list[str]:
        """Add slow files of one owner: two begin, the others wait."""
        names = [f"{owner}{number}.{suffix}" for number in range(count)]
        for name in names:
            self.add(owner, make(self.folder / name, 1))
            await (self.begun(name) if name in names[:2] else self.queued(name))
        return names


@pytest.fixture
async def visitors(tmp_path):
    visitors = Visitors(tmp_path)
    yield visitors
    for task in visitors.tasks.values():
        task.cancel()
    await asyncio.gather(*visitors.tasks.values(), return_exceptions=True)


async def test_the_files_of_others_are_read_before_the_third_slow_one(visitors, tmp_path):
    slow = await visitors.add_slow("ann", 8)
    visitors.add("bob", make_picture(tmp_path / "bob.png"))
    visitors.add("cem", make_pdf(tmp_path / "cem.pdf"))
    await visitors.begun("bob.png", "cem.pdf")
    visitors.sandbox.release("bob.png", "cem.pdf")
    await asyncio.gather(visitors.tasks["bob.png"], visitors.tasks["cem.pdf"])
    assert [name for name in visitors.sandbox.begun if name in slow] == slow[:2]


async def test_a_small_picture_is_read_while_slow_files_hold_all_places(visitors, tmp_path):
    await visitors.add_slow("ann", 3)
    visitors.add("bob", make_pdf(tmp_path / "bob.pdf"))
    await visitors.begun("bob.pdf")
    visitors.add("cem", make_pdf(tmp_path / "cem.pdf"))
    await visitors.queued("cem.pdf")
    visitors.add("dan", make_picture(tmp_path / "dan.png"))
    await visitors.begun("dan.png")
    assert "cem.pdf" not in visitors.sandbox.begun


async def test_a_large_picture_waits_its_turn(visitors, tmp_path):
    await visitors.add_slow("ann", 3)
    visitors.add("bob", make_pdf(tmp_path / "bob.pdf"))
    await visitors.begun("bob.pdf")
    large = make_picture(tmp_path / "large.bmp", (2000, SMALL_PICTURE_BYTES // 6000 + 1))
    visitors.add("cem", large)
    await visitors.queued("large.bmp")


async def test_decks_take_turns_too(visitors, tmp_path):
    slow = await visitors.add_slow("ann", 4, make_unlike_deck, "pptx")
    visitors.add("bob", make_unlike_deck(tmp_path / "bob.pptx", 9))
    await visitors.begun("bob.pptx")
    assert [name for name in visitors.sandbox.begun if name in slow] == slow[:2]


def make_unlike_deck(path: Path, slides: int) -> Path:
    """Write a presentation unlike any other: equal ones would share a conversion."""
    make_deck(path, slides)
    with path.open("ab") as file:
        file.write(path.name.encode())
    return path


async def test_slow_presentations_do_not_hold_up_other_files(visitors, tmp_path):
    await visitors.add_slow("ann", 3, make_unlike_deck, "pptx")
    visitors.add("ann", make_pdf(tmp_path / "a.pdf"))
    await visitors.begun("a.pdf")


async def test_a_picture_of_an_api_client_takes_its_turn(visitors, tmp_path):
    await visitors.add_slow("ann", 2)
    data = make_picture(tmp_path / "a.png").read_bytes()
    mine = [
        asyncio.create_task(visitors.reader.load_image_bytes(data, f"{n}", INFO, owner="ann"))
        for n in range(2)
    ]
    await visitors.begun("0")
    visitors.add("bob", make_picture(tmp_path / "bob.png"))
    await visitors.begun("bob.png")
    assert "1" not in visitors.sandbox.begun
    visitors.sandbox.release("0", "1")
    await asyncio.gather(*mine)


async def test_the_wait_is_reported_and_so_is_its_end(visitors):
    names = await visitors.add_slow("ann", 4)
    assert visitors.progress[names[3]] == [Progress("queued", 1)]
    visitors.sandbox.release(names[0])
    await visitors.begun(names[2])
    assert visitors.progress[names[2]] == [Progress("queued", 0), Progress("converting")]
    assert visitors.progress[names[3]] == [Progress("queued", 1), Progress("queued", 0)]
    assert visitors.progress[names[0]] == []


async def test_a_cancelled_wait_begins_nothing(visitors):
    names = await visitors.add_slow("ann", 4)
    visitors.tasks[names[2]].cancel()
    await asyncio.wait([visitors.tasks[names[2]]])
    visitors.sandbox.release(names[0])
    await visitors.begun(names[3])
    assert names[2] not in visitors.sandbox.begun
