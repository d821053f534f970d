from PIL import Image

from webui.errors import QueueFullError
from webui.protocol import ImagePart, Message, ModelInfo, PageLabel
from webui.ui.conversation import Conversation, Turn

PAGE = ImagePart(Image.new("RGB", (280, 280)), PageLabel(1), "a.pdf")


def turn(text, content="", parts=(), error=None):
    return Turn(Message("user", (*parts, text)), content=content, reasoning="hm", error=error)


def test_the_model_reads_questions_and_answers():
    history = Conversation("k", (turn("One?", "1"), turn("Two?", "2"))).history()
    assert [(message.role, message.text) for message in history] == [
        ("user", "One?"),
        ("assistant", "1"),
        ("user", "Two?"),
        ("assistant", "2"),
    ]


def test_a_failed_turn_is_not_read():
    assert (
        Conversation("k", (turn("One?", "part", error=QueueFullError(waiting=1)),)).history() == []
    )


def test_the_files_of_a_stopped_question_stay():
    asked = Conversation("k", (turn("One?", parts=(PAGE,)),)).with_question(
        Message("user", ("Two?",))
    )
    assert asked == [Message("user", (PAGE, "Two?"))]


def test_files_of_the_past_take_tokens():
    info = ModelInfo("fake", 4096)
    assert Conversation("k", (turn("One?", "1", (PAGE,)),)).media_tokens_left(info) == 3072 - 100
    assert Conversation("k", (turn("One?", "1"),)).media_tokens_left(info) == 3072


def test_a_failed_turn_is_replaced_by_the_next():
    assert (
        Conversation("k", (turn("One?", error=QueueFullError(waiting=1)),))
        .without_failed_turns()
        .turns
        == ()
    )
