"""Greedy answers equal those of model.generate, whatever else is in the batch."""

import asyncio
from random import Random

import pytest
import torch
from pictures import clip, picture

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.sequence import Sequence
from webui.engine.serving.engine import LocalEngine
from webui.protocol import GenerationRequest, Message, SamplingParams, VideoPart

# Most tests compare with answers of model.generate, which take seconds.
pytestmark = pytest.mark.slow
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
    """Return what model.generate writes for each conversation."""
    return [generate(runner, messages) for messages in CONVERSATIONS]


@torch.inference_mode()
def generate(runner, messages) -> str:
    prompt = runner.build_prompt(messages)
    parts = [part for message in messages for part in message.parts]
    is_video = any(isinstance(part, VideoPart) for part in parts)
    types = torch.zeros(1, len(prompt.ids), dtype=torch.int)
    for span in prompt.spans:
        types[0, span.start : span.end] = 2 if is_video else 1
    vision_inputs = {}
    if prompt.spans:
        pixels = torch.cat([span.pixels for span in prompt.spans])
        grid = torch.tensor([span.grid for span in prompt.spans])
        names = ("pixel_values", "image_grid_thw")
        if is_video:
            names = ("pixel_values_videos", "video_grid_thw")
        vision_inputs = dict(zip(names, (pixels, grid), strict=True))
    ids = torch.tensor([prompt.ids])
    output = runner.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=types,
        max_new_tokens=TOKENS,
        do_sample=False,
        **vision_inputs,
    )
    output_ids = output[0, len(prompt.ids) :].tolist()
    shown = [token for token in output_ids if token not in runner.control.end]
    return letters(runner.tokenizer.decode(shown, skip_special_tokens=False))


def letters(text: str) -> str:
    """Return the text without tags and spaces, which the parser may move."""
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
async def test_a_conversation_alone_gets_the_answer_of_generate(engine, expected, number):
    assert await answer(engine, CONVERSATIONS[number], "a") == expected[number]


async def test_conversations_in_one_batch_get_the_answers_of_generate(engine, expected):
    names = [str(number) for number in range(len(CONVERSATIONS))]
    assert (
        await asyncio.gather(*map(answer, [engine] * len(names), CONVERSATIONS, names)) == expected
    )


@pytest.mark.parametrize("seed", range(5))
async def test_joins_and_aborts_at_random_steps_change_no_answer(engine, expected, seed):
    random = Random(seed)

    async def person(name: int) -> tuple[bool, str, str]:
        number, stop = random.randrange(len(CONVERSATIONS)), random.choice([None, None, 3, 10])
        await asyncio.sleep(random.random() * 0.3)
        text = await answer(engine, CONVERSATIONS[number], f"{seed}-{name}", stop)
        return stop is None, text, expected[number]

    for whole, text, wanted in await asyncio.gather(*map(person, range(14))):
        assert text == wanted if whole else wanted.startswith(text)


async def test_a_follow_up_question_prefills_only_its_new_tokens(engine, expected, runner):
    first = user(picture("pink"), "What colour is it?")
    await answer(engine, first, "a")
    second = (*first, Message("assistant", ("Pink.",)), *user("What shape?"))
    deltas = [delta async for delta in engine.generate(GenerationRequest(second, GREEDY, "b"))]
    assert deltas[-1].usage.cached_tokens == len(runner.build_prompt(first).ids)
    text = letters("".join(delta.reasoning + delta.content for delta in deltas))
    assert text == generate(runner, second)


async def test_one_slot_serves_all_conversations_in_turn(nano, expected):
    engine = LocalEngine(ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(1, 2048)))
    names = [str(number) for number in range(len(CONVERSATIONS))]
    assert (
        await asyncio.gather(*map(answer, [engine] * len(names), CONVERSATIONS, names)) == expected
    )
    engine.close()


async def test_small_chunks_prefill_the_same_prompt(nano, expected):
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


def test_forced_ids_in_one_pass_equal_forced_ids_in_many_steps(runner):
    at_once, stepwise = (
        Sequence(name, runner.build_prompt(CONVERSATIONS[1]), GREEDY, runner.control, TOKENS)
        for name in "ab"
    )
    for sequence in (at_once, stepwise):
        runner.acquire_slot(sequence)
        while (result := runner.prefill([sequence], 10)[0]).sampled is None:
            pass
        sequence.append_token(result.sampled.token_id)
        sequence.append_token(runner.decode([sequence])[0].token_id)
        sequence.answer_now()
    ids = list(stepwise.forced_ids)
    sampled = runner.prefill_forced_ids(at_once)
    while stepwise.forced_ids:
        stepwise.append_token(runner.decode([stepwise])[0].token_id)
    assert stepwise.output_ids[2:] == ids
    assert sampled == runner.decode([stepwise])[0]
    assert at_once.slot.prefix_ids == stepwise.slot.prefix_ids
    runner.release_slot(at_once)
    runner.release_slot(stepwise)


def start_sequences(runner, *conversations) -> list[Sequence]:
    sequences = [
        Sequence(f"p{number}", runner.build_prompt(messages), GREEDY, runner.control, TOKENS)
        for number, messages in enumerate(conversations)
    ]
    for sequence in sequences:
        assert runner.acquire_slot(sequence)
    return sequences


def prefill_all(runner, sequences, tokens) -> dict[str, int]:
    """Return the first token of each sequence; check that no pass exceeds its tokens.

    A pass of one sequence may exceed them, because an image is encoded whole.
    """
    first_tokens, remaining = {}, list(sequences)
    while remaining:
        results = runner.prefill(remaining, tokens)
        assert results[0].sequence is remaining[0]
        assert len(results) == 1 or sum(result.tokens for result in results) <= tokens
        for result in results:
            if result.sampled is not None:
                first_tokens[result.sequence.id] = result.sampled
        remaining = [sequence for sequence in remaining if sequence.id not in first_tokens]
    for sequence in sequences:
        runner.release_slot(sequence)
    return first_tokens


@pytest.fixture
def fresh(nano):
    return ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(8, 2048))


@pytest.mark.parametrize("tokens", [40, 100, 1000])
def test_prompts_prefilled_together_get_the_first_tokens_of_prompts_alone(fresh, nano, tokens):
    together = prefill_all(fresh, start_sequences(fresh, *CONVERSATIONS), tokens)
    for number, messages in enumerate(CONVERSATIONS):
        alone = ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(1, 2048))
        assert (
            together[f"p{number}"]
            == prefill_all(alone, start_sequences(alone, messages), 1000)["p0"]
        )


def test_short_prompts_share_a_pass(fresh):
    sequences = start_sequences(
        fresh, *(user(f"{number}{number} and what else?") for number in range(5))
    )
    assert [result.sequence for result in fresh.prefill(sequences, 1000)] == sequences
    assert all(sequence.prefilled == len(sequence.prompt.ids) for sequence in sequences)


def test_a_common_prefix_is_prefilled_once(fresh):
    book = "It was a dark and stormy night, and the rain fell in torrents. "
    first, second = sequences = start_sequences(
        fresh, user(book + "Who wrote it?"), user(book + "And when?")
    )
    assert [result.sequence for result in fresh.prefill(sequences, 1000)] == [first]
    fresh.prefill([second], 1000)
    assert second.cached_tokens > 20


def test_equal_prompts_too_short_to_share_are_prefilled_in_one_pass(fresh):
    sequences = start_sequences(fresh, user("Hi"), user("Hi"))
    assert len(sequences[0].prompt.ids) <= 16
    assert len(fresh.prefill(sequences, 1000)) == 2
