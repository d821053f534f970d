"""LibreOffice converts presentations without macros and links, and leaves nothing behind."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import pymupdf
import pytest
from files import make_deck, make_picture
from pptx import Presentation
from processes import adopt_orphans, descendants, living, until

from webui.errors import DamagedFileError
from webui.media.decode_job import DecodeJob
from webui.media.formats.libreoffice import convert
from webui.media.formats.registry import office_type
from webui.media.reader import Selection, find_office
from webui.protocol import ModelInfo, SlideLabel

# Each conversion takes LibreOffice seconds.
pytestmark = pytest.mark.slow
INFO = ModelInfo("any", 8192)
MEMORY = 2 * 1024**3
IMAGE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
BLIP = ".//{http://schemas.openxmlformats.org/drawingml/2006/main}blip"


@pytest.fixture(autouse=True)
def nothing_left():
    adopt_orphans()
    before = descendants()
    yield
    assert descendants() <= before


def to_pdf(path: Path) -> Path:
    job = DecodeJob(
        "",
        path=str(path),
        name=path.name,
        folder=str(path.parent),
        office=find_office(),
        resident_bytes=MEMORY,
    )
    return convert(job, office_type("pptx"))


def test_a_deck_becomes_pages_that_hold_its_words(tmp_path):
    deck = make_deck(tmp_path / "a.pptx", 3)
    pdf = to_pdf(deck)
    assert [page.get_text().strip() for page in pymupdf.open(pdf)] == [
        "Slide 1",
        "Slide 2",
        "Slide 3",
    ]


def test_hidden_slides_count(tmp_path):
    deck = Presentation(make_deck(tmp_path / "a.pptx", 3))
    deck.slides[1].element.set("show", "0")
    deck.save(tmp_path / "b.pptx")
    pdf = to_pdf(tmp_path / "b.pptx")
    assert pymupdf.open(pdf).page_count == 3


def test_what_libreoffice_cannot_open_is_damaged(tmp_path):
    (tmp_path / "a.pptx").write_bytes(b"PK\x03\x04ppt/")
    with pytest.raises(DamagedFileError):
        to_pdf(tmp_path / "a.pptx")


async def test_an_old_deck_is_read(reader, tmp_path):
    path = old(make_deck(tmp_path / "a.pptx"))
    parts = await reader.load(path, INFO, Selection("2"), 1000)
    assert [part.label for part in parts] == [SlideLabel(2)]


def old(path: Path) -> Path:
    """Return the presentation as PowerPoint 97 would write it, converted by LibreOffice."""
    profile = f"-env:UserInstallation={(path.parent / 'mine').as_uri()}"
    words = [
        find_office(),
        profile,
        "--headless",
        "--convert-to",
        "ppt",
        "--outdir",
        str(path.parent),
        str(path),
    ]
    assert os.spawnv(os.P_WAIT, words[0], words) == 0
    return path.with_suffix(".ppt")


async def test_a_linked_picture_is_not_fetched(reader, tmp_path):
    asked: list[bytes] = []

    async def answer(lines: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        asked.append(await lines.readline())
        out.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    preview = await reader.preview(linked(tmp_path, f"http://127.0.0.1:{port}/a.png"), INFO)
    server.close()
    await server.wait_closed()
    assert (preview.count, asked) == (1, [])


async def test_a_file_of_the_server_is_not_shown(reader, tmp_path):
    """The same picture is shown inside the file, and not as a link to the disk of the server."""
    inside = await reader.preview(linked(tmp_path, ""), INFO)
    outside = await reader.preview(
        linked(tmp_path, make_picture(tmp_path / "a.png").as_uri()), INFO
    )
    assert (220, 30, 30) in colours(inside)
    assert (220, 30, 30) not in colours(outside)


def colours(preview) -> set[tuple[int, int, int]]:
    return {colour for _, colour in preview.thumbnails[0].getcolors(1 << 20)}


def linked(folder: Path, address: str) -> Path:
    """Write a slide with a picture inside, or with a link to it where there is an address."""
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    picture = slide.shapes.add_picture(
        str(make_picture(folder / "a.png")), 0, 0, 4_000_000, 4_000_000
    )
    if address:
        blip = picture._element.blipFill.find(BLIP)
        slide.part.drop_rel(blip.attrib.pop(f"{RELATION}embed"))
        blip.set(f"{RELATION}link", slide.part.relate_to(address, IMAGE, is_external=True))
    deck.save(folder / "linked.pptx")
    return folder / "linked.pptx"


async def test_nothing_of_libreoffice_stays_dead_or_alive(reader, tmp_path):
    reader.warm_up()
    before = descendants(dead=True)
    for count in (1, 2):
        await reader.preview(make_deck(tmp_path / f"{count}.pptx", count), INFO)
        assert descendants(dead=True) <= before


def offices() -> set[int]:
    """Return the processes of LibreOffice below this one."""
    processes, below = living(), descendants()
    return {
        pid
        for pid in below
        if processes.get(pid, (0, 0, ""))[2].startswith(("soffice", "oosplash"))
    }


async def test_stop_ends_libreoffice(reader, tmp_path):
    before = descendants(dead=True)
    task = asyncio.create_task(reader.preview(make_deck(tmp_path / "a.pptx"), INFO))
    await until(offices)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(descendants(dead=True) - before) == 1, "the fork server stays"


async def test_one_persons_stop_leaves_the_others_conversion(reader, tmp_path):
    deck = make_deck(tmp_path / "a.pptx")
    one, two = (asyncio.create_task(reader.preview(deck, INFO)) for _ in range(2))
    await until(offices)
    one.cancel()
    assert (await two).count == 2


SERVER = """
import asyncio, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from webui.media.reader import MediaReader, find_office
from webui.protocol import MediaLimits, ModelInfo
reader = MediaReader(MediaLimits(), office=find_office())
asyncio.run(reader.preview(Path({deck!r}), ModelInfo("any", 8192)))
"""


async def test_libreoffice_ends_when_the_server_is_killed(tmp_path):
    adopt_orphans()
    deck = str(make_deck(tmp_path / "a.pptx", 30))
    code = SERVER.format(paths=[str(Path(__file__).parents[2])], deck=deck)
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    await until(
        lambda: any(name.startswith("soffice.bin") for *_, name in living_below(server.pid))
    )
    below = descendants(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await until(lambda: not below & living().keys())


def living_below(root: int) -> list[tuple[int, int, str]]:
    processes = living()
    return [processes[pid] for pid in descendants(root) if pid in processes]


def test_libreoffice_is_there():
    assert shutil.which("soffice"), "the tests need libreoffice-impress"
