"""The tokenizer: one token for each word of the recipe, bytes for anything else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from recipe import vocabulary
from recipe.dialogue.questions import catalog, phrasing
from recipe.dialogue.questions import chitchat as user_chitchat
from recipe.dialogue.replies import chitchat as model_chitchat
from recipe.dialogue.replies import templates

TEXT_MODULES = (vocabulary, catalog, user_chitchat, model_chitchat, templates, phrasing)
CONTROL_TOKENS = (
    "<|endoftext|>",
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "<sop>",
    "<eop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
    "<|image|>",
    "<|video|>",
)
# Decoding keeps these even where it skips special tokens, because parsers look for them.
TAG_TOKENS = (
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<|begin_of_box|>",
    "<|end_of_box|>",
    "/nothink",
)
CONTEXT_LENGTH = 8192


def nested_strings(value: object) -> Iterator[str]:
    """Yield every string inside nested tuples and dictionaries, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from nested_strings(key)
            yield from nested_strings(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from nested_strings(item)


def recipe_texts() -> Iterator[str]:
    """Yield every string among the constants of the modules that hold texts."""
    for module in TEXT_MODULES:
        for name in sorted(vars(module)):
            if name.isupper():
                yield from nested_strings(vars(module)[name])


def collect_vocabulary(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the English words, and the Chinese names and characters, that become tokens."""
    words: set[str] = set()
    characters: set[str] = set()
    for text in texts:
        for word in re.findall(r"[A-Za-z]{2,}", text):
            words |= {word, word.lower(), word.lower().capitalize()}
        characters |= {character for character in text if ord(character) > 127}
    words |= {f"{shape}s" for shape in vocabulary.SHAPES}
    names = {*vocabulary.COLOURS.values(), *vocabulary.SHAPES.values()}
    names |= {chinese for _, chinese in vocabulary.DIRECTIONS.values()}
    return sorted(words), sorted(characters | names)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that decodes every text to exactly what was encoded.

    A known word is one token, with or without the space before it; so is a known character. All
    else is one token per byte.
    """
    words, chinese = collect_vocabulary(recipe_texts())
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    pieces = [piece for word in words for piece in (word, f" {word}")] + chinese
    tokens = list(alphabet)
    for piece in pieces:
        tokens.append("".join(part for part, _ in byte_level.pre_tokenize_str(piece)))
    ids = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[], ignore_merges=True))
    # Longer words first, because the first alternative that matches wins.
    english_pattern = "|".join(sorted(words, key=lambda word: (-len(word), word)))
    name_pattern = "|".join(name for name in chinese if len(name) > 1)
    pattern = Regex(f"(?: ?(?:{english_pattern})(?![A-Za-z]))|{name_pattern}|[\\s\\S]")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pattern, "isolated"), byte_level]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in CONTROL_TOKENS]
    )
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in TAG_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        model_max_length=CONTEXT_LENGTH,
        clean_up_tokenization_spaces=False,
    )
