import pytest

from webui.protocol import Message, ThoughtCut, Usage
from webui.ui.conversation import Turn
from webui.ui.i18n.strings import Strings
from webui.ui.render.status_line import turn_stats

EN, ZH = Strings("en"), Strings("zh")


@pytest.mark.parametrize(
    ("cut", "tokens", "english", "chinese"),
    [
        ("budget", 1256, "Thought cut at 1,256 tokens", "思考在 1,256 个词元处截断"),
        ("budget", 0, "Answered directly", "直接回答"),
        ("requested", 9, "Answered on request", "应要求提前回答"),
        ("repetition", 9, "Thought ended as it repeated itself", "思考开始重复，已结束"),
    ],
)
def test_the_statistics_say_what_cut_the_thought(cut: ThoughtCut, tokens, english, chinese):
    turn = Turn(Message("user", ("?",)), usage=Usage(10, 2000, tokens, thought_cut=cut))
    assert turn_stats(turn, EN).startswith(english + " · ")
    assert turn_stats(turn, ZH).startswith(chinese + " · ")


def test_a_thought_that_ended_by_itself_is_not_mentioned():
    assert "hought" not in turn_stats(Turn(Message("user", ("?",)), usage=Usage(10, 20, 9)), EN)
