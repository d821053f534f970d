"""PDF pages and decks, LibreOffice included."""

import asyncio
from pathlib import Path

import pytest
from files import make_deck, make_pdf, make_picture
from pptx import Presentation
from reading import INFO, TOKENS, limited, load

from webui.errors import NoPagesError, PageRangeError, PasswordProtectedError, TooManyPagesError
from webui.media.attachments import MediaReader, Selection
from webui.protocol import MediaLimits, Progress


async def test_pages_are_chosen_labelled_and_kept_within_the_tokens(reader, tmp_path):
    path = make_pdf(tmp_path / "report.pdf", 5)
    parts = await load(reader, path, Selection("1-2, 5"), 600)
    assert [part.label for part in parts] == ["report.pdf p. 1", "report.pdf p. 2", "report.pdf p. 5"]
    assert sum(INFO.image.tokens(*part.image.size) for part in parts) <= 600
    preview = await reader.preview(path, INFO)
    assert preview.cost(Selection("1-2, 5"), INFO, 600) == (
        3,
        sum(INFO.image.tokens(*part.image.size) for part in parts),
    )


async def test_progress_counts_pages(reader, tmp_path):
    seen: list[Progress] = []
    await reader.load(make_pdf(tmp_path / "a.pdf"), INFO, Selection(), TOKENS, on_progress=seen.append)
    assert seen == [Progress("converting", done, 3) for done in (1, 2, 3)]


async def test_a_preview_shows_small_pages_and_counts_all(tmp_path):
    preview = await limited(max_pages=2).preview(make_pdf(tmp_path / "a.pdf", 4), INFO)
    assert (preview.count, len(preview.sizes), len(preview.thumbnails)) == (4, 4, 2)
    assert max(preview.thumbnails[0].size) <= 480
    with pytest.raises(TooManyPagesError, match="3 pages chosen; at most 2"):
        preview.cost(Selection("1-3"), INFO, TOKENS)


async def test_a_page_that_does_not_exist_is_told(reader, tmp_path):
    with pytest.raises(PageRangeError, match="has 3 pages"):
        await load(reader, make_pdf(tmp_path / "a.pdf"), Selection("9"))


async def test_a_password_is_told(reader, tmp_path):
    with pytest.raises(PasswordProtectedError, match=r"a\.pdf is protected"):
        await reader.preview(make_pdf(tmp_path / "a.pdf", password="secret"), INFO)


async def test_a_pdf_without_pages_is_told(reader, tmp_path):
    text = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    (tmp_path / "a.pdf").write_bytes(text + b"trailer<</Root 1 0 R>>\n%%EOF")
    with pytest.raises(NoPagesError):
        await reader.preview(tmp_path / "a.pdf", INFO)


async def test_a_deck_goes_through_libreoffice_once(reader, tmp_path):
    path = make_deck(tmp_path / "deck.pptx")
    preview = await reader.preview(path, INFO)
    parts = await load(reader, path, Selection("2"))
    assert preview.count == 2
    assert not preview.notice
    assert [part.label for part in parts] == ["deck.pptx slide 2"]
    wide, high = parts[0].image.size
    red, green, _ = parts[0].image.getpixel((wide * 2 // 5, high * 3 // 5))
    assert red > 180 > green


async def test_without_libreoffice_a_deck_is_drawn_and_that_is_said(tmp_path):
    reader = MediaReader(MediaLimits(), office=None)
    preview = await reader.preview(make_deck(tmp_path / "deck.pptx"), INFO)
    assert preview.notice == "drawn_without_office"
    assert preview.count == 2
    wide, high = preview.thumbnails[0].size
    assert preview.thumbnails[0].getpixel((wide * 2 // 5, high * 3 // 5)) == (220, 30, 30)
    reader.close()


async def test_an_encrypted_deck_is_told(reader, tmp_path):
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    (tmp_path / "a.pptx").write_bytes(data)
    with pytest.raises(PasswordProtectedError):
        await reader.preview(tmp_path / "a.pptx", INFO)


async def test_a_linked_picture_is_not_fetched(reader, tmp_path):
    """A deck must not make the server open an address."""
    asked: list[bytes] = []

    async def answer(lines: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        asked.append(await lines.readline())
        out.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await reader.preview(linked_deck(tmp_path, f"http://127.0.0.1:{port}/a.png"), INFO)
    server.close()
    await server.wait_closed()
    assert asked == []


def linked_deck(folder: Path, address: str) -> Path:
    """A deck whose picture lies elsewhere."""
    make_picture(folder / "a.png")
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    picture = slide.shapes.add_picture(str(folder / "a.png"), 0, 0)
    link = slide.part.relate_to(
        address, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image", is_external=True
    )
    blip = picture._element.blipFill.find(".//{http://schemas.openxmlformats.org/drawingml/2006/main}blip")
    key = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
    del blip.attrib[f"{key}embed"]
    blip.set(f"{key}link", link)
    deck.save(folder / "linked.pptx")
    return folder / "linked.pptx"
