"""The recipe of the bundled model: its pictures can be read, and what the vision tower is asked about them is right."""

import importlib
import json

import pytest
import torch
from nano_model import NANO


@pytest.fixture
def recipe(monkeypatch):
    """The recipe's modules by name."""
    monkeypatch.syspath_prepend(NANO)
    return importlib.import_module


def test_the_recipe_makes_what_the_bundled_config_says(recipe):
    checkpoint = recipe("recipe.training.model")
    model = checkpoint.build_model(checkpoint.build_processor().tokenizer)
    told = json.loads((NANO / "config.json").read_text())
    assert model.config.text_config.rope_parameters == told["text_config"]["rope_parameters"]


def test_every_headline_stands_whole_in_its_picture(recipe):
    dice, draw = recipe("recipe.rng").Dice("headlines"), recipe("recipe.drawing.render").draw
    for _ in range(100):
        cells = dice.choice((16, 24, 40, 64))
        scene, drawing = draw(recipe("recipe.drawing.scenes").headline_scene(dice), dice, cells)
        width, height = drawing.image.size
        word = "".join(glyph.character for glyph in drawing.glyphs)
        assert word == scene.headline
        assert all(2 < glyph.x < width - 2 and 2 < glyph.y < height - 2 for glyph in drawing.glyphs)
        assert width * height <= cells * 28 * 28


def test_small_print_is_told_where_it_was_drawn(recipe, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        recipe("recipe.drawing.render"), "small_print", lambda *_: drawn.append(True)
    )
    dice, told = recipe("recipe.rng").Dice("print"), 0
    for _ in range(60):
        scene, _ = recipe("recipe.drawing.render").draw(
            recipe("recipe.drawing.scenes").headline_scene(dice), dice, 24
        )
        told += scene.lines
        assert len(drawn) == told
    assert 0 < told < 60


def test_things_are_named_from_left_to_right(recipe):
    scenes, dice = recipe("recipe.drawing.scenes"), recipe("recipe.rng").Dice("order")
    order = list(scenes.PLACE_CENTRES)
    for _ in range(50):
        named = [order.index(item.place) for item in scenes.scattered_scene(dice).items]
        assert named == sorted(named)


def test_a_shape_alone_is_asked_for_its_box_and_its_place(recipe):
    dice, lessons, asked = (
        recipe("recipe.rng").Dice("lone"),
        recipe("recipe.dialogue.examples"),
        set(),
    )
    for _ in range(120):
        for lesson in lessons.shapes_lessons(dice, 2, 32):
            if lesson.topic in ("where", "box"):
                asked.add(lesson.topic)
                place, (left, top, right, bottom) = lesson.item.place, lesson.item.box
                assert 0 <= left < right <= 1000
                assert 0 <= top < bottom <= 1000
                across, down = (left + right) / 2, (top + bottom) / 2
                beside = {
                    "left": across < 400,
                    "right": across > 600,
                    "top": down < 400,
                    "bottom": down > 600,
                }
                assert place in ("", "middle") or beside[place]
                assert lesson.topic == "box" or place
    assert asked == {"where", "box"}


@pytest.mark.parametrize("topic", ["where", "box", "item_colour", "describe"])
def test_the_thing_that_was_asked_for_is_marked_where_it_is_named(recipe, topic):
    answers, lessons = recipe("recipe.dialogue.answers"), recipe("recipe.dialogue.examples")
    dice = recipe("recipe.rng").Dice(f"marks {topic}")
    for _ in range(20):
        scene = recipe("recipe.drawing.scenes").scattered_scene(dice)
        [lesson] = lessons.lessons_about(scene, dice, 40, topic=topic)
        thought, marked = (
            lesson.reply.thought,
            {"en": ": that one", "zh": "：是这个"}[lesson.language],
        )
        if topic == "describe":
            assert marked not in thought
            continue
        named, _, rest = thought.partition(marked)
        assert named.endswith(answers.thing(lesson.item, lesson.language))
        assert marked not in rest
        if topic == "box":
            box = answers.box_text(lesson.item)
            assert rest.startswith((f" at {box}", f"，在{box}"))
            assert f"[{box}]" in lesson.reply.answer


def test_a_box_is_thought_of_beside_those_of_all_things(recipe):
    answers, dice = recipe("recipe.dialogue.answers"), recipe("recipe.rng").Dice("boxes")
    for language in ("en", "zh"):
        scene, _ = recipe("recipe.drawing.render").draw(
            recipe("recipe.drawing.scenes").scattered_scene(dice, loose=1.0), dice
        )
        thought = answers.about_picture("box", scene, language, scene.items[-1]).thought
        assert all(answers.box_text(item) in thought for item in scene.items)
        assert (
            answers.box_text(scene.items[0])
            not in answers.about_picture("describe", scene, language).thought
        )


def test_loose_things_do_not_touch_and_stand_where_their_place_says(recipe):
    scenes, drawing, dice = (
        recipe("recipe.drawing.scenes"),
        recipe("recipe.drawing.render"),
        recipe("recipe.rng").Dice("loose"),
    )
    sizes = set()
    for _ in range(60):
        scene = scenes.scattered_scene(dice, loose=1.0)
        items = drawing.draw(scene, dice)[0].items
        for number, item in enumerate(items):
            left, top, right, bottom = item.box
            assert drawing.place_of(item.box) in (item.place, "")
            sizes.add((right - left) // 100)
            for other in items[:number]:
                apart = (
                    left - other.box[2],
                    other.box[0] - right,
                    top - other.box[3],
                    other.box[1] - bottom,
                )
                # Things in a corner of each other's box may be as near as their outlines let them.
                assert max(apart) > -60
    assert {1, 2, 3} <= sizes


def test_things_in_a_row_are_alike_and_inside(recipe):
    geometry, dice = recipe("recipe.drawing.geometry"), recipe("recipe.rng").Dice("row")
    for count in (2, 3, 6):
        for room in ((2.0, 2.0, 222.0, 110.0), (2.0, 2.0, 110.0, 222.0)):
            row = geometry.row_of_spots(count, "square", room, dice)
            assert len({(spot.radius, spot.turn) for spot in row}) == 1
            assert 1 in (len({spot.x for spot in row}), len({spot.y for spot in row}))
            for spot in row:
                assert room[0] <= spot.x - spot.radius <= spot.x + spot.radius <= room[2]
                assert room[1] <= spot.y - spot.radius <= spot.y + spot.radius <= room[3]


def test_a_conversation_that_has_gone_on_takes_turns_and_shows_its_picture_once(recipe):
    dice, lessons = recipe("recipe.rng").Dice("turns"), recipe("recipe.dialogue.examples")
    lengths = set()
    for _ in range(40):
        scene = recipe("recipe.drawing.scenes").scattered_scene(dice)
        [lesson] = lessons.lessons_about(scene, dice, 16, follow_up=1.0)
        said = [message for message in lesson.messages if message["role"] != "system"]
        assert [message["role"] for message in said[:-1]] == ["user", "assistant"] * (
            len(said) // 2
        )
        assert [kind["type"] for kind in said[0]["content"]] == ["image", "text"]
        assert all(isinstance(message["content"], str) for message in said[1:])
        lengths.add(len(said) // 2)
    assert lengths == {1, 2, 3}


def test_the_tallest_and_the_shortest_bar_can_be_told(recipe):
    scenes, dice = recipe("recipe.drawing.scenes"), recipe("recipe.rng").Dice("bars")
    for _ in range(100):
        low, *_, high = heights = sorted(bar.height for bar in scenes.chart_scene(dice).bars)
        assert min(heights[1] - low, high - heights[-2]) > 0.15


def test_a_cell_is_asked_for_the_thing_that_covers_it(recipe):
    canvas, tower = recipe("recipe.drawing.canvas"), recipe("recipe.training.vision_pretraining")
    page = canvas.Canvas((112, 84), (255, 255, 255))
    page.polygon(
        [(28, 28), (56, 28), (56, 56), (28, 56)], (255, 0, 0), canvas.Mark("red", "square")
    )
    labels = tower.cell_labels(page.finished(recipe("recipe.rng").Dice("cell")))
    [cell] = torch.nonzero(labels["number"] != tower.OPEN).flatten().tolist()
    assert cell == 5  # second row of four
    about = {
        name: names[labels[name][cell]]
        for name, (_, names) in tower.ABOUT_THINGS.items()
        if labels[name][cell] >= 0
    }
    assert about == {"colour": "red", "shape": "square"}
    assert labels["box"][cell].tolist() == pytest.approx([1 / 4, 1 / 3, 1 / 2, 2 / 3])
    # 250, 330, 500, 670 thousandths, as an answer writes them
    assert (labels["tens"][cell].tolist(), labels["ones"][cell].tolist()) == (
        [2, 3, 5, 6],
        [5, 3, 0, 7],
    )
    assert labels["mask"][cell].mean() > 0.8
    assert labels["place"][cell].tolist() == pytest.approx([3 / 8, 1 / 2])


def test_characters_know_their_turn_in_the_word(recipe):
    canvas, tower, lettering = (
        recipe("recipe.drawing.canvas"),
        recipe("recipe.training.vision_pretraining"),
        recipe("recipe.drawing.glyphs"),
    )
    page = canvas.Canvas((140, 56), (255, 255, 255))
    page.write((10, 10), "AB7", lettering.Type("cobo", 30), (0, 0, 0))
    page.write((100, 10), "Z", lettering.Type("cobo", 30), (0, 0, 0))
    labels = tower.cell_labels(page.finished(recipe("recipe.rng").Dice("turn")))
    found = zip(
        labels["glyphs"].flatten().tolist(), labels["turns"].flatten().tolist(), strict=True
    )
    read = {lettering.CHARACTERS[glyph - 1]: turn for glyph, turn in found if glyph}
    assert read == {"A": 1, "B": 2, "7": 3, "Z": tower.OPEN}


def test_the_same_seed_draws_the_same(recipe):
    tower, processor = (
        recipe("recipe.training.vision_pretraining"),
        recipe("recipe.training.model").build_processor(),
    )
    one, other = (tower.Pictures(processor, 3)[700] for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", ["scattered", "pages", "video", "talk"])
def test_lessons_in_one_row_are_learned_as_if_each_were_alone(recipe, kind):
    batches, checkpoint, train = map(recipe, ("batches", "checkpoint", "train"))
    lessons = recipe("text_lessons" if kind == "talk" else "lessons")
    dice, processor = recipe("recipe.rng").Dice(f"row {kind}"), checkpoint.build_processor()
    torch.manual_seed(0)
    model = checkpoint.build_model(processor.tokenizer).eval()
    encoder = batches.Encoder(processor)
    cells = (16,) if kind in ("scattered", "pages") else ()
    rows = [getattr(lessons, f"{kind}_lessons")(dice, 3, *cells) for _ in range(2)]
    examples = [encoder.example(row, dice) for row in rows]
    alone = []
    for row, example in zip(rows, examples, strict=True):
        for number, lesson in enumerate(row, 1):
            mine = [place for place, owner in enumerate(example.lessons) if owner in (0, number)]
            ids, labels = (
                [values[place] for place in mine] for values in (example.ids, example.labels)
            )
            inputs = encoder.prompt(lesson)
            prompt = inputs.pop("input_ids")[0].tolist()
            assert ids[: len(prompt)] == prompt
            own = batches.Example(inputs, ids, labels, [1] * len(ids), [0] * len(ids))
            kinds = inputs["mm_token_type_ids"][0].tolist()
            inputs["mm_token_type_ids"] = torch.tensor([kinds + [0] * (len(ids) - len(prompt))])
            alone += [
                (
                    train.loss_of(model, batches.collate([own], 0)).item(),
                    sum(label >= 0 for label in labels),
                )
            ]
    together = train.loss_of(model, batches.collate(examples, 0)).item()
    expected = sum(loss * count for loss, count in alone) / sum(count for _, count in alone)
    assert together == pytest.approx(expected, rel=1e-4)
