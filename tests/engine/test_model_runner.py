"""The law of the engine: whoever else is running, a greedy answer is the one that model.generate gives alone."""

import asyncio
from random import Random

import pytest
import torch
from pictures import clip, picture

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.sequence import Sequence
from webui.engine.serving.engine import LocalEngine
from webui.protocol import GenerationRequest, Message, SamplingParams

TOKENS = 40
GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0, max_tokens=TOKENS)


def user(*parts) -> tuple[Message, ...]:
    return (Message("user", parts),)


CONVERSATIONS = (
    user("Hello, who are you?"),
    user(picture("red"), "What colour is it?"),
    user(picture("blue", (112, 224)), picture("green"), "What is on page 2?"),
    user(clip("orange", 6), "What moves?"),
    (
        *user(picture("black"), "What shape?"),
        Message("assistant", ("A circle.",), "hm"),
        *user("And the colour?"),
    ),
    user(clip("purple", 3), "视频里是什么？"),
    user("1 + 1 = ? " * 60),
)


@pytest.fixture(scope="module")
def runner(nano):
    return nano.runner


@pytest.fixture
def engine(runner):
    engine = LocalEngine(runner)
    yield engine
    engine.close()
    assert not any(slot.busy for slot in slots(runner))


def slots(runner):
    return runner.cache.slots


@pytest.fixture(scope="module")
def expected(runner):
    """What model.generate writes for each conversation, alone."""
    return [generate(runner, messages) for messages in CONVERSATIONS]


@torch.inference_mode()
def generate(runner, messages) -> str:
    prompt = runner.build_prompt(messages)
    kinds = {name: [] for name in ("pixel_values", "pixel_values_videos")}
    video = any(
        type(part).__name__ == "VideoPart" for message in messages for part in message.parts
    )
    name = "pixel_values_videos" if video else "pixel_values"
    kinds[name] = [span.pixels for span in prompt.spans]
    types = torch.zeros(1, len(prompt.ids), dtype=torch.int)
    for span in prompt.spans:
        types[0, span.start : span.end] = 2 if video else 1
    extra = {}
    if prompt.spans:
        grid = torch.tensor([span.grid for span in prompt.spans])
        extra = {
            name: torch.cat(kinds[name]),
            "video_grid_thw" if video else "image_grid_thw": grid,
        }
    ids = torch.tensor([prompt.ids])
    output = runner.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=types,
        max_new_tokens=TOKENS,
        do_sample=False,
        **extra,
    )
    new = [
        token for token in output[0, len(prompt.ids) :].tolist() if token not in runner.control.end
    ]
    return letters(runner.tokenizer.decode(new, skip_special_tokens=False))


def letters(text: str) -> str:
    for tag in ("<think>", "</think>", "<answer>", "</answer>"):
        text = text.replace(tag, "")
    return "".join(text.split())


async def answer(engine, messages, name: str, stop_after: int | None = None) -> str:
    text, count = "", 0
    async for delta in engine.generate(GenerationRequest(messages, GREEDY, name)):
        text += delta.reasoning + delta.content
        count += 1
        if stop_after is not None and count > stop_after:
            engine.abort(name)
    return letters(text)


@pytest.mark.parametrize("number", range(len(CONVERSATIONS)))
async def test_alone_it_writes_what_generate_writes(engine, expected, number):
    assert await answer(engine, CONVERSATIONS[number], "a") == expected[number]


async def test_together_each_writes_what_generate_writes(engine, expected):
    names = [str(number) for number in range(len(CONVERSATIONS))]
    assert (
        await asyncio.gather(*map(answer, [engine] * len(names), CONVERSATIONS, names)) == expected
    )


@pytest.mark.parametrize("seed", range(5))
async def test_joins_and_aborts_at_random_steps_change_nobodys_text(engine, expected, seed):
    random = Random(seed)

    async def person(name: int) -> tuple[bool, str, str]:
        number, stop = random.randrange(len(CONVERSATIONS)), random.choice([None, None, 3, 10])
        await asyncio.sleep(random.random() * 0.3)
        text = await answer(engine, CONVERSATIONS[number], f"{seed}-{name}", stop)
        return stop is None, text, expected[number]

    for whole, text, wanted in await asyncio.gather(*map(person, range(14))):
        assert text == wanted if whole else wanted.startswith(text)


async def test_a_follow_up_prefills_only_what_is_new(engine, expected, runner):
    first = user(picture("pink"), "What colour is it?")
    await answer(engine, first, "a")
    second = (*first, Message("assistant", ("Pink.",)), *user("What shape?"))
    deltas = [delta async for delta in engine.generate(GenerationRequest(second, GREEDY, "b"))]
    assert deltas[-1].usage.cached_tokens == len(runner.build_prompt(first).ids)
    text = letters("".join(delta.reasoning + delta.content for delta in deltas))
    assert text == generate(runner, second)


async def test_one_slot_serves_everybody_in_turn(nano, expected):
    engine = LocalEngine(ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(1, 2048)))
    names = [str(number) for number in range(len(CONVERSATIONS))]
    assert (
        await asyncio.gather(*map(answer, [engine] * len(names), CONVERSATIONS, names)) == expected
    )
    engine.close()


async def test_small_chunks_read_the_same_prompt(nano, expected):
    runner = ModelRunner(
        nano.runner.model, nano.runner.processor, CachePlan(4, 2048), chunk_tokens=17
    )
    engine = LocalEngine(runner)
    names = [str(number) for number in range(len(CONVERSATIONS))]
    assert (
        await asyncio.gather(*map(answer, [engine] * len(names), CONVERSATIONS, names)) == expected
    )
    engine.close()


async def test_a_budget_of_zero_answers_without_reasoning(engine):
    sampling = SamplingParams(temperature=0, max_tokens=TOKENS, thinking_token_budget=0)
    request = GenerationRequest(CONVERSATIONS[1], sampling, "a")
    deltas = [delta async for delta in engine.generate(request)]
    assert not "".join(delta.reasoning for delta in deltas)
    assert "".join(delta.content for delta in deltas)


def test_what_is_forced_reads_as_if_it_had_been_written_step_by_step(runner):
    pressed, patient = (
        Sequence(name, runner.build_prompt(CONVERSATIONS[1]), GREEDY, runner.control, TOKENS)
        for name in "ab"
    )
    for sequence in (pressed, patient):
        runner.acquire_slot(sequence)
        while (piece := runner.prefill([sequence], 10)[0]).sampled is None:
            pass
        sequence.append_token(piece.sampled.token_id)
        sequence.append_token(runner.decode([sequence])[0].token_id)
        sequence.answer_now()
    ids = list(patient.forced_ids)
    sampled = runner.prefill_forced_ids(pressed)
    while patient.forced_ids:
        patient.append_token(runner.decode([patient])[0].token_id)
    assert patient.output_ids[2:] == ids
    assert sampled == runner.decode([patient])[0]
    assert pressed.slot.prefix_ids == patient.slot.prefix_ids
    runner.release_slot(pressed)
    runner.release_slot(patient)


def admitted(runner, *conversations) -> list[Sequence]:
    sequences = [
        Sequence(f"p{place}", runner.build_prompt(messages), GREEDY, runner.control, TOKENS)
        for place, messages in enumerate(conversations)
    ]
    for sequence in sequences:
        assert runner.acquire_slot(sequence)
    return sequences


def read_all(runner, sequences, tokens) -> dict[str, int]:
    """The first token of each. No pass reads more tokens than it may; a page is looked at whole."""
    first, left = {}, list(sequences)
    while left:
        pieces = runner.prefill(left, tokens)
        assert pieces[0].sequence is left[0]
        assert len(pieces) == 1 or sum(piece.tokens for piece in pieces) <= tokens
        first |= {piece.sequence.id: piece.sampled for piece in pieces if piece.sampled is not None}
        left = [sequence for sequence in left if sequence.id not in first]
    for sequence in sequences:
        runner.release_slot(sequence)
    return first


@pytest.fixture
def fresh(nano):
    return ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(8, 2048))


@pytest.mark.parametrize("tokens", [40, 100, 1000])
def test_prompts_read_in_one_pass_begin_as_those_read_alone(fresh, nano, tokens):
    together = read_all(fresh, admitted(fresh, *CONVERSATIONS), tokens)
    for place, messages in enumerate(CONVERSATIONS):
        alone = ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(1, 2048))
        assert together[f"p{place}"] == read_all(alone, admitted(alone, messages), 1000)["p0"]


def test_short_prompts_share_a_pass(fresh):
    sequences = admitted(fresh, *(user(f"{number}{number} and what else?") for number in range(5)))
    assert [piece.sequence for piece in fresh.prefill(sequences, 1000)] == sequences
    assert all(sequence.prefilled == len(sequence.prompt.ids) for sequence in sequences)


def test_what_two_prompts_begin_with_is_read_once(fresh):
    book = "It was a dark and stormy night, and the rain fell in torrents. "
    first, second = sequences = admitted(
        fresh, user(book + "Who wrote it?"), user(book + "And when?")
    )
    assert [piece.sequence for piece in fresh.prefill(sequences, 1000)] == [first]
    fresh.prefill([second], 1000)
    assert second.cached_tokens > 20


def test_alike_prompts_too_short_to_share_are_read_in_one_pass(fresh):
    sequences = admitted(fresh, user("Hi"), user("Hi"))
    assert len(sequences[0].prompt.ids) <= 16
    assert len(fresh.prefill(sequences, 1000)) == 2
