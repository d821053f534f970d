"""What people ask and what the small model answers, in English and Chinese. Words only: no pictures, no tokens."""

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

# {shape} and {shapes} are names in the language of the question, {noun} a general word for a shape.
NOUNS: dict[Language, tuple[str, ...]] = {
    "en": ("shape", "figure", "object", "thing", "{shape}"),
    "zh": ("图形", "形状", "东西", "物体", "{shape}"),
}
PLURAL_NOUNS: dict[Language, tuple[str, ...]] = {
    "en": ("shapes", "figures", "objects", "things", "{shapes}"),
    "zh": ("图形", "形状", "东西", "物体", "{shape}"),
}

QUESTIONS: dict[str, dict[Language, tuple[str, ...]]] = {
    "colour": {
        "en": (
            "Which colour is the {noun}?",
            "What colour is the {noun}?",
            "What color is the {noun}?",
            "What is the colour of the {noun}?",
            "What's the color of this {noun}?",
            "Tell me the colour of the {noun}.",
            "What colour is it?",
            "What color is this?",
            "Which color do you see?",
            "Name the colour.",
            "colour?",
            "And what colour?",
        ),
        "zh": (
            "这个{noun}是什么颜色？",
            "{noun}是什么颜色的？",
            "图中的{noun}是什么颜色？",
            "是什么颜色？",
            "什么颜色？",
            "它是什么颜色的？",
            "请说出{noun}的颜色。",
            "颜色是什么",
            "你看到了什么颜色？",
        ),
    },
    "shape": {
        "en": (
            "What shape is this?",
            "What shape is it?",
            "Which shape is this?",
            "Which shape do you see?",
            "Which shape is on this page?",
            "What is the shape?",
            "Name the shape.",
            "Tell me which shape is in the picture.",
            "What kind of shape is shown here?",
            "Is it a circle or a square?",
            "shape?",
            "And the shape?",
        ),
        "zh": (
            "这是什么形状？",
            "这是什么图形？",
            "这一页上是什么形状？",
            "图中是什么形状？",
            "它是什么形状的？",
            "什么形状？",
            "请说出图形的形状。",
            "你看到了什么形状？",
            "是圆形还是正方形？",
        ),
    },
    "count": {
        "en": (
            "How many {nouns} are there?",
            "How many {nouns} do you see?",
            "How many {nouns} are in the picture?",
            "How many are there?",
            "Count the {nouns}.",
            "Please count the {nouns} in this image.",
            "What is the number of {nouns}?",
            "how many?",
        ),
        "zh": (
            "有几个{nouns}？",
            "图中有几个{nouns}？",
            "图里有多少个{nouns}？",
            "数一数有几个{nouns}。",
            "一共有多少{nouns}？",
            "有几个？",
            "多少个？",
        ),
    },
    "describe": {
        "en": (
            "What is in this picture?",
            "What do you see?",
            "What is this?",
            "Describe the picture.",
            "Describe this image.",
            "What is shown here?",
            "What is on this page?",
            "What is on this slide?",
            "What does the picture show?",
            "Tell me about this picture.",
            "Which colour and shape do you see?",
            "What colour and shape is this?",
            "What's this?",
            "Summarise this page.",
            "Look at this.",
        ),
        "zh": (
            "图里有什么？",
            "你看到了什么？",
            "这是什么？",
            "描述一下这张图片。",
            "请描述图片。",
            "这张图显示了什么？",
            "这一页上有什么？",
            "这张幻灯片上有什么？",
            "看看这个。",
            "请介绍这张图片。",
            "这是什么颜色和形状？",
            "总结这一页。",
        ),
    },
    "page": {
        "en": (
            "What is on page {n}?",
            "What is on slide {n}?",
            "What does page {n} show?",
            "What do you see on page {n}?",
            "Describe page {n}.",
            "And page {n}?",
            "What is in picture {n}?",
            "Which shape is on page {n}?",
            "What colour is the shape on page {n}?",
            "page {n}",
        ),
        "zh": (
            "第 {n} 页上有什么？",
            "第{n}页有什么？",
            "第{n}页是什么？",
            "第{n}张幻灯片上有什么？",
            "第{n}张图里有什么？",
            "描述第 {n} 页。",
            "第{n}页上是什么形状？",
            "第{n}页的图形是什么颜色？",
            "第{n}页呢？",
        ),
    },
    "which_page": {
        "en": (
            "Which page shows the {shape}?",
            "Which page has the {shape}?",
            "On which page is the {shape}?",
            "Which slide shows the {shape}?",
            "Where is the {shape}?",
            "Find the {shape}.",
            "On which page do you see a {shape}?",
        ),
        "zh": (
            "哪一页有{shape}？",
            "{shape}在哪一页？",
            "哪页上有{shape}？",
            "{shape}在第几页？",
            "哪张幻灯片有{shape}？",
            "找到{shape}。",
        ),
    },
    "page_count": {
        "en": (
            "How many pages are there?",
            "How many pages does it have?",
            "How many slides are there?",
            "How many pictures do you see?",
            "Count the pages.",
            "How many pages?",
        ),
        "zh": ("有几页？", "一共有多少页？", "这个文件有几页？", "有几张幻灯片？", "有几张图片？", "共几页？"),
    },
    "pages": {
        "en": (
            "What is on these pages?",
            "What is in these pictures?",
            "What is in this document?",
            "Summarise the document.",
            "Summarise the slides.",
            "Describe all pages.",
            "What do you see?",
            "What do the pages show?",
            "List what is on each page.",
        ),
        "zh": (
            "这些页上有什么？",
            "这些图片里有什么？",
            "总结这个文件。",
            "总结这些幻灯片。",
            "描述每一页。",
            "你看到了什么？",
            "每一页上是什么？",
            "这个文档里有什么？",
        ),
    },
    "video_colour": {
        "en": (
            "Which colour is the moving shape?",
            "What colour is the moving shape?",
            "What color moves?",
            "What colour is it?",
            "What color is the shape in the video?",
        ),
        "zh": ("移动的图形是什么颜色？", "视频里的图形是什么颜色？", "是什么颜色？", "什么颜色的图形在移动？"),
    },
    "video_shape": {
        "en": (
            "Which shape is moving?",
            "What shape is moving?",
            "What moves?",
            "Which shape is in the video?",
            "What shape is it?",
        ),
        "zh": ("移动的是什么形状？", "什么在移动？", "什么图形在移动？", "视频里是什么形状？", "是什么形状？"),
    },
    "direction": {
        "en": (
            "Where does it move?",
            "In which direction does it move?",
            "Which way does the shape go?",
            "How does the shape move?",
            "Does it move left or right?",
        ),
        "zh": ("它向哪里移动？", "图形往哪个方向移动？", "它怎么移动？", "它向左还是向右移动？", "移动的方向是什么？"),
    },
    "video": {
        "en": (
            "What happens in this video?",
            "What happens?",
            "Describe the video.",
            "What do you see?",
            "What is in this video?",
            "Tell me what is going on.",
            "Summarise the video.",
        ),
        "zh": (
            "视频里发生了什么？",
            "发生了什么？",
            "描述一下这个视频。",
            "你看到了什么？",
            "这个视频里有什么？",
            "总结这个视频。",
        ),
    },
}
