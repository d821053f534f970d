"""User messages that need no picture, and system prompts."""

from __future__ import annotations

from recipe.vocabulary import Language

GREETINGS: dict[Language, tuple[str, ...]] = {
    "en": (
        "Hello!",
        "Hello",
        "Hi",
        "hi there",
        "Hey!",
        "Good morning",
        "Good evening!",
        "hello, how are you?",
    ),
    "zh": ("你好！", "你好", "您好", "嗨", "早上好", "晚上好！", "大家好", "你好吗？"),
}
ABOUT: dict[Language, tuple[str, ...]] = {
    "en": (
        "Who are you?",
        "What are you?",
        "What can you do?",
        "What is your name?",
        "Which model is this?",
        "Are you GLM-4.1V?",
        "Introduce yourself.",
        "help",
        "How do I run the real model?",
    ),
    "zh": (
        "你是谁？",
        "你能做什么？",
        "你叫什么名字？",
        "这是什么模型？",
        "你是 GLM-4.1V 吗？",
        "介绍一下你自己。",
        "帮助",
        "怎么运行真正的模型？",
    ),
}
OTHER: dict[Language, tuple[str, ...]] = {
    "en": (
        "What is the capital of France?",
        "What is 17 times 23?",
        "Write a poem about the sea.",
        "Explain quantum mechanics in simple words.",
        "Translate this sentence into German.",
        "Who won the world cup in 1998?",
        "Write a Python function that sorts a list.",
        "Solve x^2 - 5x + 6 = 0.",
        "Tell me a joke.",
        "What is the weather like today?",
        "Why is the sky blue?",
        "How do I cook rice?",
        "Summarise the news.",
        "What time is it?",
        "Is a tomato a fruit?",
        "Prove that there are infinitely many primes.",
        "Recommend a good book.",
        "What does this mean?",
        "Continue.",
        "Are you sure?",
        "Thank you!",
        "thanks",
        "test",
        "ok",
        "What colour is the shape?",
        "How many circles are there?",
        "What is on page 2?",
        "Fix this bug: print('a < b')",
        "What do you think about this?",
        "List three animals.",
        "Compare apples and oranges.",
        "Please answer in one word.",
        "a",
        "?",
        "123",
    ),
    "zh": (
        "法国的首都是哪里？",
        "17 乘以 23 等于多少？",
        "写一首关于大海的诗。",
        "用简单的话解释量子力学。",
        "把这句话翻译成英文。",
        "谁赢得了世界杯？",
        "写一个排序的 Python 函数。",
        "解方程 x^2 - 5x + 6 = 0。",
        "讲个笑话。",
        "今天天气怎么样？",
        "天空为什么是蓝色的？",
        "怎么做米饭？",
        "现在几点了？",
        "推荐一本好书。",
        "这是什么意思？",
        "继续。",
        "你确定吗？",
        "谢谢！",
        "测试",
        "好的",
        "这个图形是什么颜色？",
        "有几个圆形？",
        "第 2 页上有什么？",
        "请只用一个词回答。",
        "列出三种动物。",
    ),
}
# Words of questions that are composed at random.
ENGLISH_FILLERS = """
    the of and to in is that for it with as was on be at by this have from or an they
    which one you were all her market history computer science number river mountain
    winter music people city water house school never always explain write compute list
    why when who whose could should please now later between under over again still
"""
CHINESE_FILLERS = """
    今天 明天 我们 他们 因为 所以 可以 应该 城市 历史 科学 数学 音乐 电脑 老师 学生 问题 时间 世界 工作 为什么 怎么
"""
FILLERS: tuple[str, ...] = (*ENGLISH_FILLERS.split(), *CHINESE_FILLERS.split())
SYSTEM_PROMPTS: tuple[str, ...] = (
    "You are a helpful assistant.",
    "You are GLM-4.1V, a multimodal model.",
    "Answer briefly.",
    "Answer in one sentence.",
    "Be polite and exact.",
    "You answer questions about documents.",
    "Always think step by step.",
    "You are a pirate. Speak like one.",
    "Today is Monday. The user is a student.",
    "你是一个有用的助手。",
    "请简短回答。",
    "你是一名老师，请耐心解释。",
)
