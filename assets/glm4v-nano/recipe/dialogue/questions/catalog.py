"""All question phrasings by topic, and the words that fill their placeholders.

Every text here, dictionary keys included, is a source of the tokenizer's vocabulary: a change
makes a tokenizer that the bundled weights do not fit.
"""

from __future__ import annotations

from recipe.dialogue.questions.image import IMAGE_QUESTIONS
from recipe.dialogue.questions.location import LOCATION_QUESTIONS
from recipe.dialogue.questions.page import PAGE_QUESTIONS
from recipe.dialogue.questions.video import VIDEO_QUESTIONS
from recipe.vocabulary import Language

# {shape} and {shapes} are names in the question's language, {noun} is a general word for a shape.
NOUNS: dict[Language, tuple[str, ...]] = {
    "en": ("shape", "figure", "object", "thing", "{shape}"),
    "zh": ("图形", "形状", "东西", "物体", "{shape}"),
}
PLURAL_NOUNS: dict[Language, tuple[str, ...]] = {
    "en": ("shapes", "figures", "objects", "things", "{shapes}"),
    "zh": ("图形", "形状", "东西", "物体", "{shape}"),
}

QUESTIONS: dict[str, dict[Language, tuple[str, ...]]] = {
    **IMAGE_QUESTIONS,
    **PAGE_QUESTIONS,
    **LOCATION_QUESTIONS,
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
