"""A seed makes the same examples on every machine and after every change of the code."""

import hashlib
import json

import pytest
from recipe.dialogue.examples.image import scattered_examples, shapes_examples
from recipe.dialogue.examples.text import (
    arithmetic_examples,
    chitchat_examples,
    description_examples,
)
from recipe.dialogue.examples.video import video_examples
from recipe.rng import Rng

# Kinds of examples with their arguments, and the hashes in training and in evaluation. None has
# text in its pictures, because the choice of fonts depends on the machine.
STREAMS = {
    "shapes": (shapes_examples, (2, 40), ("8733d7eb5921", "6aa335118762")),
    "scattered": (scattered_examples, (2, 40), ("9ed045318e98", "3db72b7ead52")),
    "video": (video_examples, (2,), ("09039f9a6871", "8e311806a564")),
    "description": (description_examples, (2,), ("7b9842fa2b2d", "ff435b6ef1c8")),
    "arithmetic": (arithmetic_examples, (2,), ("303592967cf6", "8df3e4308a6d")),
    "chitchat": (chitchat_examples, (2,), ("8076579c1a39", "0b6e9f92afc8")),
}


def texts_of(example):
    """Return all that a conversation says, without its pictures."""
    messages = []
    for message in example.messages:
        content = message["content"]
        if not isinstance(content, str):
            content = [part.get("text", part["type"]) for part in content]
        messages.append([message["role"], content])
    reply = [example.reply.thought, example.reply.answer, *example.reply.facts]
    return [example.topic, example.language, messages, reply, example.seconds]


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("kind", STREAMS)
def test_a_seed_makes_the_same_texts(kind, held_out):
    make, arguments, expected = STREAMS[kind]
    rng = Rng(f"stream {kind}", held_out)
    texts = [texts_of(example) for _ in range(25) for example in make(rng, *arguments)]
    digest = hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()
    assert digest[:12] == expected[held_out]


def test_what_is_held_out_is_never_used_in_training():
    phrases = [f"phrase {number}" for number in range(10)]
    training, evaluation = Rng("held out"), Rng("held out", held_out=True)
    trained = {training.choose_phrase(phrases) for _ in range(500)}
    evaluated = {evaluation.choose_phrase(phrases) for _ in range(100)}
    assert trained | evaluated == set(phrases)
    assert not trained & evaluated
    assert not [
        fraction
        for fraction in (training.sample_fraction() for _ in range(500))
        if 0.4 < fraction < 0.6
    ]
    assert all(0.4 <= evaluation.sample_fraction() <= 0.6 for _ in range(100))
