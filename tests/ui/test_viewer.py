from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from fake_reader import FakeReader
from fakes import FakeEngine
from pictures import clip, picture
from PIL import Image

from webui.errors import MisplacedFileError, MixedMediaError, PasswordProtectedError
from webui.media.reader import Selection
from webui.protocol import (
    FileLabel,
    FrameTime,
    ImagePart,
    Message,
    ModelInfo,
    ModelStatus,
    PageLabel,
    SlideLabel,
    VideoPart,
)
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.i18n.labels import Labels
from webui.ui.i18n.strings import LANGUAGES, Strings
from webui.ui.render.thumbnails import make_thumbnails
from webui.ui.tab_specs import TABS, TabSpec, refusal_of
from webui.ui.viewer.components import viewer_components
from webui.ui.viewer.html import about_html, conversation_html, page_ranges
from webui.ui.viewer.uploads import Upload, Uploads
from webui.ui.viewer.viewer import Viewer, selection_of

EN = Strings("en")
TAB = {spec.name: spec for spec in TABS}


class ViewerOverFakes:
    def __init__(self, reader=None, spec=None):
        self.reader = reader or FakeReader()
        with gr.Blocks():
            self.components = viewer_components(
                Labels(EN), self.reader.limits, spec or TabSpec("thinking")
            )
        self.viewer = Viewer(
            spec or TabSpec("thinking"), FakeEngine(), self.reader, self.components
        )

    async def preview(self, *names, uploads=None, conversation=None, owner="", strings=EN):
        paths = [Path(name) for name in names]
        steps = self.viewer.preview(
            paths, uploads or Uploads(), conversation or Conversation(), strings, owner=owner
        )
        return [step async for step in steps]


async def test_pages_appear_with_numbers_and_cost():
    over_fakes = ViewerOverFakes()
    uploads, updates, phase = (await over_fakes.preview("a.pdf"))[-1]
    assert updates[over_fakes.components.sheet].count("<figure>") == 3
    assert "Page 3" in updates[over_fakes.components.sheet]
    assert "3 of 3 pages" in updates[over_fakes.components.cost]
    assert "300 of 3,072 tokens" in updates[over_fakes.components.cost]
    assert updates[over_fakes.components.pages]["visible"]
    assert not updates[over_fakes.components.frames]["visible"]
    assert phase == ""
    assert uploads.current.path == Path("a.pdf")


async def test_what_was_read_is_shown_once_and_a_selection_made_since_stays():
    over_fakes = ViewerOverFakes()
    steps = await over_fakes.preview("a.pdf", "b.pdf")
    assert sum(over_fakes.components.cost in updates for _, updates, _ in steps) == 2


async def test_a_conversion_is_shown_page_by_page():
    phases = [
        phase for _, _, phase in await ViewerOverFakes(FakeReader(step_s=0.1)).preview("a.pdf")
    ]
    assert any("Converting a.pdf" in phase and "1 of 3" in phase for phase in phases)


async def test_previews_count_against_the_user_and_the_wait_is_shown():
    over_fakes = ViewerOverFakes(FakeReader(step_s=0.1, ahead=2))
    phases = [phase for _, _, phase in await over_fakes.preview("a.pdf", owner="ann")]
    assert over_fakes.reader.owners == {"ann"}
    assert any("Waiting: <b>2 ahead of you" in phase for phase in phases)


async def test_a_video_shows_its_frames_with_their_seconds():
    over_fakes = ViewerOverFakes()
    _, updates, _ = (await over_fakes.preview("a.mp4"))[-1]
    assert "1.5 s" in updates[over_fakes.components.sheet]
    assert updates[over_fakes.components.frames]["visible"]
    assert updates[over_fakes.components.frames]["value"] == 4
    assert updates[over_fakes.components.end]["value"] == 2.0


async def test_a_file_that_cannot_be_read_is_a_card():
    over_fakes = ViewerOverFakes(FakeReader(PasswordProtectedError(name="a.pdf")))
    _, updates, _ = (await over_fakes.preview("a.pdf"))[-1]
    assert "protected by a password" in updates[over_fakes.components.sheet]


async def test_a_file_that_no_tab_takes_is_refused_without_reading_it():
    over_fakes = ViewerOverFakes(spec=TAB["image"])
    _, updates, _ = (await over_fakes.preview("a.docx"))[-1]
    assert "Accepted: pictures" in updates[over_fakes.components.sheet]
    assert over_fakes.reader.previewed == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("tab", "name", "taken_by"),
    [
        ("image", "report.pdf", "pdf"),
        ("chat", "IMG_1.HEIC", "image"),
        ("pdf", "photo.avif", "image"),
        ("ppt", "clip.mov", "video"),
        ("video", "deck.pptx", "ppt"),
    ],
)
async def test_a_file_of_another_tab_is_refused_by_naming_that_tab(tab, name, taken_by, language):
    strings, over_fakes = Strings(language), ViewerOverFakes(spec=TAB[tab])
    uploads, updates, _ = (await over_fakes.preview(name, strings=strings))[-1]
    error = uploads.current.error
    assert isinstance(error, MisplacedFileError)
    assert error.tab == taken_by
    text = updates[over_fakes.components.sheet]
    assert name in text
    assert strings(f"tab_{taken_by}") in text.replace(name, "")
    assert over_fakes.reader.previewed == []


def test_the_refusal_of_a_pdf_in_the_image_tab_is_one_plain_sentence():
    refusal = refusal_of(Path("report.pdf"), TAB["image"], EN)
    assert EN.error(refusal) == "report.pdf is a PDF; the PDF tab takes it."
    assert refusal_of(Path("report.pdf"), TAB["pdf"], EN) is None
    assert refusal_of(Path("report.docx"), TAB["thinking"], EN) is None


@pytest.mark.parametrize("language", LANGUAGES)
async def test_slides_are_called_slides_and_pages_pages(language):
    strings, over_fakes = Strings(language), ViewerOverFakes()
    components = over_fakes.components
    for name, unit in (("a.pptx", "slide"), ("a.pdf", "page")):
        _, updates, _ = (await over_fakes.preview(name, strings=strings))[-1]
        assert f">{strings(f'{unit}_n', number=3)}<" in updates[components.sheet]
        assert strings(f"cost_{unit}s", chosen=3, count=3) in updates[components.cost]
        assert updates[components.pages]["label"] == strings(f"{unit}s")
        assert updates[components.pages]["placeholder"] == strings(f"{unit}s_hint")


PICTURE_TURN = Turn(Message("user", (picture(),)), content="A circle.")
VIDEO_TURN = Turn(Message("user", (clip(),)), content="It moves.")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("names", "turns", "mixed"),
    [
        (("a.png", "b.mp4"), (), True),
        (("b.mp4", "a.pdf"), (), True),
        (("b.mp4",), (PICTURE_TURN,), True),
        (("a.pptx",), (VIDEO_TURN,), True),
        (("b.mp4",), (VIDEO_TURN,), False),
        (("a.png", "a.pdf"), (PICTURE_TURN,), False),
        (("b.mp4",), (replace(PICTURE_TURN, error=MixedMediaError()),), False),
        ((), (PICTURE_TURN,), False),
    ],
)
async def test_pictures_beside_video_are_told_before_they_are_sent(names, turns, mixed, language):
    strings, over_fakes = Strings(language), ViewerOverFakes()
    conversation = Conversation("k", turns)
    steps = await over_fakes.preview(*names, conversation=conversation, strings=strings)
    cost = steps[-1][1][over_fakes.components.cost]
    assert (strings.error(MixedMediaError()) in cost) is mixed
    assert ('role="alert"' in cost) is mixed


async def test_one_of_several_files_is_chosen_from_a_list():
    over_fakes = ViewerOverFakes()
    uploads, updates, _ = (await over_fakes.preview("a.pdf", "b.png"))[-1]
    assert updates[over_fakes.components.picker] == gr.update(
        choices=[("a.pdf", 0), ("b.png", 1)], value=1, visible=True
    )
    assert "of 1,536 tokens" in updates[over_fakes.components.cost]
    again = await over_fakes.preview("a.pdf", "b.png", uploads=uploads)
    assert len(again) == 1


async def test_a_wrong_range_is_an_error_beside_its_control():
    over_fakes = ViewerOverFakes()
    uploads, _, _ = (await over_fakes.preview("a.pdf"))[-1]
    cost = over_fakes.viewer.cost(uploads.with_selection(Selection(pages="99")), Conversation(), EN)
    assert "page range" in cost
    assert 'role="alert"' in cost


async def test_pages_that_were_not_chosen_are_dimmed():
    over_fakes = ViewerOverFakes()
    uploads, updates, _ = (await over_fakes.preview("a.pdf"))[-1]
    assert "<style>" not in updates[over_fakes.components.cost]
    cost = over_fakes.viewer.cost(
        uploads.with_selection(Selection(pages="1, 3")), Conversation(), EN
    )
    assert "figure:not(:nth-child(n+1):nth-child(-n+1), :nth-child(n+3):nth-child(-n+3))" in cost
    assert page_ranges((1, 2, 3, 7, 9, 10)) == [(1, 3), (7, 7), (9, 10)]


async def test_cards_of_files_that_are_too_large_stay_until_others_come():
    over_fakes = ViewerOverFakes()
    files = [["<b>.mp4", 300 * 1024**2], ["c.mp4", 200 * 1024**2]]
    event = SimpleNamespace(files=files)
    english = over_fakes.viewer.show_too_large(event, "en")
    assert "&lt;b&gt;.mp4 needs 300 MB; at most 100 MB" in english
    assert "c.mp4 需要 200 MB" in over_fakes.viewer.show_too_large(event, "zh")
    assert over_fakes.components.refused not in (await over_fakes.preview())[-1][1]
    uploads, updates, _ = (await over_fakes.preview("a.pdf"))[-1]
    assert over_fakes.components.refused not in updates
    assert (await over_fakes.preview(uploads=uploads))[-1][1][over_fakes.components.refused] == ""
    assert over_fakes.viewer.hide_controls()[over_fakes.components.refused] == ""


async def test_the_cost_says_when_pages_are_made_smaller():
    over_fakes = ViewerOverFakes()
    uploads, _, _ = (await over_fakes.preview(*(f"{letter}.pdf" for letter in "abcdefghijklm")))[-1]
    cost = over_fakes.viewer.cost(uploads, Conversation(), EN)
    assert "236 of 236 tokens" in cost
    assert "300 tokens at full size" in cost


async def test_without_new_files_the_sent_pages_stay():
    page = ImagePart(Image.new("RGB", (56, 56)), PageLabel(1), "a.pdf")
    turn = Turn(Message("user", (page,)), pictures=make_thumbnails([page]), content="Yes")
    over_fakes = ViewerOverFakes()
    _, updates, _ = (await over_fakes.preview(conversation=Conversation("k", (turn,))))[-1]
    assert ">Page 1<" in updates[over_fakes.components.sheet]
    assert ">第 1 页<" in conversation_html(Conversation("k", (turn,)), Strings("zh"))
    assert updates[over_fakes.components.cost] == ""
    assert conversation_html(Conversation(), EN) == ""


def test_controls_of_another_kind_of_file_are_ignored():
    assert selection_of("1-3", 8, 1.0, 2.0, None) == Selection()
    assert selection_of("1-3", 8, 1.0, 2.0, Upload(Path("a.pdf"))) == Selection()


async def test_controls_become_a_selection():
    over_fakes = ViewerOverFakes()
    uploads, _, _ = (await over_fakes.preview("a.mp4"))[-1]
    assert selection_of("", 8, 1.0, 2.0, uploads.current) == Selection(
        start_s=1.0, end_s=2.0, frames=8
    )


@pytest.mark.parametrize("files", [True, False])
def test_an_empty_viewer_describes_the_model(files):
    status = ModelStatus("ready", ModelInfo("GLM-4.1V", 65_536))
    html = about_html(status, FakeReader().limits, EN, files=files)
    assert "GLM-4.1V" in html
    assert "65,536" in html
    assert ("100 MB" in html) is files


def test_a_thumbnail_of_a_large_picture_is_small():
    (small,) = make_thumbnails(
        [ImagePart(Image.effect_noise((2000, 1000), 40), FileLabel("a"), "a")]
    )
    assert len(small.src) < 120_000


def test_every_tab_has_three_examples_that_exist():
    folder = Path(__file__).resolve().parents[2] / "assets" / "examples"
    for spec in TABS:
        assert len(spec.examples) == 3
        for example in spec.examples:
            assert not example.file or (folder / example.file).is_file()


async def test_pages_are_decoded_for_the_tokens_that_the_question_will_have():
    over_fakes = ViewerOverFakes()
    await over_fakes.preview("a.pdf", "b.pdf", owner="ann")
    share = 4096 * 3 // 4 // 2
    assert over_fakes.reader.previewed == [("a.pdf", share), ("b.pdf", share)]


def test_thumbnails_of_the_preview_are_used_again():
    large, small = (Image.new("RGB", (side, side)) for side in (500, 56))
    parts = [
        ImagePart(large, SlideLabel(2), "a.pptx"),
        ImagePart(large, SlideLabel(3), "a.pptx"),
        ImagePart(small, SlideLabel(4), "a.pptx"),
        VideoPart((large,), (0.5,), "a.mp4"),
    ]
    labels = (SlideLabel(2), SlideLabel(4), FrameTime(0.5))
    previewed = [Picture(f"data:{index}", label) for index, label in enumerate(labels)]
    pictures = make_thumbnails(parts, previewed)
    assert [picture.src[:6] for picture in pictures] == ["data:0", "data:i", "data:i", "data:2"]
    assert [picture.label for picture in pictures] == [
        SlideLabel(2),
        SlideLabel(3),
        SlideLabel(4),
        FrameTime(0.5),
    ]
