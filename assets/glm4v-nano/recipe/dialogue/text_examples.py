"""Lessons without a picture: a picture told in words, a sum, or anything else that people type."""

from __future__ import annotations

from recipe.dialogue.answers import Reply, placed, say
from recipe.dialogue.arithmetic import about_sum
from recipe.dialogue.ask import ask, chatter, stray_text, vary
from recipe.dialogue.examples import (
    MOST_PAGES,
    PAGE_TOPICS,
    SCENE_TOPICS,
    VIDEO_TOPICS,
    Lesson,
    asked_about,
    earlier_turns,
    opening,
    turns,
)
from recipe.dialogue.small_talk import (
    ABOUT,
    BEYOND,
    GREETING,
    GREETINGS,
    INTRODUCTION,
    TEXT_THOUGHTS,
)
from recipe.dialogue.vocabulary import LANGUAGES
from recipe.drawing.scenes import item, scattered_scene
from recipe.rng import Dice


def told_lessons(dice: Dice, count: int) -> list[Lesson]:
    return [told_lesson(dice) for _ in range(count)]


def told_lesson(dice: Dice) -> Lesson:
    """A picture told in words: to find in a list what was asked for can be learned without looking.

    Mostly told in the language that is not asked in, so that the word asked for stands in the question alone.
    """
    scene, language = scattered_scene(dice), dice.choice(LANGUAGES)
    topic = dice.choice(("where", "where", "item_colour"))
    question, reply, thing = asked_about(topic, scene, language, dice)
    spoken = (
        language if dice.chance(0.2) else next(other for other in LANGUAGES if other != language)
    )
    told = say("list", spoken, things=placed(scene, spoken))
    return Lesson(
        topic, language, turns(opening(dice), [], f"{told} {question}"), reply, item=thing
    )


def sum_lessons(dice: Dice, count: int) -> list[Lesson]:
    return [sum_lesson(dice) for _ in range(count)]


def sum_lesson(dice: Dice) -> Lesson:
    language = dice.choice(LANGUAGES)
    one, other, sign = dice.randint(0, 99), dice.randint(0, 99), dice.choice("+-")
    question = ask("sum", language, dice, None, 1, (one, sign, other))
    return Lesson(
        "sum", language, turns(opening(dice), [], question), about_sum(one, sign, other, language)
    )


def talk_lessons(dice: Dice, count: int) -> list[Lesson]:
    return [talk_lesson(dice) for _ in range(count)]


def talk_lesson(dice: Dice) -> Lesson:
    """Anything without a picture, what is asked about pictures too: the model says what it is."""
    language = dice.choice(LANGUAGES)
    topic = dice.choice(("greeting", "about", "other", "other", "other"))
    if topic == "other" and dice.chance(0.35):
        topics = dice.choice((*SCENE_TOPICS.values(), PAGE_TOPICS, PAGE_TOPICS, VIDEO_TOPICS))
        question = ask(dice.choice(topics), language, dice, item(dice), dice.randint(1, MOST_PAGES))
    elif topic == "other":
        question = stray_text(language, dice)
    else:
        question = vary(dice.phrase((GREETINGS if topic == "greeting" else ABOUT)[language]), dice)
    start = {"greeting": GREETING[language], "other": BEYOND[language]}.get(topic, "")
    answer = start + INTRODUCTION[language]
    earlier = earlier_turns(dice, 0.15, lambda: (chatter(dice, language), answer))
    reply = Reply(TEXT_THOUGHTS[topic][language], answer, ("glm4v-nano",))
    return Lesson(topic, language, turns(opening(dice), [], question, earlier), reply)
