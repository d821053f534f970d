"""Image features: encoded a few spans at a time, cached by content digest, merged into embeddings.

Knows no model: an ImageEncoder of the model's family computes the features.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

from webui.engine.models.family import ImageEncoder
from webui.engine.prompt import VisionSpan

# Features [length, hidden] by the digest of their span.
Features = dict[str, Tensor]


class VisionCache:
    """Features by digest within a byte budget; the least recently used ones are evicted first.

    The newest entry stays even if it alone exceeds the budget.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget, self._bytes = budget_bytes, 0
        self._features: OrderedDict[str, Tensor] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._features

    def __getitem__(self, digest: str) -> Tensor:
        self._features.move_to_end(digest)
        return self._features[digest]

    def insert(self, digest: str, features: Tensor) -> None:
        self.discard(digest)
        self._features[digest] = features
        self._bytes += features.nbytes
        while self._bytes > self._budget and len(self._features) > 1:
            self._bytes -= self._features.popitem(last=False)[1].nbytes

    def discard(self, digest: str) -> None:
        if digest in self._features:
            self._bytes -= self._features.pop(digest).nbytes

    def clear(self) -> int:
        """Evict everything; return the bytes."""
        freed, self._bytes = self._bytes, 0
        self._features.clear()
        return freed


class VisionFeatures:
    """The features of spans. A span is encoded whole, and not before it is needed.

    A sequence pins the features that were encoded for it last until they have been prefilled:
    otherwise sequences could evict one another's features from a small cache forever.
    """

    def __init__(self, encode: ImageEncoder, budget_bytes: int) -> None:
        self._encode = encode
        self._cache = VisionCache(budget_bytes)

    def precompute(
        self, prompts: Sequence[Sequence[VisionSpan]], max_tokens: int
    ) -> list[Features]:
        """Do ahead of prefill what can be done, on the caller's thread; return features to pin.

        The patches of all uncached spans are computed. Prompts with at most `max_tokens` of
        uncached spans are encoded too, all in one pass; the others get an empty result. Nothing is
        inserted into the cache, which belongs to the worker thread.
        """
        small_prompts: list[dict[str, VisionSpan]] = []
        batch: dict[str, VisionSpan] = {}
        for spans in prompts:
            uncached = {span.digest: span for span in spans if span.digest not in self._cache}
            for span in uncached.values():
                # Computes the patches and keeps them in the span.
                _ = span.pixels
            if sum(span.length for span in uncached.values()) > max_tokens:
                uncached = {}
            small_prompts.append(uncached)
            batch |= uncached
        features = self._encode_batch(list(batch.values())) if batch else {}
        return [{digest: features[digest] for digest in spans} for spans in small_prompts]

    def insert(self, features: Features) -> None:
        """Put features into the cache."""
        for digest, tensor in features.items():
            self._cache.insert(digest, tensor)

    def discard(self, spans: Sequence[VisionSpan]) -> None:
        """Drop the features of spans from the cache; they are encoded again when needed."""
        for span in spans:
            self._cache.discard(span.digest)

    def clear(self) -> int:
        """Empty the cache and return its bytes. Pinned features stay with their sequences."""
        return self._cache.clear()

    def plan_chunk(
        self, spans: Sequence[VisionSpan], pinned: Features, start: int, end: int
    ) -> tuple[list[VisionSpan], int]:
        """Return (spans to encode, end of the chunk) for a prefill of tokens start..end.

        If the first span of the chunk is available, nothing is encoded and the chunk stops before
        the first span that is not: pinned features are prefilled before others are encoded.
        """
        touched = [span for span in spans if span.start < end and span.end > start]
        missing = [
            span for span in touched if span.digest not in pinned and span.digest not in self._cache
        ]
        if not missing:
            return [], end
        return (missing, end) if missing[0] is touched[0] else ([], missing[0].start)

    def encode_images(self, spans: Sequence[VisionSpan], max_tokens: int) -> Features:
        """Encode the first span, and those after it that fit into `max_tokens` together with it.

        The features are inserted into the cache and returned to be pinned.
        """
        batch: dict[str, VisionSpan] = {}
        tokens = 0
        for span in spans:
            if batch and tokens + span.length > max_tokens:
                break
            tokens += 0 if span.digest in batch else span.length
            batch.setdefault(span.digest, span)
        features = self._encode_batch(list(batch.values()))
        self.insert(features)
        return features

    def _encode_batch(self, spans: Sequence[VisionSpan]) -> Features:
        outputs = self._encode(spans)
        features: Features = {}
        for span, output in zip(spans, outputs, strict=True):
            span.forget_pixels()
            # Outputs may be views of one tensor, which a single cached image would keep alive.
            features[span.digest] = output.clone()
        return features

    def merge_into(
        self, embeddings: Tensor, spans: Sequence[VisionSpan], pinned: Features, start: int
    ) -> None:
        """Write image features over the embeddings [tokens, hidden] of a prompt from `start` on."""
        end = start + len(embeddings)
        for span in spans:
            if span.start < end and span.end > start:
                # Pinned first: the cache may have evicted them since.
                digest = span.digest
                features = pinned[digest] if digest in pinned else self._cache[digest]
                first, last = max(span.start, start), min(span.end, end)
                embeddings[first - start : last - start] = features[
                    first - span.start : last - span.start
                ]
