"""The real model: a row whose numbers are no numbers any more ends alone and leaves nothing of them behind, and a pass
that broke off is made again as if it had not been begun."""

import asyncio

import pytest
from pictures import picture
from test_model_runner import GREEDY, TOKENS, answer, user
from test_sampler import Unreadable

from webui.engine.execution.kv_cache import CachePlan
from webui.engine.execution.model_runner import ModelRunner
from webui.engine.sequence import Sequence
from webui.engine.serving.engine import LocalEngine
from webui.errors import NumericalError
from webui.protocol import GenerationRequest, SamplingParams

NAN = float("nan")
QUESTIONS = (
    user("1 + 1 = ? " * 30),
    user(picture("red"), "What colour is it?"),
    user("Hello, who are you?"),
    user(picture("blue", (112, 224)), picture("green"), "What is on page 2?"),
)
DRAWN = SamplingParams(
    temperature=1.0, top_p=0.95, top_k=50, repetition_penalty=1.3, max_tokens=30, seed=11
)


@pytest.fixture
def runner(nano):
    """With slots that nobody has used."""
    return ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(4, 2048))


@pytest.fixture
def engine(runner):
    engine = LocalEngine(runner)
    yield engine
    engine.close()


def write(runner, *questions, decode=None) -> list[list[int]]:
    """What is written for each, all in one batch; of a row without numbers as far as it came."""
    rows = [
        Sequence("", runner.build_prompt(question), GREEDY, runner.control, TOKENS)
        for question in questions
    ]
    reading = list(rows)
    for row in rows:
        assert runner.acquire_slot(row)
    while reading:
        for piece in runner.prefill(reading, 1000):
            if piece.sampled is not None:
                reading.remove(piece.sequence)
                piece.sequence.append_token(piece.sampled.token_id)
    writing = list(rows)
    while writing:
        sampled = (decode or runner.decode)(writing)
        for row, output in zip(list(writing), sampled, strict=True):
            if output.token_id is None or row.append_token(output.token_id)[1]:
                writing.remove(row)
                runner.release_slot(row)
    return [row.output_ids for row in rows]


@pytest.mark.parametrize("step", [1, 5])
def test_a_poisoned_row_ends_alone_and_the_others_write_what_they_write_alone(runner, step):
    alone = [write(runner, question)[0] for question in QUESTIONS]
    steps = []

    def decode(sequences):
        steps.append(len(sequences))
        if len(steps) != step:
            return runner.decode(sequences)
        with runner.model.get_input_embeddings().register_forward_hook(spoil_first):
            return runner.decode(sequences)

    bad, *others = write(runner, *QUESTIONS, decode=decode)
    assert others == alone[1:]
    assert bad == alone[0][:step]
    assert steps[step - 1 : step + 1] == [4, 3]
    assert write(runner, *QUESTIONS) == alone


def spoil_first(module, inputs, embeddings):
    embeddings[0] = NAN


async def test_a_poisoned_prompt_has_no_answer_and_its_slot_none_of_it(runner, engine):
    def spoil(module, inputs, embeddings):
        embeddings[len(inputs[0]) // 2] = NAN

    with (
        runner.model.get_input_embeddings().register_forward_hook(spoil),
        pytest.raises(NumericalError, match="not finite"),
    ):
        await answer(engine, QUESTIONS[0], "bad")
    assert all(layer.isfinite().all() for layer in runner.cache.layers)
    assert await answer(engine, QUESTIONS[0], "good")


async def draw(engine, question, name: str) -> str:
    request = GenerationRequest(question, DRAWN, name)
    return "".join([delta.reasoning + delta.content async for delta in engine.generate(request)])


def break_off(runner, *, sampled: bool) -> list[int]:
    """No pass over several rows comes to its end, before or after their tokens are drawn. Returns the rows of each."""
    head, broken = runner._head, []

    def breaking(hidden):
        if len(hidden) == 1:
            return head(hidden)
        broken.append(len(hidden))
        return Unreadable(head(hidden)) if sampled else 1 // 0

    runner._head = breaking
    return broken


@pytest.mark.parametrize("sampled", [False, True])
async def test_a_pass_that_breaks_off_is_made_again_with_the_same_tokens(runner, engine, sampled):
    expected = [await draw(engine, question, "a") for question in QUESTIONS]
    broken = break_off(runner, sampled=sampled)
    texts = await asyncio.gather(
        *(draw(engine, question, f"{place}") for place, question in enumerate(QUESTIONS))
    )
    assert texts == expected
    assert broken
