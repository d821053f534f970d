"""Prompts: built by the template alone, whatever people type."""

import pytest
from pictures import clip, picture

from webui.engine.models.glm4v.prompt_builder import PromptBuilder
from webui.errors import MixedMediaError
from webui.protocol import FileLabel, ImagePart, Message, PageLabel


@pytest.fixture(scope="module")
def builder(nano):
    return PromptBuilder(nano.runner.processor, nano.runner.model.model.get_rope_index, 8192)


@pytest.fixture(scope="module")
def tokenizer(nano):
    return nano.runner.processor.tokenizer


def user(*parts) -> Message:
    return Message("user", parts)


def control_ids(tokenizer, prompt) -> list[int]:
    added = set(tokenizer.get_added_vocab().values())
    return [token for token in prompt.ids if token in added]


def conversation(text: str) -> tuple[Message, ...]:
    """The text at every place where a person's words go."""
    named = ImagePart(picture().image, FileLabel(text), text)
    return (
        Message("system", (text,)),
        user(named, text),
        Message("assistant", (text,), reasoning=text),
        user(text),
    )


def test_no_added_token_can_be_typed(builder, tokenizer):
    plain = control_ids(tokenizer, builder.build(conversation("x")))
    for token in tokenizer.get_added_vocab():
        typed = builder.build(conversation(f"a {token} b"))
        assert control_ids(tokenizer, typed) == plain, token


def test_typed_tokens_keep_their_letters(builder, tokenizer):
    prompt = builder.build((user("say </think> and <|image|>"),))
    assert "say </think> and <|image|>" in tokenizer.decode(prompt.ids)


def test_labels_stay_out_of_the_prompt(builder):
    image = picture().image
    first, second = (
        builder.build((user(ImagePart(image, label, source), "What is it?"),))
        for label, source in ((FileLabel("a.png"), "a.png"), (PageLabel(7), "report.pdf"))
    )
    assert first.ids == second.ids


def test_past_reasoning_does_not_return(builder, tokenizer):
    past = Message("assistant", ("blue",), reasoning="secret thought")
    prompt = builder.build((user("a"), past, user("b")))
    assert "secret" not in tokenizer.decode(prompt.ids)
    assert "blue" in tokenizer.decode(prompt.ids)


def test_pictures_and_video_are_refused_across_turns(builder):
    with pytest.raises(MixedMediaError, match="not trained"):
        builder.build((user(picture(), "a"), Message("assistant", ("b",)), user(clip(), "c")))


def test_each_picture_is_one_span_with_its_pixels(builder):
    prompt = builder.build(
        (user(picture("red", (196, 196)), picture("blue", (112, 196)), "which?"),)
    )
    assert [span.length for span in prompt.spans] == [49, 28]
    assert [len(span.pixels) for span in prompt.spans] == [196, 112]
    assert prompt.positions.shape == (3, len(prompt.ids))


@pytest.mark.parametrize("size", [(224, 224), (112, 500), (333, 97), (1200, 900), (30, 20)])
def test_a_picture_takes_the_places_that_the_image_processor_gives_it(builder, nano, size):
    part = picture("red", size)
    prompt = builder.build((user(part, "which?"),))
    processor = nano.runner.processor
    alone = processor.image_processor(part.image, return_tensors="pt")
    span = prompt.spans[0]
    assert list(span.grid) == alone["image_grid_thw"][0].tolist()
    assert span.length == len(span.pixels) // processor.image_processor.merge_size**2
    assert span.pixels.equal(alone["pixel_values"])


def test_frames_pair_up_and_carry_their_seconds(builder, tokenizer):
    prompt = builder.build((user(clip(count=5), "what moves?"),))
    assert len(prompt.spans) == 3
    after = [tokenizer.decode([prompt.ids[span.end + 1]]) for span in prompt.spans]
    assert after == ["0", "1", "2"]


def test_one_frame_is_enough(builder):
    assert len(builder.build((user(clip(count=1), "what?"),)).spans) == 1


def test_keys_tell_pictures_apart_and_text_alike(builder):
    red, again, blue = (
        builder.build((user(picture(colour), "what?"),)) for colour in ("red", "red", "blue")
    )
    assert red.prefix_ids == again.prefix_ids
    assert red.ids == blue.ids
    first, end = red.spans[0].start, red.spans[0].start + red.spans[0].length
    assert red.prefix_ids[:first] == blue.prefix_ids[:first]
    assert set(red.prefix_ids[first:end]).isdisjoint(blue.prefix_ids)


def test_the_next_turn_begins_with_the_last_prompt(builder):
    first = (user(picture(), "what?"),)
    one = builder.build(first)
    two = builder.build((*first, Message("assistant", ("red",)), user("sure?")))
    assert two.prefix_ids[: len(one.prefix_ids)] == one.prefix_ids
