"""Conversations that are too long are refused before the work; those that fit never are."""

import gc
import tracemalloc
from random import Random
from types import SimpleNamespace

import pytest
from pictures import clip, picture
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from webui.engine.models.glm4v.prompt_builder import PromptBuilder
from webui.engine.models.prompt_length import SLICE, PromptLengthCheck
from webui.engine.prompt import AbandonedError
from webui.errors import ContextLengthError
from webui.protocol import FileLabel, ImagePart, Message

NOT_ABORTED, NO_LIMIT = (lambda: False), 10**9
WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "over",
    "a",
    "dog,",
    "你好",
    "世界",
    "red",
    "circle",
    "naïve",
    "🙂\n",
)
KINDS = {
    "words": lambda random: " ".join(random.choices(WORDS, k=4000)),
    "one letter": lambda random: "a" * 20_000,
    "spaces": lambda random: " " * 20_000,
    "blanks": lambda random: "".join(random.choices(" \n\t\r\u3000", k=20_000)),
    "runs of spaces": lambda random: "".join(
        random.choice("ab") + " " * random.randrange(40) for _ in range(1000)
    ),
    "Chinese": lambda random: "".join(chr(random.randrange(0x4E00, 0x9FA5)) for _ in range(9000)),
    "emoji": lambda random: "".join(random.choices("😀👩\u200d👩\ufe0f🏽", k=9000)),
    "accents": lambda random: "".join(random.choices("e\u0301o\u0302\u0301n ", k=15_000)),
    "control tokens": lambda random: "".join(
        random.choices(["<think>", "</think>", "<|image|>", "a "], k=3000)
    ),
    "anything": lambda random: "".join(chr(random.randrange(0x20, 0xD7FF)) for _ in range(9000)),
}


def user(*parts) -> Message:
    return Message("user", parts)


@pytest.fixture(scope="module")
def build(nano):
    return PromptBuilder(
        nano.runner.processor, nano.runner.model.model.get_rope_index, NO_LIMIT
    ).build


def length_check(nano, limit: int) -> PromptLengthCheck:
    return PromptBuilder(
        nano.runner.processor, nano.runner.model.model.get_rope_index, limit + 1
    )._length_check


def refused_tokens(check: PromptLengthCheck, messages) -> int:
    """Return the lower bound of tokens in the refusal, 0 if there is none."""
    try:
        check.check(messages, NOT_ABORTED)
    except ContextLengthError as error:
        return error.params["tokens"]
    return 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_fits_passes_and_what_is_a_twentieth_too_long_does_not(nano, build, kind):
    text = KINDS[kind](Random(kind))
    for messages in (
        (user(text[:-7]),),
        (
            Message("system", (text[:3000],)),
            user(picture(), text[3000:]),
            Message("assistant", ("b",)),
            user("c"),
        ),
    ):
        tokens = len(build(messages).ids)
        assert not refused_tokens(length_check(nano, tokens), messages)
        assert (
            tokens
            >= refused_tokens(length_check(nano, int(0.95 * tokens)), messages)
            > 0.95 * tokens
        )


def test_reasoning_that_the_template_drops_does_not_count(nano, build):
    messages = (
        user("a"),
        Message("assistant", (f"<think>{'x ' * 9000}</think><answer>b</answer>",)),
        user("c"),
    )
    tokens = len(build(messages).ids)
    assert tokens < 50
    assert not refused_tokens(length_check(nano, tokens), messages)


@pytest.fixture(scope="module", params=[None, "NFC"])
def merging(request):
    """Return a tokenizer that merges letters, blanks and parts of words, as large ones do."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC() if request.param else None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    random = Random(0)
    texts = [kind(random) for kind in KINDS.values()] + ["a" * length for length in range(64)]
    tokenizer.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=3000, max_token_length=32, show_progress=False)
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@pytest.mark.parametrize("kind", KINDS)
def test_cutting_a_text_never_refuses_one_that_fits(nano, merging, kind):
    processor = SimpleNamespace(
        tokenizer=merging,
        image_processor=nano.runner.processor.image_processor,
        video_processor=nano.runner.processor.video_processor,
    )
    for seed in range(5):
        messages = (user(KINDS[kind](Random(seed))[seed:]),)
        tokens = len(merging(messages[0].text)["input_ids"])
        assert not refused_tokens(
            PromptLengthCheck(processor, lambda messages: messages[0].text, tokens), messages
        )
        assert refused_tokens(
            PromptLengthCheck(processor, lambda messages: messages[0].text, tokens * 8 // 10),
            messages,
        )


@pytest.mark.parametrize("part", [picture("red", (448, 448)), clip("red", 6)])
def test_images_and_videos_count_by_their_sizes_alone(nano, build, part):
    messages = (user(*[part] * 3, "what?"),)
    prompt = build(messages)
    visual = sum(span.length for span in prompt.spans)
    assert refused_tokens(length_check(nano, visual), messages) == visual + 1
    assert not refused_tokens(length_check(nano, len(prompt.ids)), messages)


def test_two_hundred_images_are_refused_by_their_sizes(nano):
    part = ImagePart(SimpleNamespace(size=(448, 448)), FileLabel("a.png"), "a.png")
    assert refused_tokens(length_check(nano, 2047), (user(*[part] * 200, "what?"),)) > 9000


def counting_check(nano):
    """Return a check, and the list of lengths of the texts that it tokenizes."""
    check, lengths = length_check(nano, 2047), []
    tokenize = check._tokenizer

    def counting(text, **options):
        lengths.append(len(text))
        return tokenize(text, **options)

    check._tokenizer = counting
    return check, lengths


@pytest.mark.parametrize("text", ["a b " * 10**6, "x" * 20_000, "中" * 50_000])
def test_no_more_than_a_context_is_tokenized_before_a_refusal(nano, text):
    check, lengths = counting_check(nano)
    assert refused_tokens(check, (user(text),))
    assert sum(lengths) <= 2 * SLICE


def test_what_surely_fits_is_not_tokenized(nano):
    check, lengths = counting_check(nano)
    assert not refused_tokens(check, (user("short"), Message("assistant", ("b",)), user("x" * 400)))
    assert not lengths


def test_a_million_empty_messages_are_refused_by_their_number(nano):
    check, lengths = counting_check(nano)
    assert refused_tokens(check, [user("")] * 10**6) == 10**6
    assert not lengths


def test_an_abort_ends_the_check_within_a_slice(nano):
    check, lengths = counting_check(nano)
    check._limit = 20_000
    with pytest.raises(AbandonedError):
        check.check((user("word " * 50_000),), lambda: len(lengths) == 3)
    assert len(lengths) == 3


def test_a_refusal_takes_little_memory(nano):
    check, text = length_check(nano, 2047), "word " * 10**6
    gc.collect()
    tracemalloc.start()
    assert refused_tokens(check, (user(text),))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(text)
