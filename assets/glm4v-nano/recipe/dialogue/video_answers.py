"""What the small model should think and say about a clip."""

from __future__ import annotations

from recipe.dialogue.answers import Reply, say, words_of
from recipe.dialogue.vocabulary import DIRECTIONS, LANGUAGE_INDEX, Language
from recipe.drawing.scenes import Item


def about_video(topic: str, item: Item, direction: str, language: Language) -> Reply:
    """`topic`: video_colour, video_shape, direction or video."""
    words = words_of(item, language) | {"moves": DIRECTIONS[direction][LANGUAGE_INDEX[language]]}
    facts = {
        "video_colour": (words["colour"],),
        "video_shape": (words["shape"],),
        "direction": (words["colour"], words["moves"]),
        "video": (words["colour"], words["shape"], words["moves"]),
    }
    return Reply(
        say("frames", language, **words),
        say(topic.replace("_", " "), language, **words),
        facts[topic],
    )
