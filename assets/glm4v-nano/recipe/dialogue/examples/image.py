"""Examples about one picture. Several of them may share it, and then it is drawn once."""

from __future__ import annotations

from recipe.dialogue.examples.example import (
    Example,
    Exchange,
    build_conversation,
    random_exchanges,
    random_system_prompt,
)
from recipe.dialogue.questions.phrasing import off_topic_text, phrase_question
from recipe.dialogue.replies.image import image_reply
from recipe.dialogue.replies.reply import Reply
from recipe.drawing.render import draw
from recipe.drawing.scenes import (
    Item,
    Scene,
    chart_scene,
    headline_scene,
    random_scene,
    shapes_scene,
    training_scattered_scene,
)
from recipe.rng import Rng
from recipe.vocabulary import LANGUAGES, Language

# A topic that stands twice is asked for twice as often.
SCENE_TOPICS = {
    "shapes": ("colour", "shape", "count", "count", "describe"),
    "scattered": ("where", "where", "box", "box", "box", "item_colour", "describe"),
    "headline": ("headline", "headline", "headline", "describe"),
    "chart": ("tallest", "shortest", "describe"),
    "text": ("describe", "headline"),
    "blank": ("describe",),
    "other": ("describe",),
}
SINGLE_SHAPE_TOPICS = ("box", "box")  # and "where", if the shape has a place


def ask_about_scene(
    topic: str, scene: Scene, language: Language, rng: Rng
) -> tuple[str, Reply, Item | None]:
    """Return a question, the reply and the item that both are about, if there is one."""
    item = rng.choice(scene.items) if topic in ("where", "box", "item_colour") else None
    named_item = item or (scene.items[0] if scene.items else None)
    question = phrase_question(topic, language, rng, named_item)
    reply_topic = "colour" if topic == "item_colour" else topic
    return question, image_reply(reply_topic, scene, language, item), item


def topics_of(scene: Scene) -> tuple[str, ...]:
    """Return the topics that suit a scene that has been drawn."""
    topics = SCENE_TOPICS[scene.kind]
    if scene.kind != "shapes" or len(scene.items) > 1:
        return topics
    topics += SINGLE_SHAPE_TOPICS
    return (*topics, "where") if scene.items[0].place else topics


def image_examples(
    scene: Scene,
    rng: Rng,
    cells: int,
    count: int = 1,
    topic: str = "",
    follow_up: float = 0.25,
) -> list[Example]:
    """Draw a scene in at most `cells` cells and return `count` examples about it.

    With the probability `follow_up` an example has earlier exchanges. Without `topic`, each
    example has one that suits the scene.
    """
    scene, drawing = draw(scene, rng, cells)
    system, media = random_system_prompt(rng), [{"type": "image", "image": drawing.image}]
    topics = topics_of(scene)

    def make_exchange(language: Language) -> Exchange:
        spoken = language if rng.chance(0.8) else rng.choice(LANGUAGES)
        question, reply, _ = ask_about_scene(rng.choice(topics), scene, spoken, rng)
        return question, reply.answer

    def make_example() -> Example:
        language, chosen_topic = rng.choice(LANGUAGES), topic or rng.choice(topics)
        question, reply, item = ask_about_scene(chosen_topic, scene, language, rng)
        if chosen_topic == "describe" and rng.chance(0.1):
            question = off_topic_text(language, rng)
        earlier = random_exchanges(rng, follow_up, lambda: make_exchange(language))
        messages = build_conversation(system, media, question, earlier)
        return Example(chosen_topic, language, messages, reply, item=item)

    return [make_example() for _ in range(count)]


def shapes_examples(rng: Rng, count: int, cells: int) -> list[Example]:
    return image_examples(shapes_scene(rng), rng, cells, count)


def scattered_examples(rng: Rng, count: int, cells: int) -> list[Example]:
    return image_examples(training_scattered_scene(rng), rng, cells, count)


def headline_examples(rng: Rng, count: int, cells: int) -> list[Example]:
    return image_examples(headline_scene(rng), rng, cells, count)


def chart_examples(rng: Rng, count: int, cells: int) -> list[Example]:
    return image_examples(chart_scene(rng), rng, cells, count)


def random_scene_examples(rng: Rng, count: int, cells: int) -> list[Example]:
    return image_examples(random_scene(rng), rng, cells, count)
