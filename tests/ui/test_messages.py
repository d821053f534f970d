from dataclasses import replace

import pytest

from webui.errors import EngineStoppedError, QueueFullError
from webui.protocol import (
    Delta,
    FileLabel,
    FrameTime,
    Message,
    PageLabel,
    Progress,
    SlideLabel,
    Usage,
)
from webui.ui.chat.streaming_turn import StreamingTurn
from webui.ui.conversation import Conversation, Picture, Turn
from webui.ui.i18n.strings import Strings
from webui.ui.render.messages import (
    conversation_rows,
    error_card,
    label_text,
    question_html,
    turn_rows,
)

EN = Strings("en")
ANSWER = "It is `a<b>` and <b>bold</b>: $x<y$\n\n```py\nif a < b:\n    pass\n```\nend"


def asked(text="What?"):
    return Turn(Message("user", (text,)))


def texts(rows):
    return [row["content"]["text"] for row in rows]


def answered(**changes):
    turn = replace(
        asked(),
        reasoning="I look.",
        content=ANSWER,
        usage=Usage(10, 40, 9),
        seconds=2.4,
        first_token_s=0.4,
    )
    return replace(turn, thinking_s=18.2, reasoning_tokens=9, finish_reason="stop", **changes)


def test_the_rows_of_a_turn_in_progress_only_grow():
    streaming = StreamingTurn(asked(), clock=lambda: 0.0)
    before = ""
    for character in ANSWER:
        streaming.add_event(Delta(content=character, progress=Progress("answering", 1, 9)))
        now = texts(streaming.rows(EN))[-1] if len(streaming.rows(EN)) > 1 else ""
        assert now.startswith(before)
        before = now
    streaming.finish()
    assert texts(streaming.rows(EN))[1].startswith(before)


def test_a_finished_turn_looks_like_the_end_of_its_stream():
    streaming = StreamingTurn(asked(), clock=lambda: 0.0)
    for character in ANSWER:
        streaming.add_event(Delta(content=character))
    assert streaming.finish().content == ANSWER
    assert streaming.rows(EN) == turn_rows(streaming.turn, EN)


def test_the_thought_is_pending_while_it_grows_and_done_after():
    growing = turn_rows(answered(phase="thinking"), EN)[1]["metadata"]
    folded = turn_rows(answered(), EN)[1]["metadata"]
    assert growing == {"title": "Thinking · 18 s · 9 tokens", "status": "pending"}
    assert folded == {"title": "Thought for 18 s · 9 tokens", "status": "done"}


def test_the_statistics_stand_below_the_answer():
    assert "20 tok/s · first token 0.4 s · 40 tokens" in texts(turn_rows(answered(), EN))[-1]


def test_the_speed_is_measured_after_the_first_delta():
    times = iter((0.0, 1.0, 1.0, 3.0))
    streaming = StreamingTurn(asked(), clock=lambda: next(times))
    streaming.add_event(Delta(content="Ten tokens.", progress=Progress("answering", 10, 50)))
    streaming.add_event(
        Delta(content="Forty more.", progress=Progress("answering", 50, 50), usage=Usage(5, 50))
    )
    assert streaming.finish().tokens_per_s == 20
    assert replace(streaming.turn, first_tokens=50).tokens_per_s == 0
    assert replace(streaming.turn, first_token_s=streaming.turn.seconds - 0.04).tokens_per_s == 0


def test_a_stopped_answer_keeps_its_text_and_says_so():
    rows = texts(turn_rows(replace(answered(), finish_reason="abort"), EN))
    assert rows[2].startswith("It is")
    assert ">Stopped · " in rows[3]


def test_an_answer_that_was_cut_at_the_limit_says_so():
    assert (
        "Ended at the limit of 40 tokens"
        in texts(turn_rows(replace(answered(), finish_reason="length"), EN))[-1]
    )


def test_an_error_is_a_card_in_the_users_language():
    turn = replace(asked(), error=QueueFullError(waiting=7))
    assert "7 requests are waiting" in texts(turn_rows(turn, EN))[-1]
    assert "已有 7 个请求" in texts(turn_rows(turn, Strings("zh")))[-1]


def test_the_question_is_shown_exactly_as_typed():
    html = question_html(asked("<b>a</b>\n\n# b"), EN)
    assert html == '<div class="said">&lt;b&gt;a&lt;/b&gt;&#10;&#10;# b</div>'


def test_many_pages_are_shown_by_the_first_and_a_count():
    pictures = tuple(Picture(f"data:{index}", PageLabel(index)) for index in range(11))
    html = question_html(replace(asked(), pictures=pictures), EN)
    assert html.count("<img") == 8
    assert "+ 3 more" in html


@pytest.mark.parametrize(
    ("label", "english", "chinese"),
    [
        (PageLabel(3), "Page 3", "第 3 页"),
        (SlideLabel(3), "Slide 3", "第 3 张"),
        (FrameTime(1.25), "1.2 s", "1.2 秒"),
        (FileLabel("p. 3"), "p. 3", "p. 3"),
    ],
)
def test_a_label_has_a_text_in_each_language(label, english, chinese):
    assert (label_text(label, EN), label_text(label, Strings("zh"))) == (english, chinese)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_name_an_error_and_a_question_stay_in_their_html(end):
    text = f"<img src=x>{end}{end}![x](https://a.example)"
    named, pictured = (
        replace(asked(text), files=(text,)),
        replace(asked(), pictures=(Picture("data:1", FileLabel(text)),)),
    )
    html = (
        question_html(named, EN)
        + question_html(pictured, EN)
        + error_card(EngineStoppedError(reason=text), EN)
    )
    assert html.count("![x]") == 5
    assert not {"\n", "\r"} & set(html)
    assert "<img src=x>" not in html


def test_an_empty_answer_is_named():
    assert (
        "No answer was written." in texts(turn_rows(replace(asked(), finish_reason="stop"), EN))[-1]
    )


def test_a_conversation_is_its_turns_in_order():
    rows = conversation_rows(
        Conversation("k", (answered(), replace(asked("Next?"), content="Yes"))), EN
    )
    assert [row["role"] for row in rows] == ["user", *["assistant"] * 3, "user", "assistant"]
