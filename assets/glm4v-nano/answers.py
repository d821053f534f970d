"""What the small model should think and say about what it sees, in English and Chinese. Knows no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from phrases import COLOURS, DIRECTIONS, NUMBERS, SHAPES, Language

Kind = Literal["shapes", "text", "blank", "other"]

# Keys are (what it is about, language). A thought names everything; the answer says what was asked.
SENTENCES: dict[str, dict[Language, str]] = {
    "one": {
        "en": "I see one {shape}. It is {colour}. The background is {ground}.",
        "zh": "我看到一个{shape}，颜色是{colour}，背景是{ground}。",
    },
    "many": {
        "en": "I see {number} {shapes}. They are {colour}. The background is {ground}.",
        "zh": "我看到{number}个{shape}，颜色是{colour}，背景是{ground}。",
    },
    "text": {"en": "I see lines of text. There is no shape.", "zh": "我看到一行行文字，没有图形。"},
    "blank": {"en": "I look everywhere. There is nothing on it.", "zh": "我看了各处，上面什么也没有。"},
    "other": {"en": "I see many colours. There is no shape that I know.", "zh": "我看到很多颜色，没有我认识的图形。"},
    "colour one": {"en": "The {shape} is {colour}.", "zh": "这个{shape}是{colour}的。"},
    "colour many": {"en": "The {number} {shapes} are {colour}.", "zh": "这{number}个{shape}都是{colour}的。"},
    "shape one": {"en": "It is a {shape}.", "zh": "这是一个{shape}。"},
    "shape many": {"en": "They are {shapes}.", "zh": "它们是{shape}。"},
    "count one": {"en": "There is one {shape}.", "zh": "有一个{shape}。"},
    "count many": {"en": "There are {number} {shapes}.", "zh": "有{number}个{shape}。"},
    "describe one": {"en": "There is a {colour} {shape}.", "zh": "图里有一个{colour}的{shape}。"},
    "describe many": {"en": "There are {number} {colour} {shapes}.", "zh": "图里有{number}个{colour}的{shape}。"},
    "answer text": {
        "en": "It looks like a page of text, which I cannot read.",
        "zh": "这看起来是一页文字，我还不会阅读。",
    },
    "answer blank": {"en": "It is an empty page.", "zh": "这是一张空白页。"},
    "answer other": {
        "en": "I cannot tell: I only know simple shapes in plain colours.",
        "zh": "我看不出来：我只认识纯色的简单图形。",
    },
    "pages": {"en": "There are {n} pages.", "zh": "共有{n}页。"},
    "on page": {"en": " Page {n}: {seen}.", "zh": "第{n}页：{seen}。"},
    "page": {"en": "Page {n} shows {seen}.", "zh": "第{n}页上是{seen}。"},
    "no page": {"en": "There is no page {n}; there are {count} pages.", "zh": "没有第{n}页；一共只有{count}页。"},
    "which page": {"en": "The {shape} is on page {n}.", "zh": "{shape}在第{n}页。"},
    "frames": {
        "en": "I watch the frames. A {colour} {shape} {moves}.",
        "zh": "我看这些画面。一个{colour}的{shape}{moves}。",
    },
    "video_colour": {"en": "The moving {shape} is {colour}.", "zh": "移动的{shape}是{colour}的。"},
    "video_shape": {"en": "A {colour} {shape} is moving.", "zh": "一个{colour}的{shape}在移动。"},
    "direction": {"en": "The {shape} {moves}.", "zh": "这个{shape}{moves}。"},
    "video": {"en": "A {colour} {shape} {moves}.", "zh": "一个{colour}的{shape}{moves}。"},
}
SEEN: dict[str, dict[Language, str]] = {
    "one": {"en": "a {colour} {shape}", "zh": "一个{colour}的{shape}"},
    "many": {"en": "{number} {colour} {shapes}", "zh": "{number}个{colour}的{shape}"},
    "text": {"en": "text", "zh": "文字"},
    "blank": {"en": "nothing", "zh": "空白"},
    "other": {"en": "no shape that I know", "zh": "没有我认识的图形"},
}
GROUNDS: dict[str, dict[Language, str]] = {"light": {"en": "light", "zh": "浅色"}, "dark": {"en": "dark", "zh": "深色"}}


@dataclass(frozen=True, slots=True)
class Sight:
    """What one picture shows. colour, shape, count and ground only matter to kind "shapes"."""

    kind: Kind
    colour: str = ""
    shape: str = ""
    count: int = 1
    ground: str = "light"

    def words(self, language: Language) -> dict[str, str]:
        return names(language, self.colour, self.shape) | {
            "number": NUMBERS[self.count][LANGUAGE_INDEX[language]],
            "ground": GROUNDS[self.ground][language],
        }


LANGUAGE_INDEX: dict[Language, int] = {"en": 0, "zh": 1}


def names(language: Language, colour: str, shape: str) -> dict[str, str]:
    """The names of a colour and a shape; empty ones stay empty."""
    if language == "en":
        return {"colour": colour, "shape": shape, "shapes": f"{shape}s"}
    name = SHAPES.get(shape, "")
    return {"colour": COLOURS.get(colour, ""), "shape": name, "shapes": name}


def article(sentence: str) -> str:
    """English: "an orange", not "a orange"."""
    return sentence.replace(" a orange", " an orange").replace("A orange", "An orange")


def say(key: str, language: Language, **words: object) -> str:
    return article(SENTENCES[key][language].format(**words))


def about_picture(topic: str, sight: Sight, language: Language) -> tuple[str, str]:
    """Thought and answer. `topic`: colour, shape, count or describe."""
    if sight.kind != "shapes":
        return SENTENCES[sight.kind][language], SENTENCES[f"answer {sight.kind}"][language]
    number, words = "one" if sight.count == 1 else "many", sight.words(language)
    return say(number, language, **words), say(f"{topic} {number}", language, **words)


def seen(sight: Sight, language: Language) -> str:
    """What is on a page, inside a sentence."""
    key = sight.kind if sight.kind != "shapes" else "one" if sight.count == 1 else "many"
    return article(" " + SEEN[key][language].format(**sight.words(language))).strip()


def about_pages(topic: str, sights: Sequence[Sight], n: int, language: Language) -> tuple[str, str]:
    """Thought and answer. `topic`: page, which_page (both about page n, counted from 1), page_count or pages."""
    count = say("pages", language, n=len(sights))
    listed = "".join(
        SENTENCES["on page"][language].format(n=index, seen=seen(sight, language))
        for index, sight in enumerate(sights, 1)
    )
    thought = count + listed
    if topic == "page_count":
        return thought, count
    if topic == "pages":
        return thought, listed.strip()
    if n > len(sights):
        return thought, say("no page", language, n=n, count=len(sights))
    sight = sights[n - 1]
    if topic == "page":
        return thought, say("page", language, n=n, seen=seen(sight, language))
    return thought, say("which page", language, n=n, **names(language, sight.colour, sight.shape))


def about_video(topic: str, colour: str, shape: str, direction: str, language: Language) -> tuple[str, str]:
    """Thought and answer. `topic`: video_colour, video_shape, direction or video."""
    words = names(language, colour, shape) | {"moves": DIRECTIONS[direction][LANGUAGE_INDEX[language]]}
    return say("frames", language, **words), say(topic, language, **words)
