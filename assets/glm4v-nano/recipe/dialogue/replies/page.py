"""Replies about several pages."""

from __future__ import annotations

from collections.abc import Sequence

from recipe.dialogue.replies.reply import (
    Reply,
    fill_template,
    item_phrase,
    item_words,
    list_items,
)
from recipe.drawing.scenes import Scene
from recipe.vocabulary import Language, shape_name


def page_reply(topic: str, scenes: Sequence[Scene], page: int, language: Language) -> Reply:
    """Return the reply to a question about pages; `page` counts from 1.

    `topic` is page_count or pages, which do not use `page`; or page_headline, page or which_page.
    """
    count = len(scenes)
    total = fill_template("one page" if count == 1 else "pages", language, n=count)
    if topic == "page_count":
        return Reply(total, total, (total,))
    if topic in ("pages", "which_page"):
        listing = _list_pages(scenes, language)
        if topic == "pages":
            return Reply(total, listing.strip(), (listing.strip(),))
        shape = shape_name(scenes[page - 1].items[0].shape, language)
        answer = fill_template("which page", language, n=page, shape=shape)
        return Reply(total + listing, answer, (answer,))
    if page > count:
        answer = fill_template("no page", language, n=page)
        return Reply(total, answer, (answer,))
    return _reply_about_page(topic, scenes[page - 1], page, language, total)


def _reply_about_page(topic: str, scene: Scene, page: int, language: Language, total: str) -> Reply:
    content = page_content(scene, language)
    thought = total + fill_template("look", language, n=page)
    thought += fill_template("on page", language, n=page, seen=content)
    if topic == "page":
        answer = fill_template("page", language, n=page, seen=content)
        return Reply(thought, answer, (content,))
    if scene.headline:
        answer = fill_template("page headline", language, n=page, headline=scene.headline)
        return Reply(thought, answer, (scene.headline,))
    answer = fill_template("no page headline", language, n=page)
    return Reply(thought, answer, (answer,))


def _list_pages(scenes: Sequence[Scene], language: Language) -> str:
    return "".join(
        fill_template("on page", language, n=page, seen=page_content(scene, language))
        for page, scene in enumerate(scenes, 1)
    )


def page_content(scene: Scene, language: Language) -> str:
    """Return what is on a page, as a part of a sentence."""
    if scene.kind == "shapes":
        count = len(scene.items)
        words = item_words(scene.items[0], language, count)
        return fill_template("thing" if count == 1 else "things", language, **words)
    if scene.kind == "headline":
        items = (item_phrase(item, language) for item in scene.items)
        return ", ".join((scene.headline, *items))
    if scene.kind == "scattered":
        return list_items(scene, language)
    keys = {"text": "small print", "blank": "nothing", "other": "no shape", "chart": "bars"}
    return fill_template(keys[scene.kind], language)
