"""Every text that a person reads on the page, in English and Chinese, and how numbers are written.

Knows no component: the rooms above ask for a text by its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from webui.errors import ModelLoadError, WebUIError
from webui.ui.i18n.errors_zh import ERRORS_ZH
from webui.ui.i18n.load_failures import reason_text

Language = Literal["en", "zh"]

TEXTS: dict[str, tuple[str, str]] = {
    # key: (English, Chinese)
    "title": ("GLM-4.1V Thinking", "GLM-4.1V Thinking"),
    "language": ("Language", "语言"),
    "left": ("{time} left", "还剩 {time}"),
    "minutes": ("{minutes} min", "{minutes} 分钟"),
    "sign_in": ("Sign in", "登录"),
    "user_name": ("User name", "用户名"),
    "password": ("Password", "密码"),
    "wrong_password": ("The name or the password is wrong.", "用户名或密码不对。"),
    "state_loading": ("loading", "加载中"),
    "state_ready": ("ready", "就绪"),
    "state_unloaded": ("not loaded, comes with the next message", "未加载，发送下一条消息时加载"),
    "state_failed": ("failed", "失败"),
    "model": ("Model", "模型"),
    "memory": ("{size} memory", "内存 {size}"),
    "bundled_title": ("The small bundled model answers.", "现在由内置的小模型回答。"),
    "bundled_text": (
        "It knows simple shapes, headlines of one word in capitals, bar charts, clips of one moving thing and small "
        "sums, and makes mistakes. To run the 9B on a GPU with 12 GB or more: {command}.",
        "它认识简单图形、一个词的大写标题、柱状图、一个物体移动的短视频和小的加减法，会出错。"
        "在 12 GB 以上显存的 GPU 上运行 9B 模型：{command}。",
    ),
    "notice_failed": ("{model} could not be loaded: {reason}", "{model} 无法加载：{reason}"),
    "notice_title": ("Another model answers.", "现在由另一个模型回答。"),
    "dismiss": ("Dismiss", "知道了"),
    "tab_thinking": ("Thinking", "思考"),
    "tab_chat": ("Chat", "对话"),
    "tab_image": ("Image", "图片"),
    "tab_video": ("Video", "视频"),
    "tab_pdf": ("PDF", "PDF"),
    "tab_ppt": ("PPT", "PPT"),
    "empty_thinking": (
        "Ask about a picture, a video, a PDF or a deck, and watch the reasoning.",
        "就图片、视频、PDF 或幻灯片提问，并看到推理过程。",
    ),
    "empty_chat": ("Ask a question in words.", "用文字提问。"),
    "empty_image": (
        "Add one or more pictures and ask what is in them.",
        "添加一张或多张图片，问问里面有什么。",
    ),
    "empty_video": ("Add a video and ask what happens in it.", "添加一段视频，问问发生了什么。"),
    "empty_pdf": (
        "Add a PDF, choose the pages, and ask about them.",
        "添加 PDF，选择页码，然后提问。",
    ),
    "empty_ppt": (
        "Add a deck, choose the slides, and ask about them.",
        "添加幻灯片文件，选择页码，然后提问。",
    ),
    "ask_thinking": ("Ask about anything, or drop a file here", "随便问，或把文件拖到这里"),
    "ask_chat": ("Write a message", "输入消息"),
    "ask_image": ("Ask about the pictures, or drop them here", "就图片提问，或把图片拖到这里"),
    "ask_video": ("Ask about the video, or drop it here", "就视频提问，或把视频拖到这里"),
    "ask_pdf": ("Ask about the pages, or drop a PDF here", "就页面提问，或把 PDF 拖到这里"),
    "ask_ppt": ("Ask about the slides, or drop a deck here", "就幻灯片提问，或把文件拖到这里"),
    "composer": ("Message", "消息"),
    "conversation": ("Conversation", "对话内容"),
    "new_chat": ("New chat", "新对话"),
    "retry": ("Retry", "重试"),
    "copy": ("Copy answer", "复制回答"),
    "copied": ("Copied", "已复制"),
    "you_sent": ("{count} more", "另有 {count} 张"),
    "phase_loading": ("Loading the model", "正在加载模型"),
    "phase_converting": ("Converting {name}", "正在转换 {name}"),
    "phase_queued": ("Waiting", "排队中"),
    "phase_prefill": ("Reading", "正在阅读"),
    "phase_thinking": ("Thinking", "正在思考"),
    "phase_answering": ("Answering", "正在回答"),
    "phase_stopping": ("Stopping", "正在停止"),
    "of": ("{done} of {total}", "{done}/{total}"),
    "ahead": ("{count} ahead of you", "前面还有 {count} 个"),
    "next": ("you are next", "下一个就是你"),
    "seconds": ("{seconds} s", "{seconds} 秒"),
    "tokens": ("{count} tokens", "{count} 个词元"),
    "speed": ("{rate} tok/s", "{rate} 词元/秒"),
    "first_token": ("first token {seconds}", "首词元 {seconds}"),
    "thinking": ("Thinking", "正在思考"),
    "thought": ("Thought for {seconds}", "思考了 {seconds}"),
    "thinking_level": ("Thinking", "思考"),
    "think_off": ("Off", "关闭"),
    "think_short": ("Short", "简短"),
    "think_normal": ("Normal", "标准"),
    "think_long": ("Long", "深入"),
    "answer_now": ("Answer now", "立即回答"),
    "no_thought": ("Answered directly", "直接回答"),
    "cut_budget": ("Thought cut at {count} tokens", "思考在 {count} 个词元处截断"),
    "cut_requested": ("Answered on request", "应要求提前回答"),
    "cut_repetition": ("Thought ended as it repeated itself", "思考开始重复，已结束"),
    "stopped": ("Stopped", "已停止"),
    "length": ("Ended at the limit of {limit} tokens", "已达到 {limit} 个词元的上限"),
    "no_answer": ("No answer was written.", "没有写出回答。"),
    "error": ("This did not work", "没有成功"),
    "text_only": ("text only", "仅限文字"),
    "kind_image": ("pictures", "图片"),
    "kind_video": ("video", "视频"),
    "kind_document": ("PDF, PPT, PPTX", "PDF、PPT、PPTX"),
    "kind_pdf": ("PDF", "PDF"),
    "kind_ppt": ("PPT, PPTX", "PPT、PPTX"),
    "file": ("File", "文件"),
    "pages": ("Pages", "页码"),
    "pages_hint": ("All pages, or for example 1-5, 9", "全部页面，或例如 1-5, 9"),
    "frames": ("Frames", "帧数"),
    "from": ("From (s)", "开始（秒）"),
    "to": ("To (s)", "结束（秒）"),
    "page_n": ("Page {number}", "第 {number} 页"),
    "slide_n": ("Slide {number}", "第 {number} 张"),
    "cost_pages": ("{chosen} of {count} pages", "{count} 页中的 {chosen} 页"),
    "cost_frames": ("{chosen} frames", "{chosen} 帧"),
    "cost_image": ("{width} × {height} px", "{width} × {height} 像素"),
    "cost_tokens": ("{tokens} of {limit} tokens", "{tokens} / {limit} 个词元"),
    "fitted": (
        "Made smaller to fit; {tokens} tokens at full size.",
        "已缩小以放得下；原大小需要 {tokens} 个词元。",
    ),
    "drawn_without_office": (
        "LibreOffice is not installed here: the slides are drawn in a simpler way and may lose charts or effects.",
        "本机没有安装 LibreOffice：幻灯片以简化方式绘制，可能缺少图表或效果。",
    ),
    "viewer_thinking": (
        "What the model will see appears here: pages, frames or pictures.",
        "模型将看到的内容会显示在这里。",
    ),
    "viewer_image": (
        "The picture that the model sees appears here.",
        "模型看到的图片会显示在这里。",
    ),
    "viewer_video": (
        "The frames that the model sees appear here.",
        "模型看到的视频帧会显示在这里。",
    ),
    "viewer_pdf": ("The pages that the model reads appear here.", "模型阅读的页面会显示在这里。"),
    "viewer_ppt": (
        "The slides that the model reads appear here.",
        "模型阅读的幻灯片会显示在这里。",
    ),
    "in_conversation": ("In this conversation", "本次对话中"),
    "about_model": ("Who answers", "谁在回答"),
    "about_context": ("Reads up to {count} tokens at once", "一次最多阅读 {count} 个词元"),
    "about_media": (
        "Pages and frames may take {count} of them",
        "其中页面和视频帧最多占 {count} 个",
    ),
    "about_frames": ("Up to {count} frames of a video", "视频最多取 {count} 帧"),
    "about_pages": ("Up to {count} pages at once", "一次最多 {count} 页"),
    "about_size": ("Files up to {size}", "文件最大 {size}"),
    "example_circle": ("Which colour is the shape?", "这个图形是什么颜色？"),
    "example_count": ("How many squares are there?", "有几个正方形？"),
    "example_sign": ("What does the sign say?", "上面写了什么？"),
    "example_tallest": ("Which bar is the tallest?", "哪根柱子最高？"),
    "example_moving": ("Which colour is the moving shape?", "移动的图形是什么颜色？"),
    "example_moving_shape": ("Which shape is moving?", "移动的是什么形状？"),
    "example_direction": ("In which direction does it move?", "它向哪里移动？"),
    "example_headline": ("What is the headline of page 2?", "第 2 页的标题是什么？"),
    "example_last_headline": ("What is the headline of page 3?", "第 3 页的标题是什么？"),
    "example_page_count": ("How many pages are there?", "有几页？"),
    "example_slide_title": ("What is the title of slide 2?", "第2张幻灯片的标题是什么？"),
    "example_first_title": ("What is the title of slide 1?", "第1张幻灯片的标题是什么？"),
    "example_slide_count": ("How many slides are there?", "有几张幻灯片？"),
    "example_who": ("Who are you?", "你是谁？"),
    "example_sum": ("What is 47 + 38?", "47 + 38 等于多少？"),
    "example_hello": ("Hello!", "你好！"),
    "settings": ("Settings", "设置"),
    "system_prompt": ("System prompt", "系统提示词"),
    "system_prompt_hint": (
        "What the model should keep in mind in every answer.",
        "模型在每次回答时都应记住的话。",
    ),
    "temperature": ("Temperature", "温度"),
    "temperature_hint": (
        "0 always takes the likeliest word; higher varies more.",
        "0 总取最可能的词；越高变化越多。",
    ),
    "top_p": ("Top-p", "Top-p"),
    "top_p_hint": (
        "Keeps the likeliest words up to this share; 1 keeps all.",
        "只保留累计概率到此的词；1 表示全部。",
    ),
    "top_k": ("Top-k", "Top-k"),
    "top_k_hint": (
        "Keeps this many of the likeliest words; 0 keeps all.",
        "只保留最可能的几个词；0 表示全部。",
    ),
    "repetition_penalty": ("Repetition penalty", "重复惩罚"),
    "repetition_penalty_hint": ("Above 1 makes repeating less likely.", "大于 1 时更少重复。"),
    "max_tokens": ("Longest answer", "最长回答"),
    "max_tokens_hint": ("Tokens, the thinking included.", "词元数，思考也计算在内。"),
    "thinking_budget": ("Thinking budget", "思考预算"),
    "thinking_budget_hint": (
        "Tokens; 0 answers directly, the right end sets no limit.",
        "词元数；0 直接回答，最右端不限。",
    ),
    "seed": ("Seed", "随机种子"),
    "seed_hint": (
        "A number makes the answer repeatable; 0 does not.",
        "填数字可让回答可重复；0 则不固定。",
    ),
}


@dataclass(frozen=True, slots=True)
class Strings:
    """The texts of one language."""

    language: Language = "en"

    def __call__(self, key: str, **params: object) -> str:
        english, chinese = TEXTS[key]
        return (chinese if self.language == "zh" else english).format(**params)

    def error(self, error: WebUIError) -> str:
        """What happened and what to do. English is the error's own message."""
        template = ERRORS_ZH.get(type(error).__name__) if self.language == "zh" else None
        if template is None:
            return str(error)
        params = error.params
        if isinstance(error, ModelLoadError):
            params = params | {"reason": self.reason(str(params["reason"]))}
        return template.format(**params)

    def reason(self, reason: str) -> str:
        """Why a model could not be loaded."""
        return reason_text(reason, chinese=self.language == "zh")

    def seconds(self, seconds: float) -> str:
        """ "0.4 s" below ten seconds, "18 s" above."""
        return self("seconds", seconds=f"{seconds:.1f}" if seconds < 9.95 else f"{seconds:.0f}")

    def duration(self, seconds: float) -> str:
        """ "18 s" below a minute and a half, "12 min" above."""
        return (
            self.seconds(max(seconds, 10))
            if seconds < 90
            else self("minutes", minutes=round(seconds / 60))
        )

    def tokens(self, count: int) -> str:
        return self("tokens", count=f"{count:,}")


def language_of(accept_language: str) -> Language:
    """The language a browser asks for first, by its Accept-Language header."""
    return "zh" if accept_language.strip().lower().startswith("zh") else "en"


def file_size(size: int) -> str:
    """ "2.1 MB"; a megabyte is 1024 × 1024 bytes, as the limits count them."""
    for unit, scale in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if size >= scale:
            return f"{size / scale:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} B"
