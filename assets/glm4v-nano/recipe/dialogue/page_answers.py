"""What the small model should think and say about several pages."""

from __future__ import annotations

from collections.abc import Sequence

from recipe.dialogue.answers import Reply, placed, say, thing, words_of
from recipe.dialogue.vocabulary import Language, shape_name
from recipe.drawing.scenes import Scene


def on_page(scene: Scene, language: Language) -> str:
    """What is on a page, inside a sentence."""
    if scene.kind == "shapes":
        words = words_of(scene.items[0], language, len(scene.items))
        return say("thing" if len(scene.items) == 1 else "things", language, **words)
    if scene.kind == "headline":
        return ", ".join((scene.headline, *(thing(item, language) for item in scene.items)))
    keys = {"text": "small print", "blank": "nothing", "other": "no shape", "chart": "bars"}
    return placed(scene, language) if scene.kind == "scattered" else say(keys[scene.kind], language)


def about_pages(topic: str, scenes: Sequence[Scene], n: int, language: Language) -> Reply:
    """`topic`: page_count, page_headline, page, which_page (the last three about page n from 1), pages."""
    count = len(scenes)
    total = say("one page", language) if count == 1 else say("pages", language, n=count)
    if topic == "page_count":
        return Reply(total, total, (total,))
    if topic in ("pages", "which_page"):
        listed = "".join(
            say("on page", language, n=k, seen=on_page(each, language))
            for k, each in enumerate(scenes, 1)
        )
        if topic == "pages":
            return Reply(total, listed.strip(), (listed.strip(),))
        answer = say(
            "which page", language, n=n, shape=shape_name(scenes[n - 1].items[0].shape, language)
        )
        return Reply(total + listed, answer, (answer,))
    if n > count:
        answer = say("no page", language, n=n)
        return Reply(total, answer, (answer,))
    scene = scenes[n - 1]
    seen = on_page(scene, language)
    thought = total + say("look", language, n=n) + say("on page", language, n=n, seen=seen)
    if topic == "page_headline" and scene.headline:
        return Reply(
            thought, say("page headline", language, n=n, headline=scene.headline), (scene.headline,)
        )
    if topic == "page_headline":
        answer = say("no page headline", language, n=n)
        return Reply(thought, answer, (answer,))
    return Reply(thought, say("page", language, n=n, seen=seen), (seen,))
