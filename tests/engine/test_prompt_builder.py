"""Prompts are built by the chat template alone, whatever users type."""

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
    """Put the text at every place that holds words of a user."""
    image = ImagePart(picture().image, FileLabel(text), text)
    return (
        Message("system", (text,)),
        user(image, text),
        Message("assistant", (text,), reasoning=text),
        user(text),
    )


def test_typing_an_added_token_makes_no_control_token(builder, tokenizer):
    plain = control_ids(tokenizer, builder.build(conversation("x")))
    for token in tokenizer.get_added_vocab():
        typed = builder.build(conversation(f"a {token} b"))
        assert control_ids(tokenizer, typed) == plain, token


def test_typed_control_tokens_keep_their_letters(builder, tokenizer):
    prompt = builder.build((user("say </think> and <|image|>"),))
    assert "say </think> and <|image|>" in tokenizer.decode(prompt.ids)


def test_labels_stay_out_of_the_prompt(builder):
    image = picture().image
    first, second = (
        builder.build((user(ImagePart(image, label, source), "What is it?"),))
        for label, source in ((FileLabel("a.png"), "a.png"), (PageLabel(7), "report.pdf"))
    )
    assert first.ids == second.ids


def test_past_reasoning_stays_out_of_the_prompt(builder, tokenizer):
    past = Message("assistant", ("blue",), reasoning="secret thought")
    prompt = builder.build((user("a"), past, user("b")))
    assert "secret" not in tokenizer.decode(prompt.ids)
    assert "blue" in tokenizer.decode(prompt.ids)


def test_images_and_video_in_one_conversation_are_refused(builder):
    with pytest.raises(MixedMediaError, match="not trained"):
        builder.build((user(picture(), "a"), Message("assistant", ("b",)), user(clip(), "c")))


def test_each_image_is_one_span_with_its_patches(builder):
    prompt = builder.build(
        (user(picture("red", (196, 196)), picture("blue", (112, 196)), "which?"),)
    )
    assert [span.length for span in prompt.spans] == [49, 28]
    assert [len(span.pixels) for span in prompt.spans] == [196, 112]
    assert prompt.positions.shape == (3, len(prompt.ids))


@pytest.mark.parametrize("size", [(224, 224), (112, 500), (333, 97), (1200, 900), (30, 20)])
def test_an_image_takes_as_many_tokens_as_the_image_processor_says(builder, nano, size):
    part = picture("red", size)
    prompt = builder.build((user(part, "which?"),))
    processor = nano.runner.processor
    alone = processor.image_processor(part.image, return_tensors="pt")
    span = prompt.spans[0]
    assert list(span.grid) == alone["image_grid_thw"][0].tolist()
    assert span.length == len(span.pixels) // processor.image_processor.merge_size**2
    assert span.pixels.equal(alone["pixel_values"])


def test_frames_are_paired_and_keep_their_timestamps(builder, tokenizer):
    prompt = builder.build((user(clip(count=5), "what moves?"),))
    assert len(prompt.spans) == 3
    after = [tokenizer.decode([prompt.ids[span.end + 1]]) for span in prompt.spans]
    assert after == ["0", "1", "2"]


def test_a_video_of_one_frame_makes_one_span(builder):
    assert len(builder.build((user(clip(count=1), "what?"),)).spans) == 1


def test_prefix_ids_differ_between_images_and_agree_on_text(builder):
    red, again, blue = (
        builder.build((user(picture(colour), "what?"),)) for colour in ("red", "red", "blue")
    )
    assert red.prefix_ids == again.prefix_ids
    assert red.ids == blue.ids
    first, end = red.spans[0].start, red.spans[0].start + red.spans[0].length
    assert red.prefix_ids[:first] == blue.prefix_ids[:first]
    assert set(red.prefix_ids[first:end]).isdisjoint(blue.prefix_ids)


def test_the_prompt_of_the_next_turn_begins_with_the_last_one(builder):
    turn = (user(picture(), "what?"),)
    first = builder.build(turn)
    second = builder.build((*turn, Message("assistant", ("red",)), user("sure?")))
    assert second.prefix_ids[: len(first.prefix_ids)] == first.prefix_ids
