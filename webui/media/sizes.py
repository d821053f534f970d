"""How large pages, pictures and frames may be, and bytes in words. Pure."""

from __future__ import annotations

from webui.protocol import PixelBudget

MEGABYTE = 1024**2


def fit_share(
    natural: tuple[int, int], count: int, budget: PixelBudget, max_tokens: int
) -> tuple[int, int]:
    """The size in pixels of one of `count` pictures that may cost `max_tokens` together.

    It passes the whole budget unchanged too: a share close to the smallest size may round to below that one.
    """
    return budget.fit(*budget.split(count, max_tokens).fit(*natural))


def fit_side(natural: tuple[int, int], side: int) -> tuple[int, int]:
    """As it is, or shrunk until its longest side is `side`."""
    scale = min(1.0, side / max(natural))
    return max(1, round(natural[0] * scale)), max(1, round(natural[1] * scale))


def megabytes(count: int) -> str:
    """ "2.0 MB"; a megabyte is 1024 × 1024 bytes, as the limits count them."""
    return f"{count / MEGABYTE:,.1f} MB"
