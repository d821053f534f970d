"""The recipe builds the tokenizer and the configuration of the bundled checkpoint."""

import json

from nano_model import NANO


def test_the_recipe_builds_the_bundled_tokenizer(processor, recipe_processor):
    """Every text of the recipe decides about the vocabulary, and so about the ids of all words."""
    bundled = json.loads((NANO / "tokenizer.json").read_text("utf-8"))
    built = json.loads(recipe_processor.tokenizer.backend_tokenizer.to_str())
    assert recipe_processor.tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert built["pre_tokenizer"] == bundled["pre_tokenizer"]


def test_the_recipe_builds_the_bundled_rope(random_model):
    config = json.loads((NANO / "config.json").read_text("utf-8"))
    rope = config["text_config"]["rope_parameters"]
    assert random_model.config.text_config.rope_parameters == rope


def test_the_bundled_weights_fit_the_recipes_model(random_model, model):
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    assert {name: weight.shape for name, weight in random_model.state_dict().items()} == shapes
