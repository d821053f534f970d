"""Sizes of pictures in pixels, and numbers of bytes in words. Pure."""

from __future__ import annotations

from webui.protocol import PixelBudget

MEGABYTE = 1024**2
# (width, height) in pixels.
Size = tuple[int, int]


def fit_share(natural: Size, count: int, budget: PixelBudget, max_tokens: int) -> Size:
    """Return the size of one of `count` pictures that together cost at most `max_tokens`."""
    # Fitted to the whole budget too: a share near the smallest size may round to less than that.
    return budget.fit(*budget.split(count, max_tokens).fit(*natural))


def fit_side(natural: Size, max_side: int) -> Size:
    """Return the size shrunk until its longer side is at most `max_side`."""
    scale = min(1.0, max_side / max(natural))
    return max(1, round(natural[0] * scale)), max(1, round(natural[1] * scale))


def megabytes(count: int) -> str:
    """Return "2.0 MB"; a megabyte is 1024 × 1024 bytes, as the limits count them."""
    return f"{count / MEGABYTE:,.1f} MB"
