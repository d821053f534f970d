"""The shared values: image sizes, tokens, frame pairs and digests."""

from dataclasses import replace
from random import Random

from PIL import Image
from transformers.models.glm4v.image_processing_glm4v import smart_resize

from webui.protocol import FileLabel, ImagePart, Message, PixelBudget, VideoPart

BUDGETS = (PixelBudget(), PixelBudget(28, 6272, 50_176), PixelBudget(28, 6272, 5_880_000))


def resized(width: int, height: int, budget: PixelBudget) -> tuple[int, int]:
    """Return the size after Glm4v's processor, which counts each image as two frames."""
    high, wide = smart_resize(
        2,
        height,
        width,
        factor=28,
        min_pixels=2 * budget.min_pixels,
        max_pixels=2 * budget.max_pixels,
    )
    return wide, high


def test_a_fitted_size_passes_the_processor_unchanged():
    random = Random(0)
    for _ in range(2000):
        budget = random.choice(BUDGETS)
        width, height = (int(10 ** random.uniform(0, 4)) for _ in range(2))
        fitted = budget.fit(width, height)
        assert resized(*fitted, budget) == fitted, (width, height, budget)


def test_usual_sizes_are_fitted_as_by_the_processor():
    for size in ((1240, 1754), (1920, 1080), (640, 480), (300, 300), (100, 60)):
        for budget in BUDGETS:
            assert budget.fit(*size) == resized(*size, budget)


def test_tokens_count_squares_of_the_unit():
    assert PixelBudget().tokens(280, 280) == 100


def test_a_split_budget_keeps_all_pages_within_the_tokens():
    budget = PixelBudget().split(10, 5000)
    assert 10 * budget.tokens(1240, 1754) <= 5000


def test_the_text_of_a_message():
    assert Message("user", ("a", "b")).text == "ab"


def test_frames_are_paired_and_an_odd_last_one_doubled():
    red, green, blue = (Image.new("RGB", (28, 28), colour) for colour in ("red", "green", "blue"))
    odd = VideoPart((red, green, blue), (0.0, 1.0, 2.0), "a.mp4")
    even = VideoPart((red, green), (0.0, 1.0), "a.mp4")
    assert odd.pairs == ((red, green), (blue, blue))
    assert even.pairs == ((red, green),)
    assert odd.digests[0] == even.digests[0] != odd.digests[1]


def test_a_digest_depends_on_the_pixels_alone():
    red = ImagePart(Image.new("RGB", (28, 28), "red"), FileLabel("a.png"), "a.png")
    renamed = replace(red, label=FileLabel("b.png"))
    green = replace(red, image=Image.new("RGB", (28, 28), "green"))
    reshaped = replace(red, image=Image.new("RGB", (14, 56), "red"))
    assert red.digest == renamed.digest
    assert len({red.digest, green.digest, reshaped.digest}) == 3
