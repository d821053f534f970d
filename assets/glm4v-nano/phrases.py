"""The names that the small model knows, in English and Chinese."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, Language] = ("en", "zh")

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
NUMBERS: dict[int, tuple[str, str]] = {1: ("one", "一"), 2: ("two", "两"), 3: ("three", "三"), 4: ("four", "四")}
DIRECTIONS: dict[str, tuple[str, str]] = {
    "right": ("moves to the right", "向右移动"),
    "left": ("moves to the left", "向左移动"),
    "up": ("moves up", "向上移动"),
    "down": ("moves down", "向下移动"),
    "still": ("stays still", "没有移动"),
}
