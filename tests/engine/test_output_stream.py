"""OutputStream and its detokenizer: any split of a stream of tokens gives the same text."""

import asyncio
from random import Random

import pytest
from echo_runner import character_tokenizer
from nano_model import NANO
from tokenizers import Tokenizer, decoders, models

from webui.engine.models.glm4v.control_tokens import TAGS
from webui.engine.serving.output_stream import (
    MAX_PENDING_TOKENS,
    Detokenizer,
    OutputStream,
    StepOutput,
)
from webui.errors import DeviceMemoryError
from webui.protocol import Usage

TEXTS = ["plain", "页面 three", "a\ufffdb", "naïve 🙂 end", "\ufffd\ufffd", "<think>a</think>"]


@pytest.fixture(scope="module")
def byte_tokenizer():
    """One token for each byte, whose id is the byte."""
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<0x00>"))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


@pytest.fixture(scope="module")
def bundled_tokenizer():
    return Tokenizer.from_file(str(NANO / "tokenizer.json"))


def decoded(tokenizer: Tokenizer, ids: list[int], size: int) -> str:
    """Feed `size` tokens at a time."""
    detokenizer = Detokenizer(tokenizer)
    texts = [
        detokenizer.decode_tokens(ids[start : start + size]) for start in range(0, len(ids), size)
    ]
    return "".join(texts) + detokenizer.flush_pending()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_any_cut_gives_the_text(byte_tokenizer, text, size):
    assert decoded(byte_tokenizer, list(text.encode()), size) == text


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_any_cut_gives_what_the_bundled_tokenizer_decodes_at_once(bundled_tokenizer, size):
    random = Random(size)
    for _ in range(200):
        ids = random.choices(range(bundled_tokenizer.get_vocab_size()), k=40)
        whole = bundled_tokenizer.decode(ids, skip_special_tokens=False)
        assert decoded(bundled_tokenizer, ids, size) == whole


def test_no_half_character_is_shown(byte_tokenizer):
    detokenizer = Detokenizer(byte_tokenizer)
    assert [detokenizer.decode_tokens([byte]) for byte in "页".encode()] == ["", "", "页"]


def test_whole_characters_before_a_half_one_are_shown(byte_tokenizer):
    detokenizer = Detokenizer(byte_tokenizer)
    assert detokenizer.decode_tokens("ab页".encode()[:-1]) == "ab"


def test_a_broken_character_is_shown_in_the_end(byte_tokenizer):
    detokenizer = Detokenizer(byte_tokenizer)
    detokenizer.decode_tokens([0xE9])
    assert detokenizer.flush_pending() == "\ufffd"


def test_broken_bytes_are_held_back_for_a_few_tokens_only(byte_tokenizer):
    detokenizer = Detokenizer(byte_tokenizer)
    texts = [detokenizer.decode_tokens([0xE9]) for _ in range(MAX_PENDING_TOKENS + 1)]
    assert texts[-1] == "\ufffd" * (MAX_PENDING_TOKENS + 1)
    assert detokenizer.decode_tokens(b"a") == "a"


def filled(*outputs: StepOutput) -> OutputStream:
    stream = OutputStream(character_tokenizer(), TAGS)
    for output in outputs:
        stream.put_output(output)
    return stream


async def test_outputs_that_have_arrived_make_one_delta():
    stream = filled(StepOutput(ord("h")), StepOutput(ord("i"), finish_reason="stop"))
    delta = await stream.next_delta()
    assert (delta.content, delta.finish_reason, stream.is_finished) == ("hi", "stop", True)


async def test_the_last_delta_carries_the_usage_and_the_text_that_was_held_back():
    stream = filled(*(StepOutput(ord(letter)) for letter in "a<thi"))
    first = await stream.next_delta()
    stream.put_output(StepOutput(finish_reason="length", usage=Usage(3, 5)))
    last = await stream.next_delta()
    assert first.content + last.content == "a<thi"
    assert last.usage == Usage(3, 5)


async def test_an_error_is_raised_after_the_text_before_it():
    stream = filled(StepOutput(ord("a")), StepOutput(error=DeviceMemoryError()))
    assert (await stream.next_delta()).content == "a"
    with pytest.raises(DeviceMemoryError):
        await stream.next_delta()


async def test_a_delta_waits_for_an_output():
    stream = filled()
    waiting = asyncio.create_task(stream.next_delta())
    await asyncio.sleep(0)
    assert not waiting.done()
    stream.put_output(StepOutput(ord("a")))
    assert (await waiting).content == "a"
