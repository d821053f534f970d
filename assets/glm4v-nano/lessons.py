"""Lessons: a random conversation about pictures, pages, a clip or nothing, with the right thought and answer.

Knows what is drawn and what is said about it, no tokens and no model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from answers import LANGUAGE_INDEX, Sight, about_pages, about_picture, about_video, names
from drawing import clip, picture, sight
from phrases import COLOURS, DIRECTIONS, LANGUAGES, SHAPES, Language
from questions import NOUNS, PLURAL_NOUNS, QUESTIONS
from small_talk import ABOUT, BEYOND, FILLERS, GREETING, GREETINGS, INTRODUCTION, OTHER, SYSTEM_PROMPTS, TEXT_THOUGHTS

PICTURE_TOPICS = ("colour", "shape", "count", "describe")
PAGE_TOPICS = ("page", "which_page", "page_count", "pages")
VIDEO_TOPICS = ("video_colour", "video_shape", "direction", "video")
MILLISECONDS = 1000.0
STRANGE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 .,?!'\"()<>/+-=*的一是不了人我在有他éßñ🙂"


@dataclass(frozen=True, slots=True)
class Lesson:
    """`messages` as the chat template takes them, the last one from the user. `seconds` are the times of the frames.

    `facts` are what a right answer names, in the language of the question.
    """

    topic: str
    language: Language
    messages: list[dict[str, Any]]
    thought: str
    answer: str
    seconds: tuple[float, ...] = ()
    facts: tuple[str, ...] = field(default=())

    @property
    def processor_arguments(self) -> dict[str, Any]:
        """The true times of the frames for the processor, in milliseconds; nothing for pictures."""
        if not self.seconds:
            return {}
        indices = [round(second * MILLISECONDS) for second in self.seconds]
        metadata = {"total_num_frames": indices[-1] + 1, "fps": MILLISECONDS, "frames_indices": indices}
        return {"videos_kwargs": {"do_sample_frames": False, "video_metadata": [[metadata]]}}


def vary(question: str, random: Random) -> str:
    """The same question typed differently."""
    if random.random() < 0.15:
        question = question.lower()
    if random.random() < 0.2:
        question = question.rstrip("?.!。？")
    return f"{question} " if random.random() < 0.05 else question


def ask(topic: str, language: Language, shape: str, random: Random, n: int = 1) -> str:
    """A phrasing of the question about `topic`. Now and then the shape it names is not the one in the picture."""
    named = shape if shape and random.random() < 0.85 else random.choice(tuple(SHAPES))
    words = names(language, "", named)
    noun = random.choice(NOUNS[language]).format(**words)
    nouns = random.choice(PLURAL_NOUNS[language]).format(**words)
    page = "一二三四五六"[n - 1] if language == "zh" and random.random() < 0.25 else n
    right = names(language, "", shape) if topic == "which_page" else words
    return vary(random.choice(QUESTIONS[topic][language]).format(noun=noun, nouns=nouns, n=page, **right), random)


def turns(medium: list[dict[str, Any]], first: str, history: tuple[str, str] | None, random: Random) -> list[dict]:
    """The conversation that ends with the question `first`; with `history` (question, answer) in front of it."""
    messages: list[dict] = []
    if random.random() < 0.15:
        messages.append({"role": "system", "content": system_prompt(random)})
    if history:
        messages += [
            {"role": "user", "content": [*medium, {"type": "text", "text": history[0]}]},
            {"role": "assistant", "content": history[1]},
            {"role": "user", "content": first},
        ]
    else:
        messages.append({"role": "user", "content": [*medium, {"type": "text", "text": first}]})
    return messages


def system_prompt(random: Random) -> str:
    return random.choice(SYSTEM_PROMPTS) if random.random() < 0.6 else chatter(random)


def picture_lesson(random: Random) -> Lesson:
    language = random.choice(LANGUAGES)
    page = random.random() < 0.3
    drawn = picture(sight(random, page), random, page)
    shown = drawn.sight
    topic = random.choice(PICTURE_TOPICS)
    thought, answer = about_picture(topic, shown, language)
    stray = topic == "describe" and random.random() < 0.2
    question = stray_text(language, random) if stray else ask(topic, language, shown.shape, random)
    history = None
    if random.random() < 0.12:
        before, spoken = random.choice(PICTURE_TOPICS), random.choice(LANGUAGES)
        history = ask(before, spoken, shown.shape, random), about_picture(before, shown, spoken)[1]
    messages = turns([{"type": "image", "image": drawn.image}], question, history, random)
    return Lesson(topic, language, messages, thought, answer, facts=picture_facts(topic, shown, language))


def picture_facts(topic: str, shown: Sight, language: Language) -> tuple[str, ...]:
    if shown.kind != "shapes":
        return (about_picture(topic, shown, language)[1],)
    words = shown.words(language)
    number = words["number"] if language == "en" or topic == "count" or shown.count > 1 else ""
    parts = {"colour": (words["colour"],), "shape": (words["shape"],), "count": (number,)}
    several = (words["number"],) if shown.count > 1 else ()
    return parts.get(topic, (words["colour"], words["shape"], *several))


def pages_lesson(random: Random) -> Lesson:
    language = random.choice(LANGUAGES)
    count = random.choice((1, 2, 2, 3, 3, 4))
    drawn = [picture(sight(random, True), random, random.random() < 0.7) for _ in range(count)]
    sights = [page.sight for page in drawn]
    topic, n = random.choice(PAGE_TOPICS), random.randint(1, count)
    if topic == "which_page":
        shapes = [shown.shape for shown in sights]
        alone = [index for index, shape in enumerate(shapes, 1) if shape and shapes.count(shape) == 1]
        topic, n = ("which_page", random.choice(alone)) if alone else ("page", n)
    elif topic == "page" and random.random() < 0.08:
        n = min(count + random.randint(1, 2), 6)
    shape = sights[n - 1].shape if n <= count else ""
    thought, answer = about_pages(topic, sights, n, language)
    history = None
    if random.random() < 0.12:
        before = random.randint(1, count)
        history = ask("page", language, "", random, before), about_pages("page", sights, before, language)[1]
    question = ask(topic, language, shape, random, n)
    messages = turns([{"type": "image", "image": page.image} for page in drawn], question, history, random)
    return Lesson(topic, language, messages, thought, answer, facts=(answer,))


def video_lesson(random: Random) -> Lesson:
    language = random.choice(LANGUAGES)
    colour, shape = random.choice(tuple(COLOURS)), random.choice(tuple(SHAPES))
    direction = random.choice(("right", "right", "left", "left", "up", "down", "still"))
    count = random.choice((2, 4, 4, 6, 6, 8, 16))
    step = random.choice((0.1, 0.25, 0.4, 0.5, 0.5, 1.0, 1.0, 2.0, 5.0))
    seconds = tuple(round(index * step, 3) for index in range(count))
    topic = random.choice(VIDEO_TOPICS)
    thought, answer = about_video(topic, colour, shape, direction, language)
    medium = [{"type": "video", "video": list(clip(colour, shape, direction, count, random))}]
    history = None
    if random.random() < 0.1:
        before = random.choice(VIDEO_TOPICS)
        history = ask(before, language, shape, random), about_video(before, colour, shape, direction, language)[1]
    words = names(language, colour, shape)
    moves = DIRECTIONS[direction][LANGUAGE_INDEX[language]]
    facts = {"video_colour": (words["colour"],), "video_shape": (words["shape"],), "direction": (moves,)}
    wanted = facts.get(topic, (words["colour"], words["shape"], moves))
    messages = turns(medium, ask(topic, language, shape, random), history, random)
    return Lesson(topic, language, messages, thought, answer, seconds, wanted)


def text_lesson(random: Random) -> Lesson:
    language = random.choice(LANGUAGES)
    topic = random.choice(("greeting", "about", "other", "other", "other"))
    if topic == "other":
        question = stray_text(language, random)
    else:
        question = vary(random.choice((GREETINGS if topic == "greeting" else ABOUT)[language]), random)
    start = {"greeting": GREETING[language], "other": BEYOND[language]}.get(topic, "")
    answer = start + INTRODUCTION[language]
    history = (stray_text(language, random), answer) if random.random() < 0.12 else None
    thought = TEXT_THOUGHTS[topic][language]
    return Lesson(topic, language, turns([], question, history, random), thought, answer, facts=("glm4v-nano",))


def stray_text(language: Language, random: Random) -> str:
    """Anything that has nothing to do with shapes, in about that language."""
    return vary(random.choice(OTHER[language]), random) if random.random() < 0.6 else chatter(random, language)


def chatter(random: Random, language: Language | None = None) -> str:
    """Words or letters at random."""
    if random.random() < 0.3 and language != "zh":
        return "".join(random.choices(STRANGE_LETTERS[:54], k=random.randint(1, 40)))
    fillers = [word for word in FILLERS if language is None or (ord(word[0]) > 127) == (language == "zh")]
    words = random.choices(fillers, k=random.randint(2, 16))
    return ("" if language == "zh" else " ").join(words)
