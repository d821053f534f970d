"""Sentence templates of thoughts and answers.

Every text here, dictionary keys included, is a source of the tokenizer's vocabulary.
"""

from __future__ import annotations

# (English, Chinese). A thought names what the picture shows; an answer says what was asked for.
TEMPLATES: dict[str, tuple[str, str]] = {
    "one": ("I see one {shape}. It is {colour}.", "我看到一个{shape}，颜色是{colour}。"),
    "one at box": (
        "I see one {shape} at {box}. It is {colour}.",
        "我看到一个{shape}，在{box}，颜色是{colour}。",
    ),
    "many": (
        "I see {number} {shapes}. They are {colour}.",
        "我看到{number}个{shape}，颜色是{colour}。",
    ),
    "ground light": (" The background is light.", "背景是浅色。"),
    "ground dark": (" The background is dark.", "背景是深色。"),
    "list": ("I see {things}.", "我看到{things}。"),
    "list thing": ("{place} {thing}", "{place}的{thing}"),
    "that one": (": that one", "：是这个"),
    "at box": (" at {box}", "，在{box}"),
    "bar tallest": (": tallest", "：最高"),
    "bar shortest": (": shortest", "：最矮"),
    "headline": ("I read the headline: {headline}.", "我读标题：{headline}。"),
    "below": (" Below it there is small print.", "下面是小字。"),
    "below thing": (" Below it there is {thing}.", "下面有{thing}。"),
    "chart": ("I see a chart with the bars {letters}.", "我看到柱状图，柱子是{letters}。"),
    "text": ("I see a page of text, {tone}.", "我看到一页文字，{tone}。"),
    "blank": ("I look everywhere. There is nothing on it.", "我看了各处，上面什么也没有。"),
    "other": (
        "I see soft colours and no shape that I know.",
        "我看到模糊的颜色，没有我认识的图形。",
    ),
    "tone light": ("dark on light", "浅底深字"),
    "tone dark": ("light on dark", "深底浅字"),
    "answer colour one": ("The {shape} is {colour}.", "这个{shape}是{colour}的。"),
    "answer colour many": (
        "The {number} {shapes} are {colour}.",
        "这{number}个{shape}都是{colour}的。",
    ),
    "answer shape one": ("It is a {shape}.", "这是一个{shape}。"),
    "answer shape many": ("They are {shapes}.", "它们是{shape}。"),
    "answer count one": ("There is one {shape}.", "有一个{shape}。"),
    "answer count many": ("There are {number} {shapes}.", "有{number}个{shape}。"),
    "answer describe one": ("There is a {colour} {shape}.", "图里有一个{colour}的{shape}。"),
    "answer describe many": (
        "There are {number} {colour} {shapes}.",
        "图里有{number}个{colour}的{shape}。",
    ),
    "answer list": ("There is {things}.", "图里有{things}。"),
    "answer headline": ("The headline is {headline}.", "标题是{headline}。"),
    "answer headline and": (
        "The headline is {headline}, and there is {thing}.",
        "标题是{headline}，还有{thing}。",
    ),
    "answer chart": ("It is a bar chart with the bars {letters}.", "这是柱状图，柱子是{letters}。"),
    "answer text": (
        "It is a page, mostly text, {tone}. The print is too small for me to read: "
        "I only know headlines in capitals.",
        "这是一页，主要是文字，{tone}。字太小，我读不出来：我只认识大写标题。",
    ),
    "answer blank": ("It is an empty page.", "这是一张空白页。"),
    "answer other": (
        "I cannot tell: it may be a photo, and I only know simple shapes, charts and headlines.",
        "我看不出来：可能是照片，我只认识简单图形、柱状图和标题。",
    ),
    "no headline": ("I see no headline.", "我没有看到标题。"),
    "tallest": ("Bar {letter} is the tallest.", "最高的是{letter}。"),
    "shortest": ("Bar {letter} is the shortest.", "最矮的是{letter}。"),
    "where": ("The {colour} {shape} is {place}.", "{colour}的{shape}{place}。"),
    "box": (
        "The {colour} {shape} is at <|begin_of_box|>[{box}]<|end_of_box|>.",
        "{colour}的{shape}在<|begin_of_box|>[{box}]<|end_of_box|>。",
    ),
    "pages": ("There are {n} pages.", "共有{n}页。"),
    "one page": ("There is one page.", "共有一页。"),
    "look": (" I look at page {n}.", "我看第{n}页。"),
    "on page": (" Page {n}: {seen}.", "第{n}页：{seen}。"),
    "page": ("Page {n} shows {seen}.", "第{n}页上是{seen}。"),
    "page headline": ("The headline of page {n} is {headline}.", "第{n}页的标题是{headline}。"),
    "no page headline": ("Page {n} has no headline.", "第{n}页没有标题。"),
    "no page": ("There is no page {n}.", "没有第{n}页。"),
    "which page": ("The {shape} is on page {n}.", "{shape}在第{n}页。"),
    "frames": (
        "I watch the frames. A {colour} {shape} {moves}.",
        "我看这些画面。一个{colour}的{shape}{moves}。",
    ),
    "video colour": ("The moving {shape} is {colour}.", "移动的{shape}是{colour}的。"),
    "video shape": ("A {colour} {shape} {moves}.", "一个{colour}的{shape}{moves}。"),
    "direction": ("The {colour} {shape} {moves}.", "{colour}的{shape}{moves}。"),
    "video": ("A {colour} {shape} {moves}.", "一个{colour}的{shape}{moves}。"),
    "sum": ("It is {result}.", "等于{result}。"),
    "thing": ("a {colour} {shape}", "一个{colour}的{shape}"),
    "things": ("{number} {colour} {shapes}", "{number}个{colour}的{shape}"),
    "small print": ("small print", "小字"),
    "nothing": ("nothing", "空白"),
    "no shape": ("no shape that I know", "没有我认识的图形"),
    "bars": ("a chart", "柱状图"),
}
