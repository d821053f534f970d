from dataclasses import replace

import pytest
from PIL import Image

from webui.protocol import FileLabel, ImagePart, Message, PageLabel, SlideLabel, VideoPart
from webui.ui.conversation import Conversation, Turn
from webui.ui.i18n.strings import Strings
from webui.ui.render.grounding import Box, find_grounding, link_mentions
from webui.ui.render.messages import conversation_rows
from webui.ui.render.thumbnails import make_thumbnails
from webui.ui.viewer.html import conversation_html

PAGES = (PageLabel(2), PageLabel(3), PageLabel(5))
SLIDES = (SlideLabel(1), SlideLabel(2))
PICTURE_A, PICTURE_B = FileLabel("a.png"), FileLabel("b.png")


@pytest.mark.parametrize(
    ("answer", "labels", "found"),
    [
        ("The red square is at [420,400,580,600].", [PICTURE_A], {0: [Box(420, 400, 580, 600)]}),
        (
            "[[1, 2, 30, 40], [5, 6, 70, 80]]",
            [PICTURE_A],
            {0: [Box(1, 2, 30, 40), Box(5, 6, 70, 80)]},
        ),
        ('[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}]', [PICTURE_A], {0: [Box(1, 2, 3, 4, "cat")]}),
        ('{"label": "a"}, {"box": [1, 2, 3, 4]}', [PICTURE_A], {0: [Box(1, 2, 3, 4)]}),
        (
            "On page 3: [1,2,3,4]; page 5: [5,6,7,8].",
            PAGES,
            {1: [Box(1, 2, 3, 4)], 2: [Box(5, 6, 7, 8)]},
        ),
        ("第3页的[1,2,3,4]", PAGES, {1: [Box(1, 2, 3, 4)]}),
        ("Slide 2 has it at [1,2,3,4].", SLIDES, {1: [Box(1, 2, 3, 4)]}),
        ("Picture 2: [1,2,3,4]", (PICTURE_A, PICTURE_B), {1: [Box(1, 2, 3, 4)]}),
        # No picture mentioned; no such page; not a box; outside of the picture; three numbers.
        ("It is at [1,2,3,4].", PAGES, {}),
        ("Page 4: [1,2,3,4]", PAGES, {}),
        ("[5,2,3,4] [1,4,3,4]", [PICTURE_A], {}),
        ("[1,2,3,1001]", [PICTURE_A], {}),
        ("[1,2,3]", [PICTURE_A], {}),
    ],
)
def test_boxes_are_found_and_belong_to_their_picture(answer, labels, found):
    assert find_grounding(answer, labels).boxes == found


@pytest.mark.parametrize(
    ("answer", "labels", "pages"),
    [
        ("The headline of page 3 is BUDGET.", PAGES, {1}),
        ("第 2 页和第5页", PAGES, {0, 2}),
        ("Slide 2, not slide 9", SLIDES, {1}),
        ("There are 3 pages.", PAGES, set()),
        ("3ページ目と第5ページ", PAGES, {1, 2}),
        ("スライド2にあります", SLIDES, {1}),
        ("全部で3ページ、画像12枚です", PAGES, set()),
    ],
)
def test_pages_are_found_by_their_number(answer, labels, pages):
    assert find_grounding(answer, labels).pages == pages


def test_the_page_that_the_newest_answer_mentions_is_marked():
    pages = [ImagePart(Image.new("RGB", (56, 56)), PageLabel(number), "a.pdf") for number in (1, 2)]
    drawn = conversation_html(conversation(pages, "Page 1 and page 2", "Page 2"), Strings())
    assert drawn.count("<figure>") == drawn.count('<figure class="named">') == 1
    assert drawn.index("Page 1<") < drawn.index('class="named"') < drawn.index("Page 2<")
    assert "named" not in conversation_html(conversation(pages, "Page 1 and page 2"), Strings())


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("See page 3, **p. 5**.", "See [page 3](#seen-1), **[p. 5](#seen-2)**."),
        ("第 2 页", "[第 2 页](#seen-0)"),
        ("見出しは3ページ目です", "見出しは[3ページ目](#seen-1)です"),
        # No such page; nothing that is asked for; a link of the answer's own.
        ("page 4", "page 4"),
        ("3 pages", "3 pages"),
        ("[on page 3](https://a.example)", "[on page 3](https://a.example)"),
        # It would be a picture.
        ("See!page 3", "See!page 3"),
    ],
)
def test_a_mentioned_page_is_a_link_to_its_picture(answer, shown):
    assert link_mentions(answer, PAGES) == shown


def test_code_and_frames_are_not_linked():
    pages = [ImagePart(Image.new("RGB", (56, 56)), PageLabel(number), "a.pdf") for number in (1, 2)]
    clip = VideoPart((Image.new("RGB", (56, 56)),) * 2, (0.0, 0.5), "clip.mp4")
    code = "`page 1`\n\n```\npage 1\n```\npage 2"
    shown = "<code>page 1</code>\n\n```\npage 1\n```\n[page 2](#seen-1)"
    assert answers(conversation(pages, code)) == [shown]
    assert answers(conversation([clip], "Picture 1")) == ["Picture 1"]


def test_only_what_was_sent_last_is_linked():
    pages = [ImagePart(Image.new("RGB", (56, 56)), PageLabel(number), "a.pdf") for number in (1, 2)]
    talk = conversation(pages, "page 1", "page 2")
    assert answers(talk) == ["[page 1](#seen-0)", "[page 2](#seen-1)"]
    more = replace(talk, turns=(*talk.turns, *conversation(pages, "page 2").turns))
    assert answers(more) == ["page 1", "page 2", "[page 2](#seen-1)"]
    assert [row["content"]["text"] for row in conversation_rows(talk, Strings(), linked=False)][
        1
    ] == "page 1"


def answers(talk):
    rows = conversation_rows(talk, Strings())
    texts = [row["content"]["text"] for row in rows if row["role"] == "assistant"]
    return [text for text in texts if not text.startswith("<div")]


def conversation(parts, *answers):
    first = Turn(
        Message("user", (*parts, "Where?")), pictures=make_thumbnails(parts), content=answers[0]
    )
    return Conversation(
        "k", (first, *(Turn(Message("user", ("And now?",)), content=text) for text in answers[1:]))
    )


PICTURE = ImagePart(Image.new("RGB", (56, 56)), FileLabel("a.png"), "a.png")


def test_boxes_of_the_newest_answer_are_drawn_on_the_picture():
    drawn = conversation_html(
        conversation([PICTURE], "[1,2,3,4]", 'It is {"label": "<b>", "box": [100,200,400,1000]}'),
        Strings(),
    )
    assert drawn.count("<i ") == 1
    assert "left:10%;top:20%;width:30%;height:80%" in drawn
    assert "<b>&lt;b&gt;</b>" in drawn
    assert "<i " not in conversation_html(conversation([PICTURE], "[1,2,3,4]", "A cat."), Strings())


def test_nothing_is_drawn_on_frames():
    clip = VideoPart((Image.new("RGB", (56, 56)),), (0.0,), "a.mp4")
    assert "<i " not in conversation_html(conversation([clip], "[1,2,3,4]"), Strings())
