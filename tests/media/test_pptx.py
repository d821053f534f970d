"""Without LibreOffice, words, pictures, colours and tables are drawn in their places."""

import pymupdf
import pytest
from files import RED, make_deck, make_picture
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import MSO_SHAPE
from pptx.util import Inches, Pt

from webui.errors import DamagedFileError, NoPagesError
from webui.media.formats.pptx import draw as draw_pptx

BLUE = (79, 129, 189)  # the default theme's first accent


@pytest.fixture
def draw(tmp_path):
    """Return a function that draws the slide which `make` fills."""

    def drawn(make, layout: int = 6) -> pymupdf.Page:
        deck = Presentation()
        make(deck.slides.add_slide(deck.slide_layouts[layout]))
        deck.save(tmp_path / "a.pptx")
        return pymupdf.open(draw_pptx(str(tmp_path / "a.pptx"), "a.pptx", str(tmp_path)))[0]

    return drawn


def colour_at(page: pymupdf.Page, x: float, y: float) -> tuple[int, ...]:
    """Return the colour at a place in inches."""
    return page.get_pixmap().pixel(round(x * 72), round(y * 72))


def add(shapes, form=MSO_SHAPE.RECTANGLE, place=(2, 2, 4, 2)):
    return shapes.add_shape(form, *map(Inches, place))


def test_every_slide_is_a_page_of_its_size(tmp_path):
    document = pymupdf.open(draw_pptx(str(make_deck(tmp_path / "a.pptx", 3)), "a", str(tmp_path)))
    assert [page.rect.br for page in document] == [(720, 540)] * 3
    assert [page.get_text().strip() for page in document] == ["Slide 1", "Slide 2", "Slide 3"]


def test_words_keep_size_weight_and_colour(draw):
    def make(slide):
        run = (
            slide.shapes.add_textbox(Inches(1), Inches(1), Inches(6), Inches(2))
            .text_frame.paragraphs[0]
            .add_run()
        )
        run.text, run.font.size, run.font.bold = "a < b & 中文", Pt(30), True
        run.font.color.rgb = RGBColor(*RED)

    (*_, span) = draw(make).get_text("dict")["blocks"][0]["lines"][0]["spans"]
    assert (round(span["size"]), span["color"]) == (30, 0xDC1E1E)
    assert "a < b & 中文" in draw(make).get_text().replace("\xa0", " ")


def test_titles_take_the_size_of_the_master(draw):
    page = draw(lambda slide: setattr(slide.shapes.title, "text", "Growth"), layout=5)
    assert round(page.get_text("dict")["blocks"][0]["lines"][0]["spans"][0]["size"]) == 44


@pytest.mark.parametrize(
    "form", [MSO_SHAPE.RECTANGLE, MSO_SHAPE.OVAL, MSO_SHAPE.ISOSCELES_TRIANGLE]
)
def test_shapes_without_a_fill_of_their_own_take_the_themes(draw, form):
    page = draw(lambda slide: add(slide.shapes, form))
    assert colour_at(page, 4, 3.5) == BLUE
    assert colour_at(page, 1, 1) == (255, 255, 255)


def test_theme_colours_can_be_lighter(draw):
    def make(slide):
        fill = add(slide.shapes).fill
        fill.solid()
        fill.fore_color.theme_color, fill.fore_color.brightness = MSO_THEME_COLOR.ACCENT_1, 0.8

    assert min(colour_at(draw(make), 4, 3)) > 200


def test_no_fill_is_none(draw):
    assert colour_at(draw(lambda slide: add(slide.shapes).fill.background()), 4, 3) == (
        255,
        255,
        255,
    )


def test_a_background_is_drawn_behind(draw):
    def make(slide):
        slide.background.fill.solid()
        slide.background.fill.fore_color.rgb = RGBColor(*RED)
        add(slide.shapes)

    page = draw(make)
    assert (colour_at(page, 1, 1), colour_at(page, 4, 3)) == (RED, BLUE)


def test_pictures_are_in_their_places(draw, tmp_path):
    picture = str(make_picture(tmp_path / "a.png"))
    page = draw(lambda slide: slide.shapes.add_picture(picture, *map(Inches, (1, 2, 3, 3))))
    assert colour_at(page, 2.5, 3.5) == pytest.approx(RED, abs=2)
    assert colour_at(page, 5, 3.5) == (255, 255, 255)


def test_groups_place_what_is_in_them(draw):
    def make(slide):
        group = slide.shapes.add_group_shape()
        add(group.shapes, place=(1, 1, 2, 2))
        group.left, group.top, group.width, group.height = map(Inches, (5, 5, 1, 1))

    page = draw(make)
    assert (colour_at(page, 5.5, 5.5), colour_at(page, 2, 2)) == (BLUE, (255, 255, 255))


def test_tables_show_their_cells(draw):
    def make(slide):
        table = slide.shapes.add_table(2, 2, *map(Inches, (1, 1, 6, 2))).table
        for index, cell in enumerate(table.iter_cells()):
            cell.text = f"cell {index}"

    assert draw(make).get_text().split("\n")[:4] == ["cell 0", "cell 1", "cell 2", "cell 3"]


def test_a_shape_that_cannot_be_drawn_leaves_the_rest(draw, tmp_path):
    def make(slide):
        picture = slide.shapes.add_picture(str(make_picture(tmp_path / "a.png")), 0, 0)
        picture.part.related_part(picture._element.blip_rId)._blob = b"no picture"
        add(slide.shapes)

    assert colour_at(draw(make), 4, 3) == BLUE


def test_a_deck_without_slides_has_no_pages(tmp_path):
    Presentation().save(tmp_path / "a.pptx")
    with pytest.raises(NoPagesError):
        draw_pptx(str(tmp_path / "a.pptx"), "a", str(tmp_path))


def test_nonsense_is_damaged(tmp_path):
    (tmp_path / "a.pptx").write_bytes(b"PK\x03\x04ppt/")
    with pytest.raises(DamagedFileError):
        draw_pptx(str(tmp_path / "a.pptx"), "a", str(tmp_path))
