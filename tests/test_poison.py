"""A row of the real model whose numbers are no numbers any more ends alone, and leaves nothing of them behind."""

import asyncio

import pytest
from pictures import picture
from test_runner import answer, user

from webui.engine.kv_cache import CachePlan
from webui.engine.local import LocalEngine
from webui.engine.runner import ModelRunner
from webui.errors import NumericalError

NAN = float("nan")
QUESTIONS = (
    user("1 + 1 = ? " * 30),
    user(picture("red"), "What colour is it?"),
    user("Hello, who are you?"),
    user(picture("blue", (112, 224)), picture("green"), "What is on page 2?"),
)


def fresh(nano) -> ModelRunner:
    """Slots that nobody has used."""
    return ModelRunner(nano.runner.model, nano.runner.processor, CachePlan(4, 2048))


@pytest.fixture(scope="module")
def alone(nano):
    """What each is answered alone."""
    engine = LocalEngine(fresh(nano))
    texts = [asyncio.run(answer(engine, question, "a")) for question in QUESTIONS]
    engine.close()
    return texts


@pytest.fixture
def runner(nano):
    return fresh(nano)


@pytest.fixture
def engine(runner):
    engine = LocalEngine(runner)
    yield engine
    engine.close()


async def ask_all(engine) -> list:
    answers = (answer(engine, question, f"{place}") for place, question in enumerate(QUESTIONS))
    return await asyncio.gather(*answers, return_exceptions=True)


def poison(runner, step: int) -> None:
    """NaN for the first of four rows in that decode step of theirs."""
    decode, left = runner.decode, [step]

    def poisoned(sequences):
        left[0] -= len(sequences) == len(QUESTIONS)
        if left[0]:
            return decode(sequences)
        left[0] = -1
        with runner.model.get_input_embeddings().register_forward_hook(spoil_first):
            return decode(sequences)

    runner.decode = poisoned


def spoil_first(module, inputs, embeddings):
    embeddings[0] = NAN


def poisoned_prompt(runner, question):
    """A hook on the embeddings: NaN for the first words of this prompt."""
    ids = runner.encode(question).ids[:12]

    def hook(module, inputs, embeddings):
        if inputs[0].tolist()[: len(ids)] == ids:
            embeddings[: len(ids)] = NAN

    return hook


@pytest.mark.parametrize("step", [1, 5])
async def test_a_poisoned_row_ends_alone_and_the_others_write_what_they_write_alone(runner, engine, alone, step):
    poison(runner, step)
    answers = await ask_all(engine)
    (bad,) = [place for place, text in enumerate(answers) if isinstance(text, NumericalError)]
    others = [place for place in range(4) if place != bad]
    assert [answers[place] for place in others] == [alone[place] for place in others]
    assert await ask_all(engine) == alone


async def test_a_poisoned_prompt_has_no_answer_and_its_slot_none_of_it(runner, engine, alone):
    with (
        runner.model.get_input_embeddings().register_forward_hook(poisoned_prompt(runner, QUESTIONS[0])),
        pytest.raises(NumericalError, match="not finite"),
    ):
        await answer(engine, QUESTIONS[0], "bad")
    assert await ask_all(engine) == alone
