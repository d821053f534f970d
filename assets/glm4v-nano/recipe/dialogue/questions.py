"""All that people ask, in English and Chinese, and the words it is filled in with. Words only."""

from __future__ import annotations

from recipe.dialogue.image_questions import PICTURE_QUESTIONS
from recipe.dialogue.location_questions import PLACE_QUESTIONS
from recipe.dialogue.page_questions import PAGE_QUESTIONS
from recipe.dialogue.video_questions import VIDEO_QUESTIONS
from recipe.dialogue.vocabulary import Language

# {shape} and {shapes} are names in the language of the question, {noun} a general word for a shape.
NOUNS: dict[Language, tuple[str, ...]] = {
    "en": ("shape", "figure", "object", "thing", "{shape}"),
    "zh": ("图形", "形状", "东西", "物体", "{shape}"),
}
PLURAL_NOUNS: dict[Language, tuple[str, ...]] = {
    "en": ("shapes", "figures", "objects", "things", "{shapes}"),
    "zh": ("图形", "形状", "东西", "物体", "{shape}"),
}

QUESTIONS: dict[str, dict[Language, tuple[str, ...]]] = {
    **PICTURE_QUESTIONS,
    **PAGE_QUESTIONS,
    **PLACE_QUESTIONS,
    **VIDEO_QUESTIONS,
    "sum": {
        "en": (
            "What is {one} {sign} {other}?",
            "{one} {sign} {other}",
            "{one}{sign}{other}=?",
            "Calculate {one} {sign} {other}.",
            "How much is {one} {sign} {other}?",
            "Compute {one}{sign}{other}.",
            "What is {one} {word} {other}?",
            "{one} {word} {other}?",
            "Tell me {one} {sign} {other}.",
            "How much is {one} {word} {other}?",
        ),
        "zh": (
            "{one} {sign} {other} 等于多少？",
            "{one}{sign}{other}=?",
            "计算 {one} {sign} {other}。",
            "{one}{word}{other}等于多少？",
            "{one}{sign}{other}等于几？",
            "请计算 {one}{sign}{other}。",
            "{one} {word} {other} 等于几？",
        ),
    },
}
SIGN_WORDS: dict[str, dict[Language, str]] = {
    "+": {"en": "plus", "zh": "加"},
    "-": {"en": "minus", "zh": "减"},
}
POLITE: dict[Language, tuple[str, ...]] = {
    "en": (
        "Please: ",
        "Hello! ",
        "Now: ",
        "Look at this. ",
        "I wonder: ",
        "Quick question: ",
        "So, ",
    ),
    "zh": ("请问，", "你好，", "看一下，", "我想知道，", "那么，"),
}
