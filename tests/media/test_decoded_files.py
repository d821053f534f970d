"""A file is decoded once: a question's pages are those that its preview has decoded."""

import asyncio
import gc
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fake_sandbox import FakeSandbox
from files import make_deck, make_pdf, make_picture, make_video
from PIL import Image
from processes import until
from reading import ALL, INFO, TOKENS

from webui.errors import DamagedFileError, TooSlowError
from webui.media.decoded_files import DecodedFiles
from webui.media.reader import MediaReader, Selection
from webui.media.source_file import recognise
from webui.protocol import MediaLimits, PageLabel, Progress


class Readers:
    """A reader over a sandbox whose conversions end at once, with files of four pages."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ("a.pdf", "b.pdf")) -> None:
        self.sandbox = FakeSandbox(pages=4)
        self.sandbox.release(*names)
        self.reader = MediaReader(MediaLimits(), office=None, sandbox=self.sandbox)
        self.paths = {name: make_pdf(folder / name, 4) for name in names}

    async def preview(self, name: str = "a.pdf", owner: str = "ann", tokens: int = TOKENS):
        preview = await self.reader.preview(self.paths[name], INFO, ALL, tokens, owner=owner)
        await until(lambda: not preview.decoded.lock.locked())
        return preview

    async def load(self, name="a.pdf", owner="ann", pages="", tokens=TOKENS):
        """Return the labels of the question's pages, and the numbers of those drawn for it."""
        self.sandbox.drawn.clear()
        selection = Selection(pages)
        parts = await self.reader.load(self.paths[name], INFO, selection, tokens, owner=owner)
        return [part.label.number for part in parts], [page for _, page in self.sandbox.drawn]


@pytest.fixture
def readers(tmp_path):
    return Readers(tmp_path)


async def test_a_question_draws_nothing_that_its_preview_drew(readers):
    preview = await readers.preview()
    assert await readers.load() == ([1, 2, 3, 4], [])
    assert readers.sandbox.begun == ["a.pdf"]
    assert preview.count == 4


async def test_pages_of_the_same_size_are_not_drawn_again_for_another_selection(readers):
    preview = await readers.preview()
    assert await readers.load(pages="2-3") == ([2, 3], [])
    assert preview.count == 4


async def test_a_question_draws_only_the_pages_that_are_missing(readers):
    limits = MediaLimits(max_pages=2)
    readers.reader = MediaReader(limits, office=None, sandbox=readers.sandbox)
    preview = await readers.preview()
    assert await readers.load(pages="2, 4") == ([2, 4], [4])
    assert preview.count == 4


@pytest.mark.parametrize("other", [{"tokens": TOKENS // 2}, {"owner": "bob"}, {"owner": ""}])
async def test_other_sizes_and_other_owners_draw_their_own(readers, other):
    preview = await readers.preview()
    pages, drawn = await readers.load(**other)
    assert pages == drawn
    assert preview.count == 4


async def test_a_preview_without_an_owner_or_tokens_draws_thumbnails_only(readers):
    await readers.preview(owner="")
    await readers.preview(tokens=0)
    assert readers.sandbox.drawn == []


async def test_a_changed_file_is_decoded_anew(readers):
    preview = await readers.preview()
    path = readers.paths["a.pdf"]
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert await readers.load() == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert preview.count == 4


async def test_pages_go_with_their_preview(readers):
    preview = await readers.preview()
    assert preview.count == 4
    del preview
    gc.collect()
    assert await readers.load() == ([1, 2, 3, 4], [1, 2, 3, 4])


async def test_pages_belong_to_the_message_once_they_are_loaded(readers):
    preview = await readers.preview()
    await readers.load()
    assert preview.decoded.size_bytes == 0


async def test_pages_of_an_owner_are_dropped_when_the_session_ends(readers):
    previews = [await readers.preview(owner=owner) for owner in ("ann", "bob")]
    readers.reader.forget("ann")
    assert [preview.decoded.size_bytes > 0 for preview in previews] == [False, True]


async def test_the_least_recently_used_file_is_dropped_first(tmp_path):
    files = DecodedFiles(max_bytes=3 * 4 * 100)
    opened = []
    for name in "abc":
        source = recognise(make_pdf(tmp_path / name, 1), 10**6)
        opened.append(files.open("ann", source))
        opened[-1].add_image({"page": 1}, blank(200))
    files.open("ann", recognise(tmp_path / "a", 10**6))
    files.trim()
    assert [decoded.size_bytes for decoded in opened] == [800, 0, 0]


async def test_a_file_that_is_being_decoded_keeps_its_pages(tmp_path):
    files = DecodedFiles(max_bytes=0)
    decoded = files.open("ann", recognise(make_pdf(tmp_path / "a", 1), 10**6))
    decoded.add_image({"page": 1}, blank(200))
    async with decoded.lock:
        files.trim()
        files.forget("ann")
        assert decoded.size_bytes == 800
    files.trim()
    assert decoded.size_bytes == 0


def blank(pixels: int) -> Image.Image:
    return Image.new("RGB", (pixels, 1))


async def test_thumbnails_are_shown_before_the_pages_for_the_model_are_drawn(readers):
    readers.sandbox.may_draw.clear()
    preview = await readers.reader.preview(readers.paths["a.pdf"], INFO, ALL, TOKENS, owner="ann")
    assert (len(preview.thumbnails), readers.sandbox.drawn) == (4, [])
    question = asyncio.create_task(readers.load())
    await asyncio.sleep(0.01)
    readers.sandbox.may_draw.set()
    assert await question == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert readers.sandbox.begun == ["a.pdf"], "the question had a child of its own"


async def test_a_question_hears_of_the_child_of_its_preview(reader, tmp_path):
    path, reports = make_pdf(tmp_path / "a.pdf", 40), []
    tokens = 40 * 600
    preview = await reader.preview(path, INFO, ALL, tokens, owner="ann")
    await reader.load(path, INFO, ALL, tokens, owner="ann", on_progress=reports.append)
    assert reports[-1] == Progress("converting", 40, 40)
    assert preview.count == 40


async def test_closing_ends_the_children_of_previews(readers):
    readers.sandbox.may_draw.clear()
    preview = await readers.reader.preview(readers.paths["a.pdf"], INFO, ALL, TOKENS, owner="ann")
    readers.reader.close()
    await until(lambda: not preview.decoded.lock.locked())
    assert readers.sandbox.drawn == []


async def test_a_page_that_fails_ahead_fails_the_question_and_not_the_preview(readers):
    readers.sandbox.failing["a.pdf"] = TooSlowError(name="a.pdf", limit_s=30)
    preview = await readers.preview()
    assert (preview.count, len(preview.thumbnails)) == (4, 4)
    with pytest.raises(TooSlowError):
        await readers.load()


@pytest.mark.parametrize("page", [{"page": 9}, {"page": 1, "size": [9, 9]}, {"page": "x"}])
async def test_pages_that_were_not_asked_for_are_damage(readers, page):
    class Lying(FakeSandbox):
        async def _send_pages(self, job, name, on_reply):
            async def lie(reply):
                if "page" in reply.values:
                    size = page.get("size", reply.values["size"])
                    data = reply.data[: 3 * size[0] * size[1]]
                    reply = replace(reply, values=reply.values | page, data=data)
                await on_reply(reply)

            await super()._send_pages(job, name, lie)

    readers.sandbox = Lying(pages=1)
    readers.sandbox.release("a.pdf")
    readers.reader = MediaReader(MediaLimits(), office=None, sandbox=readers.sandbox)
    with pytest.raises((DamagedFileError, ValueError)):
        await readers.load()


@pytest.mark.parametrize(
    "make",
    [make_pdf, pytest.param(make_deck, marks=pytest.mark.slow), make_picture, make_video],
)
async def test_what_was_decoded_ahead_is_what_a_question_alone_gets(reader, tmp_path, make):
    suffix = {make_pdf: "pdf", make_deck: "pptx", make_picture: "png", make_video: "mp4"}[make]
    path = tmp_path / f"a.{suffix}"
    make(path, [index / 10 for index in range(30)]) if make is make_video else make(path)
    alone = await reader.load(path, INFO, ALL, INFO.media_tokens, owner="bob")
    preview = await reader.preview(path, INFO, ALL, INFO.media_tokens, owner="ann")
    await until(lambda: not preview.decoded.lock.locked())
    assert preview.decoded.size_bytes > 0
    ahead = await reader.load(path, INFO, ALL, INFO.media_tokens, owner="ann")
    assert pixels(ahead) == pixels(alone)
    assert [getattr(part, "label", None) for part in ahead] == [
        getattr(part, "label", None) for part in alone
    ]


def pixels(parts) -> list[object]:
    return [getattr(part, "digest", None) or part.digests for part in parts]


async def test_a_picture_is_labelled_by_its_name_and_a_page_by_its_number(reader, tmp_path):
    (page,) = await reader.load(make_pdf(tmp_path / "a.pdf", 1), INFO, ALL, TOKENS)
    assert page.label == PageLabel(1)
