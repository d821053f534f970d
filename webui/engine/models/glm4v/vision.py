"""What the vision tower makes of pictures: computed a few pages at a time, kept by content digest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from webui.engine.prompt import VisionSpan


def without_convolutions(tower: Any) -> None:
    """Each kernel is as large as what it looks at, a patch or a merged cell: one product with a matrix gives what the
    convolution gives, faster."""
    for convolution in (tower.patch_embed.proj, tower.downsample):
        convolution.forward = _product(convolution.weight.flatten(1), convolution.bias)


def _product(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    return lambda windows: linear(windows.flatten(1), weight, bias)


class VisionCache:
    """Vision features by content digest, least recently used out first, within a byte budget."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget, self._bytes = budget_bytes, 0
        self._features: OrderedDict[str, Tensor] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._features

    def __getitem__(self, digest: str) -> Tensor:
        self._features.move_to_end(digest)
        return self._features[digest]

    def put(self, digest: str, features: Tensor) -> None:
        self.drop(digest)
        self._features[digest] = features
        self._bytes += features.nbytes
        while self._bytes > self._budget and len(self._features) > 1:
            self._bytes -= self._features.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        self._features.clear()
        self._bytes = 0

    def drop(self, digest: str) -> None:
        if digest in self._features:
            self._bytes -= self._features.pop(digest).nbytes


Held = dict[str, Tensor]


class VisionFeatures:
    """Features [length, hidden] of spans. A span is looked at whole; nothing is looked at before it is needed.

    What a sequence has looked at last it holds itself until it has read it: the cache may be too small for the pages
    that all sequences are about to read, and they would go on pushing out each other's.
    """

    def __init__(self, model: Any, budget_bytes: int) -> None:
        self._model = model
        self._cache = VisionCache(budget_bytes)

    def prepare(self, prompts: Sequence[Sequence[VisionSpan]], tokens: int) -> list[Held]:
        """Cut the patches of what is not in the cache; what of a prompt is no longer than `tokens` in all is looked at
        too, that of all prompts in one pass.

        On the caller's thread, so that no step waits for it. What was looked at is the caller's to keep.
        """
        unseen = [
            {span.digest: span for span in spans if span.digest not in self._cache}
            for spans in prompts
        ]
        for span in chain.from_iterable(spans.values() for spans in unseen):
            _ = span.pixels
        short = [
            spans if sum(span.length for span in spans.values()) <= tokens else {}
            for spans in unseen
        ]
        together = {digest: span for spans in short for digest, span in spans.items()}
        seen = self._see(list(together.values())) if together else {}
        return [{digest: seen[digest] for digest in spans} for spans in short]

    def keep(self, held: Held) -> None:
        for digest, features in held.items():
            self._cache.put(digest, features)

    def forget(self, spans: Sequence[VisionSpan]) -> None:
        """Drop these features from the cache, so that they are computed again when needed."""
        for span in spans:
            self._cache.drop(span.digest)

    def clear(self) -> None:
        """What is held beside the cache stays."""
        self._cache.clear()

    def missing(
        self, spans: Sequence[VisionSpan], held: Held, start: int, end: int
    ) -> tuple[list[VisionSpan], int]:
        """What must be looked at before tokens from `start` are read, and up to where, at most `end`, they can be then.

        Only where the first span on the way is missing: what is held is read before something else is looked at.
        """
        touched = [span for span in spans if span.start < end and span.end > start]
        unseen = [
            span for span in touched if span.digest not in held and span.digest not in self._cache
        ]
        if not unseen:
            return [], end
        return (unseen, end) if unseen[0] is touched[0] else ([], unseen[0].start)

    def look(self, spans: Sequence[VisionSpan], tokens: int) -> Held:
        """Put the first of these spans through the tower, and those after it that fit into `tokens` with it."""
        chosen: dict[str, VisionSpan] = {}
        looked = 0
        for span in spans:
            if chosen and looked + span.length > tokens:
                break
            looked += 0 if span.digest in chosen else span.length
            chosen.setdefault(span.digest, span)
        held = self._see(list(chosen.values()))
        self.keep(held)
        return held

    def _see(self, batch: Sequence[VisionSpan]) -> Held:
        pixels = batch[0].pixels if len(batch) == 1 else torch.cat([span.pixels for span in batch])
        pixels = pixels.to(self._model.device, self._model.dtype)
        grids = torch.tensor([span.grid for span in batch], device=self._model.device)
        outputs = self._model.get_image_features(pixels, grids, return_dict=True).pooler_output
        for span in batch:
            span.forget_pixels()
        return {
            span.digest: features.clone() for span, features in zip(batch, outputs, strict=True)
        }

    def place(
        self, embeddings: Tensor, spans: Sequence[VisionSpan], held: Held, start: int
    ) -> None:
        """Write the features of these spans over the embeddings [tokens, hidden] of a prompt from `start` on."""
        end = start + len(embeddings)
        for span in spans:
            if span.start < end and span.end > start:
                features = held[span.digest] if span.digest in held else self._cache[span.digest]
                first, last = max(span.start, start), min(span.end, end)
                embeddings[first - start : last - start] = features[
                    first - span.start : last - span.start
                ]
