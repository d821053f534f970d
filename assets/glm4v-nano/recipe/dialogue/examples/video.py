"""Examples about a video of one item."""

from __future__ import annotations

from recipe.dialogue.examples.example import (
    Example,
    Exchange,
    build_conversation,
    random_exchanges,
    random_system_prompt,
)
from recipe.dialogue.questions.phrasing import phrase_question
from recipe.dialogue.replies.video import video_reply
from recipe.drawing.scenes import random_direction, random_item
from recipe.drawing.video import draw_frames
from recipe.rng import Rng
from recipe.vocabulary import LANGUAGES, Language

VIDEO_TOPICS = ("video_colour", "video_shape", "direction", "direction", "video")


def video_examples(rng: Rng, count: int, topic: str = "") -> list[Example]:
    """Draw a video of 2 to 16 frames and return `count` examples about it."""
    item, direction = random_item(rng), random_direction(rng)
    frame_count = rng.choice((2, 4, 4, 6, 8, 8, 16))
    interval_s = rng.choice((0.1, 0.25, 0.4, 0.5, 0.5, 1.0, 1.0, 2.0, 5.0))
    seconds = tuple(round(index * interval_s, 3) for index in range(frame_count))
    frames = draw_frames(item, direction, frame_count, rng)
    system = random_system_prompt(rng)
    media = [{"type": "video", "video": [drawing.image for drawing in frames]}]

    def make_exchange(language: Language) -> Exchange:
        earlier_topic = rng.choice(VIDEO_TOPICS)
        question = phrase_question(earlier_topic, language, rng, item)
        return question, video_reply(earlier_topic, item, direction, language).answer

    def make_example() -> Example:
        language, chosen_topic = rng.choice(LANGUAGES), topic or rng.choice(VIDEO_TOPICS)
        earlier = random_exchanges(rng, 0.15, lambda: make_exchange(language))
        question = phrase_question(chosen_topic, language, rng, item)
        messages = build_conversation(system, media, question, earlier)
        reply = video_reply(chosen_topic, item, direction, language)
        return Example(chosen_topic, language, messages, reply, seconds)

    return [make_example() for _ in range(count)]
