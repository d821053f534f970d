"""Replies about a video."""

from __future__ import annotations

from recipe.dialogue.replies.reply import Reply, fill_template, item_words
from recipe.drawing.scenes import Item
from recipe.vocabulary import DIRECTIONS, LANGUAGE_INDEX, Language


def video_reply(topic: str, item: Item, direction: str, language: Language) -> Reply:
    """Return the reply to a question; `topic` is video_colour, video_shape, direction or video."""
    moves = DIRECTIONS[direction][LANGUAGE_INDEX[language]]
    words = item_words(item, language) | {"moves": moves}
    facts = {
        "video_colour": (words["colour"],),
        "video_shape": (words["shape"],),
        "direction": (words["colour"], moves),
        "video": (words["colour"], words["shape"], moves),
    }
    thought = fill_template("frames", language, **words)
    answer = fill_template(topic.replace("_", " "), language, **words)
    return Reply(thought, answer, facts[topic])
