"""Examples: what they ask about, what their thoughts mark, and how their conversations go."""

import pytest
from recipe.dialogue.examples.image import image_examples, shapes_examples
from recipe.dialogue.replies.image import image_reply
from recipe.dialogue.replies.reply import format_box, item_phrase
from recipe.drawing.render import draw
from recipe.drawing.scenes import scattered_scene
from recipe.rng import Rng

MARKS = {"en": ": that one", "zh": "：是这个"}


def test_a_single_shape_is_asked_for_its_box_and_its_place():
    rng, topics = Rng("lone"), set()
    for _ in range(120):
        for example in shapes_examples(rng, 2, 32):
            if example.topic not in ("where", "box"):
                continue
            topics.add(example.topic)
            place, (left, top, right, bottom) = example.item.place, example.item.box
            assert 0 <= left < right <= 1000
            assert 0 <= top < bottom <= 1000
            across, down = (left + right) / 2, (top + bottom) / 2
            sides = {
                "left": across < 400,
                "right": across > 600,
                "top": down < 400,
                "bottom": down > 600,
            }
            assert place in ("", "middle") or sides[place]
            assert example.topic == "box" or place
    assert topics == {"where", "box"}


@pytest.mark.parametrize("topic", ["where", "box", "item_colour"])
def test_the_thought_marks_the_item_of_the_question(topic):
    rng = Rng(f"marks {topic}")
    for _ in range(20):
        [example] = image_examples(scattered_scene(rng), rng, 40, topic=topic)
        before, _, after = example.reply.thought.partition(MARKS[example.language])
        assert before.endswith(item_phrase(example.item, example.language))
        assert MARKS[example.language] not in after
        if topic == "box":
            box = format_box(example.item)
            assert after.startswith((f" at {box}", f"，在{box}"))
            assert f"[{box}]" in example.reply.answer


def test_the_thought_of_a_description_marks_no_item():
    rng = Rng("marks describe")
    for _ in range(20):
        [example] = image_examples(scattered_scene(rng), rng, 40, topic="describe")
        assert MARKS[example.language] not in example.reply.thought


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_thought_has_all_boxes_where_one_is_asked_for(language):
    rng = Rng(f"boxes {language}")
    scene, _ = draw(scattered_scene(rng, loose_fraction=1.0), rng)
    thought = image_reply("box", scene, language, scene.items[-1]).thought
    assert all(format_box(item) in thought for item in scene.items)
    description = image_reply("describe", scene, language).thought
    assert format_box(scene.items[0]) not in description


def test_a_follow_up_alternates_roles_and_shows_its_picture_once():
    rng, lengths = Rng("turns"), set()
    for _ in range(40):
        [example] = image_examples(scattered_scene(rng), rng, 16, follow_up=1.0)
        messages = [message for message in example.messages if message["role"] != "system"]
        exchanges = len(messages) // 2
        roles = [message["role"] for message in messages]
        assert roles == ["user", "assistant"] * exchanges + ["user"]
        assert [part["type"] for part in messages[0]["content"]] == ["image", "text"]
        assert all(isinstance(message["content"], str) for message in messages[1:])
        lengths.add(exchanges)
    assert lengths == {1, 2, 3}
