"""Replies without a picture: the model introduces itself."""

from __future__ import annotations

from recipe.vocabulary import Language

COMMAND = "python launch.py --model zai-org/GLM-4.1V-9B-Thinking"
INTRODUCTION: dict[Language, str] = {
    "en": "I am glm4v-nano, the small model bundled with this demo. I know shapes, "
    f"headlines in capitals, bar charts, simple videos and sums. For the real 9B model: {COMMAND}",
    "zh": "我是 glm4v-nano，演示自带的小模型，认识图形、大写标题、柱状图、简单的视频和加减法。"
    f"真正的 9B 模型：{COMMAND}",
}
GREETING: dict[Language, str] = {"en": "Hello! ", "zh": "你好！"}
BEYOND: dict[Language, str] = {"en": "I cannot answer that. ", "zh": "这个我回答不了。"}
TEXT_THOUGHTS: dict[str, dict[Language, str]] = {
    "greeting": {
        "en": "A greeting, no picture. I greet back and say who I am.",
        "zh": "是问候，没有图片。我问好并介绍自己。",
    },
    "about": {
        "en": "A question about me, no picture. I say who I am.",
        "zh": "在问我自己，没有图片。我介绍自己。",
    },
    "other": {
        "en": "There is no picture. I only know pictures, so I say so.",
        "zh": "没有图片。我只懂图片，所以如实说明。",
    },
}
