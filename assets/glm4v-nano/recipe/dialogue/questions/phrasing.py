"""Questions as users type them: a phrasing with its placeholders filled in, at times sloppy."""

from __future__ import annotations

from recipe.dialogue.questions.catalog import (
    NOUNS,
    PLURAL_NOUNS,
    POLITE,
    QUESTIONS,
    SIGN_WORDS,
)
from recipe.dialogue.questions.chitchat import FILLERS, OTHER
from recipe.drawing.scenes import Item
from recipe.rng import Rng
from recipe.vocabulary import SHAPES, Language, colour_name, shape_name

CHINESE_DIGITS = "一二三四五六七八九"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,?!'\"()<>/+-=*"


def phrase_question(
    topic: str,
    language: Language,
    rng: Rng,
    item: Item | None,
    page: int = 1,
    operation: tuple[int, str, int] = (0, "+", 0),
) -> str:
    """Return a question about `topic`.

    A question about a picture names `item`, one about pages the number `page`, and one of
    arithmetic the numbers and the sign of `operation`. Some questions about a shape name another
    shape than the picture shows.
    """
    shape, colour = (item.shape, item.colour) if item else (rng.choice(tuple(SHAPES)), "red")
    if topic in ("colour", "shape", "count") and rng.chance(0.12):
        shape = rng.choice(tuple(SHAPES))
    names = {
        "shape": shape_name(shape, language),
        "shapes": shape_name(shape, language, plural=True),
    }
    left, sign, right = operation
    chinese_digit = language == "zh" and rng.chance(0.25)
    question = rng.choose_phrase(QUESTIONS[topic][language]).format(
        noun=rng.choice(NOUNS[language]).format(**names),
        nouns=rng.choice(PLURAL_NOUNS[language]).format(**names),
        colour=colour_name(colour, language),
        n=CHINESE_DIGITS[page - 1] if chinese_digit else str(page),
        one=left,
        sign=sign,
        other=right,
        word=SIGN_WORDS[sign][language],
        **names,
    )
    if rng.chance(0.1):
        question = rng.choice(POLITE[language]) + question
    return vary_typing(question, rng)


def vary_typing(question: str, rng: Rng) -> str:
    """Return `question` as it is, in lower case, without its last mark or with a space after it."""
    if rng.chance(0.15):
        question = question.lower()
    if rng.chance(0.2):
        question = question.rstrip("?.!。？")
    return f"{question} " if rng.chance(0.05) else question


def off_topic_text(language: Language, rng: Rng) -> str:
    """Return a message that has nothing to do with the picture, mostly in `language`."""
    if rng.chance(0.6):
        return vary_typing(rng.choose_phrase(OTHER[language]), rng)
    return random_text(rng, language)


def random_text(rng: Rng, language: Language | None = None) -> str:
    """Return words, letters or a number at random."""
    number = str(rng.randrange(10 ** rng.randint(1, 5)))
    if rng.chance(0.1):
        return number
    if rng.chance(0.3) and language != "zh":
        return "".join(rng.choices(LETTERS, k=rng.randint(1, 40)))
    fillers = [
        word for word in FILLERS if language is None or (ord(word[0]) > 127) == (language == "zh")
    ]
    words = rng.choices(fillers, k=rng.choice((1, 1, 2, *range(2, 17))))
    if len(words) == 1 and rng.chance(0.3):
        words.append(number)
    return ("" if language == "zh" else " ").join(words)
