"""Images are encoded one after another, when prefill needs them, and never twice without need."""

from functools import partial

import pytest
import torch

from webui.engine.execution.vision_features import VisionCache, VisionFeatures
from webui.engine.prompt import VisionSpan

LENGTH, BYTES = 10, 10 * 4 * 4


class FakeEncoder:
    """Returns features [10, 4] filled with the number of the page; `batches` lists the calls."""

    def __init__(self):
        self.batches = []

    def __call__(self, spans):
        pages = [span.pixels[0, 0].item() for span in spans]
        self.batches.append(pages)
        return [torch.full((LENGTH, 4), page) for page in pages]


def make_pages(count: int) -> tuple[VisionSpan, ...]:
    """Return spans of ten tokens, each after two tokens of text."""
    return tuple(
        VisionSpan(
            12 * page + 2, LENGTH, str(page), (1, 1, 1), partial(torch.full, (1, 3), float(page))
        )
        for page in range(count)
    )


def prefill(vision: VisionFeatures, spans, total: int, max_tokens: int) -> torch.Tensor:
    """Return the first channel of all embeddings of a prompt, prefilled as the runner does it."""
    chunks, pinned, start, calls = [], {}, 0, 0
    while start < total:
        calls += 1
        assert calls < 20 * total
        to_encode, end = vision.plan_chunk(spans, pinned, start, min(start + max_tokens, total))
        if to_encode:
            pinned = vision.encode_images(to_encode, max_tokens)
            continue
        chunks.append(torch.full((end - start, 4), -1.0))
        vision.merge_into(chunks[-1], spans, pinned, start)
        start = end
    return torch.cat(chunks)[:, 0]


def expected_embeddings(count: int) -> list[float]:
    values = []
    for page in range(count):
        values += [-1.0] * 2 + [float(page)] * LENGTH
    return values


@pytest.mark.parametrize("max_tokens", [1, 7, 12, 25, 100])
@pytest.mark.parametrize("budget", [1, 2 * BYTES, 10**6])
def test_every_chunk_and_cache_size_merges_each_page_at_its_place(max_tokens, budget):
    merged = prefill(VisionFeatures(FakeEncoder(), budget), make_pages(5), 60, max_tokens)
    assert merged.tolist() == expected_embeddings(5)


def test_a_small_chunk_encodes_one_page_at_a_time_and_each_once():
    encoder = FakeEncoder()
    prefill(VisionFeatures(encoder, 10**6), make_pages(5), 60, 12)
    assert encoder.batches == [[page] for page in range(5)]


def test_a_large_chunk_encodes_as_many_pages_as_fit():
    encoder = FakeEncoder()
    prefill(VisionFeatures(encoder, 10**6), make_pages(5), 60, 30)
    assert max(map(len, encoder.batches)) == 3


def test_pinned_features_outlive_a_cache_of_one_page():
    vision, (first, second) = VisionFeatures(FakeEncoder(), 1), make_pages(2)
    pinned_first = vision.encode_images([first], LENGTH)
    pinned_second = vision.encode_images([second], LENGTH)
    assert vision.plan_chunk([first], pinned_first, 0, 20) == ([], 20)
    assert vision.plan_chunk([second], pinned_second, 0, 20) == ([], 20)


def test_the_same_image_twice_in_a_prompt_is_encoded_once():
    encoder, (first, second) = FakeEncoder(), make_pages(2)
    copy = VisionSpan(second.start, LENGTH, first.digest, first.grid, first.cut)
    prefill(VisionFeatures(encoder, 10**6), (first, copy), 24, 100)
    assert encoder.batches == [[0]]


def test_precompute_cuts_the_patches_of_uncached_images_once():
    cut = []
    vision, (first, second) = VisionFeatures(FakeEncoder(), 10**6), make_pages(2)
    vision.encode_images([first], LENGTH)
    recording = [
        VisionSpan(span.start, LENGTH, span.digest, span.grid, partial(cut.append, span.digest))
        for span in (first, second, second)
    ]
    vision.precompute([recording], 0)
    assert cut == [second.digest]


def test_precompute_encodes_short_prompts_which_prefill_does_not_repeat():
    encoder, pages = FakeEncoder(), make_pages(3)
    vision = VisionFeatures(encoder, 10**6)
    assert vision.precompute([pages], 2 * LENGTH) == [{}]
    vision.insert(vision.precompute([pages[:2]], 2 * LENGTH)[0])
    assert vision.precompute([pages[:2]], 2 * LENGTH) == [{}]
    assert prefill(vision, pages[:2], 24, 100).tolist() == expected_embeddings(2)
    assert encoder.batches == [[0, 1]]


def test_precompute_encodes_several_prompts_in_one_pass_and_shared_images_once():
    encoder, pages = FakeEncoder(), make_pages(5)
    vision = VisionFeatures(encoder, 10**6)
    prompts = vision.precompute([pages[:2], pages[1:3], pages, ()], 2 * LENGTH)
    assert [sorted(features) for features in prompts] == [["0", "1"], ["1", "2"], [], []]
    assert [features["1"][0, 0].item() for features in prompts[:2]] == [1.0, 1.0]
    assert encoder.batches == [[0, 1, 2]]


def test_patches_are_freed_once_they_are_encoded():
    vision, pages = VisionFeatures(FakeEncoder(), 10**6), make_pages(3)
    vision.precompute([pages[:1], pages], LENGTH)
    assert ["pixels" in vars(span) for span in pages] == [False, True, True]


def test_a_cached_image_keeps_no_batch_alive():
    batch = torch.zeros(2, LENGTH, 4)
    vision, pages = VisionFeatures(lambda spans: batch.unbind(), 10**6), make_pages(2)
    features = vision.encode_images(pages, 2 * LENGTH)
    storages = {tensor.untyped_storage().nbytes() for tensor in features.values()}
    assert storages == {BYTES}


def test_the_vision_cache_stays_within_its_budget():
    cache = VisionCache(100)
    for name in "abc":
        cache.insert(name, torch.zeros(10))
    assert "a" not in cache
    assert cache["b"] is not None
    cache.insert("d", torch.zeros(10))
    assert "c" not in cache


def test_discarded_images_are_encoded_again():
    encoder, pages = FakeEncoder(), make_pages(3)
    vision = VisionFeatures(encoder, 10**6)
    merged = [prefill(vision, pages, 36, 100).tolist()]
    vision.discard(pages[1:2])
    merged.append(prefill(vision, pages, 36, 100).tolist())
    vision.clear()
    merged.append(prefill(vision, pages, 36, 100).tolist())
    assert merged[0] == merged[1] == merged[2]
    assert encoder.batches == [[0, 1, 2], [1], [0, 1, 2]]
