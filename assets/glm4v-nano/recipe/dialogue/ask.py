"""Questions as people type them: a phrasing, its words filled in, at times sloppy. And text about nothing at all."""

from __future__ import annotations

from recipe.dialogue.questions import NOUNS, PLURAL_NOUNS, POLITE, QUESTIONS, SIGN_WORDS
from recipe.dialogue.small_talk import FILLERS, OTHER
from recipe.dialogue.vocabulary import SHAPES, Language, colour_name, shape_name
from recipe.drawing.scenes import Item
from recipe.rng import Dice

CHINESE_DIGITS = "一二三四五六七八九"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,?!'\"()<>/+-=*"


def ask(
    topic: str,
    language: Language,
    dice: Dice,
    thing: Item | None,
    n: int = 1,
    terms: tuple[int, str, int] = (0, "+", 0),
) -> str:
    """A phrasing of the question about `topic`; `thing` and page `n` as it needs them, `terms` for a sum.

    Now and then a question about a shape names another one than the picture shows.
    """
    shape, colour = (thing.shape, thing.colour) if thing else (dice.choice(tuple(SHAPES)), "red")
    if topic in ("colour", "shape", "count") and dice.chance(0.12):
        shape = dice.choice(tuple(SHAPES))
    words = {
        "shape": shape_name(shape, language),
        "shapes": shape_name(shape, language, several=True),
    }
    one, sign, other = terms
    page = CHINESE_DIGITS[n - 1] if language == "zh" and dice.chance(0.25) else str(n)
    phrase = dice.phrase(QUESTIONS[topic][language]).format(
        noun=dice.choice(NOUNS[language]).format(**words),
        nouns=dice.choice(PLURAL_NOUNS[language]).format(**words),
        colour=colour_name(colour, language),
        n=page,
        one=one,
        sign=sign,
        other=other,
        word=SIGN_WORDS[sign][language],
        **words,
    )
    return vary(polite(phrase, language, dice), dice)


def polite(question: str, language: Language, dice: Dice) -> str:
    return dice.choice(POLITE[language]) + question if dice.chance(0.1) else question


def vary(question: str, dice: Dice) -> str:
    """The same question typed differently."""
    if dice.chance(0.15):
        question = question.lower()
    if dice.chance(0.2):
        question = question.rstrip("?.!。？")
    return f"{question} " if dice.chance(0.05) else question


def stray_text(language: Language, dice: Dice) -> str:
    """Anything that has nothing to do with what is shown, in about that language."""
    return vary(dice.phrase(OTHER[language]), dice) if dice.chance(0.6) else chatter(dice, language)


def chatter(dice: Dice, language: Language | None = None) -> str:
    """Words, letters or a number at random."""
    number = str(dice.randrange(10 ** dice.randint(1, 5)))
    if dice.chance(0.1):
        return number
    if dice.chance(0.3) and language != "zh":
        return "".join(dice.choices(LETTERS, k=dice.randint(1, 40)))
    fillers = [
        word for word in FILLERS if language is None or (ord(word[0]) > 127) == (language == "zh")
    ]
    words = dice.choices(fillers, k=dice.choice((1, 1, 2, *range(2, 17))))
    words += [number] if len(words) == 1 and dice.chance(0.3) else []
    return ("" if language == "zh" else " ").join(words)
