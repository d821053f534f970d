"""Examples packed into one row are learned as if each were alone."""

import pytest
import torch
from recipe.dialogue.examples.image import scattered_examples
from recipe.dialogue.examples.page import page_examples
from recipe.dialogue.examples.text import chitchat_examples
from recipe.dialogue.examples.video import video_examples
from recipe.rng import Rng
from recipe.training.dataset import IGNORED, EncodedRow, ExampleEncoder, collate
from recipe.training.loss import language_loss

KINDS = {
    "scattered": (scattered_examples, (2, 16)),
    "pages": (page_examples, (2, 16)),
    "video": (video_examples, (2,)),
    "chitchat": (chitchat_examples, (2,)),
}


def unpack(encoder, example, row, number):
    """Return example `number` of a row in a row of its own."""
    kept = [index for index, segment in enumerate(row.segments) if segment in (0, number)]
    ids = [row.ids[index] for index in kept]
    labels = [row.labels[index] for index in kept]
    inputs = encoder.encode_prompt(example)
    prompt = inputs.pop("input_ids")[0].tolist()
    assert ids[: len(prompt)] == prompt
    token_types = inputs["mm_token_type_ids"][0].tolist() + [0] * (len(ids) - len(prompt))
    inputs["mm_token_type_ids"] = torch.tensor([token_types])
    return EncodedRow(inputs, ids, labels, [1] * len(ids), [0] * len(ids))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_packed_examples_have_the_loss_that_they_have_alone(kind, random_model, recipe_processor):
    make, arguments = KINDS[kind]
    rng, encoder = Rng(f"row {kind}"), ExampleEncoder(recipe_processor)
    groups = [make(rng, *arguments) for _ in range(2)]
    rows = [encoder.encode_row(examples, rng) for examples in groups]
    total, learned = 0.0, 0
    for examples, row in zip(groups, rows, strict=True):
        for number, example in enumerate(examples, 1):
            alone = unpack(encoder, example, row, number)
            count = sum(label != IGNORED for label in alone.labels)
            total += count * language_loss(random_model, collate([alone], 0)).item()
            learned += count
    packed = language_loss(random_model, collate(rows, 0)).item()
    assert packed == pytest.approx(total / learned, rel=1e-4)
