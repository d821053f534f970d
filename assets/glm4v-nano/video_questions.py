"""What people ask about videos. Words only."""

from __future__ import annotations

from phrases import Language

VIDEO_QUESTIONS: dict[str, dict[Language, tuple[str, ...]]] = {
    "video_colour": {
        "en": (
            "Which colour is the moving shape?",
            "What colour is the moving shape?",
            "What color moves?",
            "What colour is it?",
            "What color is the shape in the video?",
            "Tell me which colour moves.",
            "What is the colour of the moving shape?",
        ),
        "zh": (
            "移动的图形是什么颜色？",
            "视频里的图形是什么颜色？",
            "是什么颜色？",
            "什么颜色的图形在移动？",
            "请说出移动的是什么颜色。",
        ),
    },
    "video_shape": {
        "en": (
            "Which shape is moving?",
            "What shape is moving?",
            "What moves?",
            "Which shape is in the video?",
            "What shape is it?",
            "Tell me which shape moves.",
            "What is the moving shape?",
        ),
        "zh": (
            "移动的是什么形状？",
            "什么在移动？",
            "什么图形在移动？",
            "视频里是什么形状？",
            "是什么形状？",
            "请说出什么形状在移动。",
        ),
    },
    "direction": {
        "en": (
            "Where does it move?",
            "In which direction does it move?",
            "Which way does the shape go?",
            "How does the shape move?",
            "Does it move left or right?",
            "Tell me where it moves.",
            "Which direction does the shape move?",
        ),
        "zh": (
            "它向哪里移动？",
            "图形往哪个方向移动？",
            "它怎么移动？",
            "它向左还是向右移动？",
            "移动的方向是什么？",
            "请说出它往哪个方向移动。",
            "图形向哪里移动？",
        ),
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
            "Please describe what happens.",
            "Tell me what you see in the video.",
        ),
        "zh": (
            "视频里发生了什么？",
            "发生了什么？",
            "描述一下这个视频。",
            "你看到了什么？",
            "这个视频里有什么？",
            "总结这个视频。",
            "请描述视频。",
            "请说说发生了什么。",
        ),
    },
}
