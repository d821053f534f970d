"""Examples without a picture: a scene described in words, arithmetic, and chitchat."""

from __future__ import annotations

from recipe.dialogue.examples.example import (
    Example,
    build_conversation,
    random_exchanges,
    random_system_prompt,
)
from recipe.dialogue.examples.image import SCENE_TOPICS, ask_about_scene
from recipe.dialogue.examples.page import MAX_PAGES, PAGE_TOPICS
from recipe.dialogue.examples.video import VIDEO_TOPICS
from recipe.dialogue.questions.chitchat import ABOUT, GREETINGS
from recipe.dialogue.questions.phrasing import (
    off_topic_text,
    phrase_question,
    random_text,
    vary_typing,
)
from recipe.dialogue.replies.arithmetic import arithmetic_reply
from recipe.dialogue.replies.chitchat import BEYOND, GREETING, INTRODUCTION, TEXT_THOUGHTS
from recipe.dialogue.replies.reply import Reply, fill_template, list_items
from recipe.drawing.scenes import random_item, scattered_scene
from recipe.rng import Rng
from recipe.vocabulary import LANGUAGES


def description_examples(rng: Rng, count: int) -> list[Example]:
    return [description_example(rng) for _ in range(count)]


def description_example(rng: Rng) -> Example:
    """Return a question about a scene that the same message describes in words.

    The model learns to find an item in a list without having to see it. The description is
    mostly in the other language than the question, so that the item has to be translated and
    cannot be matched by its characters.
    """
    scene, language = scattered_scene(rng), rng.choice(LANGUAGES)
    topic = rng.choice(("where", "where", "item_colour"))
    question, reply, item = ask_about_scene(topic, scene, language, rng)
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    spoken = language if rng.chance(0.2) else other
    description = fill_template("list", spoken, things=list_items(scene, spoken))
    messages = build_conversation(random_system_prompt(rng), [], f"{description} {question}")
    return Example(topic, language, messages, reply, item=item)


def arithmetic_examples(rng: Rng, count: int) -> list[Example]:
    return [arithmetic_example(rng) for _ in range(count)]


def arithmetic_example(rng: Rng) -> Example:
    language = rng.choice(LANGUAGES)
    left, right, sign = rng.randint(0, 99), rng.randint(0, 99), rng.choice("+-")
    question = phrase_question("sum", language, rng, None, operation=(left, sign, right))
    messages = build_conversation(random_system_prompt(rng), [], question)
    return Example("sum", language, messages, arithmetic_reply(left, sign, right, language))


def chitchat_examples(rng: Rng, count: int) -> list[Example]:
    return [chitchat_example(rng) for _ in range(count)]


def chitchat_example(rng: Rng) -> Example:
    """Return any message without a picture, to which the model replies with what it is.

    Among them are questions about pictures and videos that are not there.
    """
    language = rng.choice(LANGUAGES)
    topic = rng.choice(("greeting", "about", "other", "other", "other"))
    if topic == "other" and rng.chance(0.35):
        topics = rng.choice((*SCENE_TOPICS.values(), PAGE_TOPICS, PAGE_TOPICS, VIDEO_TOPICS))
        missing_topic, item = rng.choice(topics), random_item(rng)
        question = phrase_question(missing_topic, language, rng, item, rng.randint(1, MAX_PAGES))
    elif topic == "other":
        question = off_topic_text(language, rng)
    else:
        phrases = GREETINGS if topic == "greeting" else ABOUT
        question = vary_typing(rng.choose_phrase(phrases[language]), rng)
    start = {"greeting": GREETING[language], "other": BEYOND[language]}.get(topic, "")
    answer = start + INTRODUCTION[language]
    earlier = random_exchanges(rng, 0.15, lambda: (random_text(rng, language), answer))
    reply = Reply(TEXT_THOUGHTS[topic][language], answer, ("glm4v-nano",))
    messages = build_conversation(random_system_prompt(rng), [], question, earlier)
    return Example(topic, language, messages, reply)
