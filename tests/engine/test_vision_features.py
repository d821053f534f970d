"""Pages are looked at one after another, when they are needed, and never in vain."""

from functools import partial

import pytest
import torch

from webui.engine.execution.vision_features import VisionCache, VisionFeatures
from webui.engine.prompt import VisionSpan

LENGTH, BYTES = 10, 10 * 4 * 4


class Tower:
    """Features that tell their page: [10, 4] filled with the first pixel."""

    def __init__(self):
        self.looks = []

    def __call__(self, spans):
        numbers = [span.pixels[0, 0].item() for span in spans]
        self.looks.append(numbers)
        return [torch.full((LENGTH, 4), number) for number in numbers]


def pages(count: int) -> tuple[VisionSpan, ...]:
    """Each page takes ten tokens, after two of text."""
    return tuple(
        VisionSpan(
            12 * page + 2, LENGTH, str(page), (1, 1, 1), partial(torch.full, (1, 3), float(page))
        )
        for page in range(count)
    )


def read(vision: VisionFeatures, spans, total: int, tokens: int) -> torch.Tensor:
    """All embeddings of a prompt, read as the runner reads it."""
    embeddings, held, start, calls = [], {}, 0, 0
    while start < total:
        calls += 1
        assert calls < 20 * total
        ahead, end = vision.plan_chunk(spans, held, start, min(start + tokens, total))
        if ahead:
            held = vision.encode_images(ahead, tokens)
            continue
        embeddings.append(torch.full((end - start, 4), -1.0))
        vision.merge_into(embeddings[-1], spans, held, start)
        start = end
    return torch.cat(embeddings)[:, 0]


@pytest.mark.parametrize("tokens", [1, 7, 12, 25, 100])
@pytest.mark.parametrize("budget", [1, 2 * BYTES, 10**6])
def test_every_chunk_and_cache_size_gives_every_page_its_place(tokens, budget):
    tower = Tower()
    placed = read(VisionFeatures(tower, budget), pages(5), 60, tokens)
    assert placed.tolist() == [
        value for page in range(5) for value in [-1.0] * 2 + [float(page)] * LENGTH
    ]


def test_a_small_chunk_looks_at_one_page_at_a_time_and_at_each_once():
    tower = Tower()
    read(VisionFeatures(tower, 10**6), pages(5), 60, 12)
    assert tower.looks == [[page] for page in range(5)]


def test_a_large_chunk_looks_at_what_fits_together():
    tower = Tower()
    read(VisionFeatures(tower, 10**6), pages(5), 60, 30)
    assert max(map(len, tower.looks)) == 3


def test_two_who_read_at_once_get_on_though_the_cache_holds_one_page():
    vision, (first, second) = VisionFeatures(Tower(), 1), pages(2)
    one = vision.encode_images([first], LENGTH)
    two = vision.encode_images([second], LENGTH)
    assert vision.plan_chunk([first], one, 0, 20) == ([], 20)
    assert vision.plan_chunk([second], two, 0, 20) == ([], 20)


def test_the_same_picture_twice_is_looked_at_once():
    tower, (first, second) = Tower(), pages(2)
    twin = VisionSpan(second.start, LENGTH, first.digest, first.grid, first.cut)
    read(VisionFeatures(tower, 10**6), (first, twin), 24, 100)
    assert tower.looks == [[0]]


def test_patches_are_cut_once_and_only_of_what_was_not_looked_at():
    cut = []
    vision, (first, second) = VisionFeatures(Tower(), 10**6), pages(2)
    vision.encode_images([first], LENGTH)
    counted = [
        VisionSpan(
            span.start, LENGTH, span.digest, span.grid, lambda name=span.digest: cut.append(name)
        )
        for span in (first, second, second)
    ]
    vision.precompute([counted], 0)
    assert cut == [second.digest]


def test_what_is_short_is_looked_at_ahead_and_never_again():
    tower, spans = Tower(), pages(3)
    vision = VisionFeatures(tower, 10**6)
    assert vision.precompute([spans], 2 * LENGTH) == [{}]
    held = vision.precompute([spans[:2]], 2 * LENGTH)[0]
    vision.insert(held)
    assert vision.precompute([spans[:2]], 2 * LENGTH) == [{}]
    assert (
        read(vision, spans[:2], 24, 100).tolist()
        == [-1.0] * 2 + [0.0] * LENGTH + [-1.0] * 2 + [1.0] * LENGTH
    )
    assert tower.looks == [[0, 1]]


def test_several_prompts_are_looked_at_in_one_pass_and_what_they_share_once():
    tower, spans = Tower(), pages(5)
    vision = VisionFeatures(tower, 10**6)
    held = vision.precompute([spans[:2], spans[1:3], spans, ()], 2 * LENGTH)
    assert [sorted(each) for each in held] == [["0", "1"], ["1", "2"], [], []]
    assert [each["1"][0, 0].item() for each in held[:2]] == [1.0, 1.0]
    assert tower.looks == [[0, 1, 2]]


def test_patches_are_given_up_once_they_are_looked_at():
    vision, spans = VisionFeatures(Tower(), 10**6), pages(3)
    vision.precompute([spans[:1], spans], LENGTH)
    assert ["pixels" in vars(span) for span in spans] == [False, True, True]


def test_the_vision_cache_keeps_within_its_budget():
    cache = VisionCache(100)
    for name in "abc":
        cache.insert(name, torch.zeros(10))
    assert "a" not in cache
    assert cache["b"] is not None
    cache.insert("d", torch.zeros(10))
    assert "c" not in cache


def test_what_was_looked_at_can_be_given_up_and_is_looked_at_again():
    tower, spans = Tower(), pages(3)
    vision = VisionFeatures(tower, 10**6)
    placed = [read(vision, spans, 36, 100).tolist()]
    vision.discard(spans[1:2])
    placed.append(read(vision, spans, 36, 100).tolist())
    vision.clear()
    placed.append(read(vision, spans, 36, 100).tolist())
    assert placed[0] == placed[1] == placed[2]
    assert tower.looks == [[0, 1, 2], [1], [0, 1, 2]]
