"""Fixtures of the recipe's tests: the bundled checkpoint, and a model with random weights."""

import pytest
import torch
from nano_model import NANO
from recipe.training.model import build_model, build_processor
from transformers import AutoProcessor, Glm4vForConditionalGeneration


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Two threads are slower for a model of this size, by far where another program runs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def processor():
    return AutoProcessor.from_pretrained(NANO, local_files_only=True)


@pytest.fixture(scope="session")
def model():
    return Glm4vForConditionalGeneration.from_pretrained(NANO, local_files_only=True).eval()


@pytest.fixture(scope="session")
def recipe_processor():
    return build_processor()


@pytest.fixture
def random_model(recipe_processor):
    torch.manual_seed(0)
    return build_model(recipe_processor.tokenizer).eval()
