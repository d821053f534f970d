"""The engine runs a model family that it has never seen as transformers runs it."""

import asyncio

import pytest
import torch
from llama_family import LlamaFamily, save_checkpoint
from nano_model import NANO

from webui.engine.loading.catalog import choose
from webui.engine.loading.checkpoint import read_checkpoint
from webui.engine.loading.loader import load
from webui.engine.loading.self_test import MAX_DISTANCE_EXACT, measure_distance
from webui.engine.models.families import FAMILIES
from webui.engine.serving.engine import LocalEngine
from webui.errors import ModelLoadError
from webui.protocol import GenerationRequest, Message, SamplingParams

LLAMA = {"llama": LlamaFamily()}
QUESTIONS = ("Hello, who are you?", "1 + 1 =", "What is on the page? " * 9)
TOKENS = 24
GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0, max_tokens=TOKENS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, nano):
    vocabulary = nano.runner.model.config.text_config.vocab_size
    return save_checkpoint(tmp_path_factory.mktemp("llama"), NANO, vocabulary)


@pytest.fixture(scope="module")
def llama(folder):
    choice = choose(str(folder), "none", None, NANO)
    return load(choice, "cpu", 4, 512, lambda progress: None, LLAMA)


@torch.inference_mode()
def generate(runner, question: str) -> list[int]:
    ids = torch.tensor([runner.build_prompt((user(question),)).ids])
    output = runner.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=TOKENS,
        do_sample=False,
    )
    return [token for token in output[0, ids.shape[1] :].tolist() if token]


def user(text: str) -> Message:
    return Message("user", (text,))


async def answer(engine, question: str) -> str:
    request = GenerationRequest((user(question),), GREEDY, question)
    deltas = [delta async for delta in engine.generate(request)]
    return "".join(delta.reasoning + delta.content for delta in deltas)


def test_the_self_test_compares_a_family_with_its_own_reference(llama):
    assert measure_distance(llama.runner) < MAX_DISTANCE_EXACT


async def test_another_family_answers_as_its_model_generates(llama):
    engine = LocalEngine(llama.runner)
    answers = await asyncio.gather(*(answer(engine, question) for question in QUESTIONS))
    engine.close()
    tokenizer = llama.runner.processor.tokenizer
    for question, text in zip(QUESTIONS, answers, strict=True):
        expected = generate(llama.runner, question)
        assert len(expected) > TOKENS / 2
        assert text.split() == tokenizer.decode(expected).split()


def test_a_family_sets_the_limits_and_the_tags(llama):
    assert llama.info.context_length == 512
    assert llama.runner.tags.think == "[think]"


def test_a_family_that_is_not_listed_is_refused(folder):
    assert "llama" not in FAMILIES
    with pytest.raises(ModelLoadError, match=r"its type is llama; this demo runs glm4v"):
        read_checkpoint(folder, "llama")
    assert read_checkpoint(folder, "llama", LLAMA).family is LLAMA["llama"]
