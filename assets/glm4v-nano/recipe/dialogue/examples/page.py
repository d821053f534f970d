"""Examples about one to eight pages."""

from __future__ import annotations

from recipe.dialogue.examples.example import (
    Example,
    Exchange,
    build_conversation,
    random_exchanges,
    random_system_prompt,
)
from recipe.dialogue.questions.phrasing import phrase_question
from recipe.dialogue.replies.page import page_reply
from recipe.drawing.render import draw
from recipe.drawing.scenes import Scene, headline_page, page_scene
from recipe.rng import Rng
from recipe.vocabulary import LANGUAGES, Language

MAX_PAGES = 8
MAX_LISTED_PAGES = 4  # a reply that lists the pages gets too long with more of them
LISTING_TOPICS = ("pages", "which_page")
PAGE_TOPICS = (
    "page_count",
    "page_headline",
    "page_headline",
    "page",
    "page",
    "which_page",
    "pages",
)


def page_examples(rng: Rng, count: int, cells: int, topic: str = "") -> list[Example]:
    """Draw pages of at most `cells` cells each and return `count` examples about them."""
    few = topic in LISTING_TOPICS or (not topic and rng.chance(0.4))
    page_count = rng.randint(1, MAX_LISTED_PAGES if few else MAX_PAGES)
    mostly_headlines = topic == "page_headline" or (not topic and rng.chance(0.5))
    plans = [
        headline_page(rng) if mostly_headlines and rng.chance(0.85) else page_scene(rng)
        for _ in range(page_count)
    ]
    pages = [draw(plan, rng, cells) for plan in plans]
    scenes = [scene for scene, _ in pages]
    system = random_system_prompt(rng)
    media = [{"type": "image", "image": drawing.image} for _, drawing in pages]
    # The questions of LISTING_TOPICS about one page would be those about a picture.
    listed = few and page_count > 1
    topics = [name for name in PAGE_TOPICS if listed or name not in LISTING_TOPICS]

    def make_exchange(language: Language) -> Exchange:
        earlier_topic = rng.choice(("page", "page_headline"))
        page = rng.randint(1, page_count)
        question = phrase_question(earlier_topic, language, rng, None, page)
        return question, page_reply(earlier_topic, scenes, page, language).answer

    def make_example() -> Example:
        language, chosen_topic = rng.choice(LANGUAGES), topic or rng.choice(topics)
        chosen_topic, page = _choose_page(chosen_topic, scenes, rng)
        item = scenes[page - 1].items[0] if page <= page_count and scenes[page - 1].items else None
        question = phrase_question(chosen_topic, language, rng, item, page)
        earlier = random_exchanges(rng, 0.35, lambda: make_exchange(language))
        reply = page_reply(chosen_topic, scenes, page, language)
        messages = build_conversation(system, media, question, earlier)
        return Example(chosen_topic, language, messages, reply)

    return [make_example() for _ in range(count)]


def _choose_page(topic: str, scenes: list[Scene], rng: Rng) -> tuple[str, int]:
    """Return a topic and the number of the page that it is about, from 1.

    Some questions are about the page after the last. "which_page" becomes "page" where every
    shape is on several pages.
    """
    count = len(scenes)
    page = rng.randint(1, count)
    if topic == "which_page":
        page = _page_with_unique_shape(scenes, rng)
        return (topic, page) if page else ("page", rng.randint(1, count))
    if topic not in ("page_count", "pages") and count < MAX_PAGES and rng.chance(0.06):
        page = count + 1
    return topic, page


def _page_with_unique_shape(scenes: list[Scene], rng: Rng) -> int:
    """Return the number of a page, from 1, whose shape is on no other; 0 if there is none."""
    shapes = [scene.items[0].shape if scene.items else "" for scene in scenes]
    unique = [page for page, shape in enumerate(shapes, 1) if shape and shapes.count(shape) == 1]
    return rng.choice(unique) if unique else 0
