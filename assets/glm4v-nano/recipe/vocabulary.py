"""Names of colours, shapes, numbers, directions and places, in English and Chinese."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, Language] = ("en", "zh")
LANGUAGE_INDEX: dict[Language, int] = {"en": 0, "zh": 1}

COLOURS: dict[str, str] = {
    "red": "红色",
    "green": "绿色",
    "blue": "蓝色",
    "yellow": "黄色",
    "orange": "橙色",
    "purple": "紫色",
    "black": "黑色",
    "white": "白色",
    "gray": "灰色",
    "pink": "粉色",
}
SHAPES: dict[str, str] = {
    "circle": "圆形",
    "square": "正方形",
    "triangle": "三角形",
    "star": "星形",
    "rectangle": "长方形",
}
NUMBERS: dict[int, tuple[str, str]] = {
    1: ("one", "一"),
    2: ("two", "两"),
    3: ("three", "三"),
    4: ("four", "四"),
    5: ("five", "五"),
    6: ("six", "六"),
    7: ("seven", "七"),
    8: ("eight", "八"),
}
DIRECTIONS: dict[str, tuple[str, str]] = {
    "right": ("moves to the right", "向右移动"),
    "left": ("moves to the left", "向左移动"),
    "up": ("moves up", "向上移动"),
    "down": ("moves down", "向下移动"),
    "still": ("stays still", "没有移动"),
}
PLACES: dict[str, tuple[str, str]] = {
    "left": ("on the left", "在左边"),
    "right": ("on the right", "在右边"),
    "top": ("at the top", "在上方"),
    "bottom": ("at the bottom", "在下方"),
    "middle": ("in the middle", "在中间"),
}


def colour_name(colour: str, language: Language) -> str:
    return COLOURS[colour] if language == "zh" else colour


def shape_name(shape: str, language: Language, plural: bool = False) -> str:
    return SHAPES[shape] if language == "zh" else f"{shape}s" if plural else shape


def number_name(number: int, language: Language) -> str:
    return NUMBERS[number][LANGUAGE_INDEX[language]]
