"""With the bundled model: non-finite logits end one row only, and a failed pass can be repeated."""

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
SAMPLED = SamplingParams(
    temperature=1.0, top_p=0.95, top_k=50, repetition_penalty=1.3, max_tokens=30, seed=11
)


@pytest.fixture
def runner(nano):
    """Return a runner with unused slots."""
    return ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(4, 2048))


@pytest.fixture
def engine(runner):
    engine = LocalEngine(runner)
    yield engine
    engine.close()


def generate_ids(runner, *questions, decode=None) -> list[list[int]]:
    """Return the answers of one batch; a row with non-finite logits ends where they occur."""
    rows = [
        Sequence("", runner.build_prompt(question), GREEDY, runner.control, TOKENS)
        for question in questions
    ]
    for row in rows:
        assert runner.acquire_slot(row)
    prefilling = list(rows)
    while prefilling:
        for result in runner.prefill(prefilling, 1000):
            if result.sampled is not None:
                prefilling.remove(result.sequence)
                result.sequence.append_token(result.sampled.token_id)
    decoding = list(rows)
    while decoding:
        outputs = (decode or runner.decode)(decoding)
        for row, output in zip(list(decoding), outputs, strict=True):
            if output.token_id is None or row.append_token(output.token_id)[1]:
                decoding.remove(row)
                runner.release_slot(row)
    return [row.output_ids for row in rows]


@pytest.mark.parametrize("step", [1, 5])
def test_a_row_with_nonfinite_logits_ends_and_the_others_are_not_affected(runner, step):
    alone = [generate_ids(runner, question)[0] for question in QUESTIONS]
    steps = []

    def decode(sequences):
        steps.append(len(sequences))
        if len(steps) != step:
            return runner.decode(sequences)
        with runner.model.get_input_embeddings().register_forward_hook(spoil_first):
            return runner.decode(sequences)

    bad, *others = generate_ids(runner, *QUESTIONS, decode=decode)
    assert others == alone[1:]
    assert bad == alone[0][:step]
    assert steps[step - 1 : step + 1] == [4, 3]
    assert generate_ids(runner, *QUESTIONS) == alone


def spoil_first(module, inputs, embeddings):
    embeddings[0] = NAN


async def test_nonfinite_values_of_a_prompt_do_not_stay_in_its_slot(runner, engine):
    def spoil(module, inputs, embeddings):
        embeddings[len(inputs[0]) // 2] = NAN

    with (
        runner.model.get_input_embeddings().register_forward_hook(spoil),
        pytest.raises(NumericalError, match="not finite"),
    ):
        await answer(engine, QUESTIONS[0], "bad")
    assert all(layer.isfinite().all() for layer in runner.cache.layers)
    assert await answer(engine, QUESTIONS[0], "good")


async def sample_answer(engine, question, name: str) -> str:
    request = GenerationRequest(question, SAMPLED, name)
    return "".join([delta.reasoning + delta.content async for delta in engine.generate(request)])


def fail_batches(runner, *, after_sampling: bool) -> list[int]:
    """Make every pass over several rows fail, before or after sampling. Return their sizes."""
    head, batch_sizes = runner._head, []

    def failing_head(hidden):
        if len(hidden) == 1:
            return head(hidden)
        batch_sizes.append(len(hidden))
        return Unreadable(head(hidden)) if after_sampling else 1 // 0

    runner._head = failing_head
    return batch_sizes


@pytest.mark.parametrize("after_sampling", [False, True])
async def test_a_failed_pass_is_repeated_with_the_same_random_numbers(
    runner, engine, after_sampling
):
    expected = [await sample_answer(engine, question, "a") for question in QUESTIONS]
    batch_sizes = fail_batches(runner, after_sampling=after_sampling)
    texts = await asyncio.gather(
        *(sample_answer(engine, question, f"{place}") for place, question in enumerate(QUESTIONS))
    )
    assert texts == expected
    assert batch_sizes
