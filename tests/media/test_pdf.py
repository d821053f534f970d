"""PDF pages are drawn straight at the wanted size."""

from io import BytesIO

import pymupdf
import pytest
from files import make_pdf

from webui.errors import DamagedFileError, NoPagesError, PasswordProtectedError
from webui.media.formats.pdf import draw_page, natural_sizes, open_document
from webui.media.sizes import fit_share
from webui.protocol import PixelBudget

EMPTY = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj "
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF"
)


def draw(document, pages, size=(210, 297)):
    return [draw_page(document[page - 1], size) for page in pages]


def test_natural_sizes_are_those_at_180_dpi(tmp_path):
    assert natural_sizes(open_document(make_pdf(tmp_path / "a.pdf", 2), "a")) == ((1488, 2105),) * 2


def test_the_chosen_pages_are_drawn_at_their_size(tmp_path):
    """The red square is further right on each page."""
    images = draw(open_document(make_pdf(tmp_path / "a.pdf", 4), "a"), (2, 4))
    for image, index in zip(images, (1, 3), strict=True):
        assert image.size == (210, 297)
        assert image.getpixel(
            ((72 + 60 * index + 25) * 210 // 595, 325 * 297 // 842)
        ) == pytest.approx((219, 31, 31), abs=2)


def test_bytes_are_read_like_a_file(tmp_path):
    assert open_document(BytesIO(make_pdf(tmp_path / "a.pdf").read_bytes()), "a").page_count == 3


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turned_pages_are_upright(tmp_path, rotation):
    document = pymupdf.open(make_pdf(tmp_path / "a.pdf", 1))
    document[0].set_rotation(rotation)
    assert natural_sizes(document) == ((1488, 2105) if rotation % 180 == 0 else (2105, 1488),)


def test_annotations_are_seen(tmp_path):
    document = pymupdf.open(make_pdf(tmp_path / "a.pdf", 1))
    document[0].add_highlight_annot(pymupdf.Rect(72, 500, 500, 700))
    assert draw(document, (1,))[0].getpixel((100, 210)) != (255, 255, 255)


@pytest.mark.parametrize("box", [(1, 20_000), (20_000, 1), (3, 3), (14_400, 14_400)])
def test_odd_page_shapes_are_drawn(tmp_path, box):
    document = pymupdf.open()
    document.new_page(width=box[0], height=box[1])
    budget = PixelBudget()
    size = fit_share(natural_sizes(document)[0], 1, budget, 1000)
    assert draw(document, (1,), size)[0].size == size == budget.fit(*size)


def test_a_password_is_an_error(tmp_path):
    with pytest.raises(PasswordProtectedError):
        open_document(make_pdf(tmp_path / "a.pdf", password="secret"), "a")


def test_a_pdf_that_only_its_owner_may_change_is_read(tmp_path):
    pymupdf.open(make_pdf(tmp_path / "a.pdf")).save(
        tmp_path / "b.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="secret"
    )
    assert open_document(tmp_path / "b.pdf", "b").page_count == 3


@pytest.mark.parametrize(
    ("data", "error"),
    [(EMPTY, NoPagesError), (b"%PDF-1.7\n", DamagedFileError), (b"no pdf", DamagedFileError)],
)
def test_other_bytes_are_an_error(tmp_path, data, error):
    (tmp_path / "a.pdf").write_bytes(data)
    with pytest.raises(error):
        open_document(tmp_path / "a.pdf", "a")
