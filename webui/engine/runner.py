"""ModelRunner: prefill in chunks and decode of all running rows at once, for any Glm4v checkpoint.

Owns the model, its KV cache and its vision features. Knows sequences, and nothing of threads, queues or text streams.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence as Row
from typing import Any

import torch
from torch import Tensor

from webui.engine.kv_cache import CachePlan, DecodeView, KVCache, PrefillView
from webui.engine.prompts import Prompt, PromptBuilder, VisionSpan
from webui.engine.sampler import SamplerRow, sample
from webui.engine.scheduler import ControlIds, Sequence
from webui.errors import DeviceMemoryError
from webui.protocol import Message

CHUNK_TOKENS = {"cpu": 256, "cuda": 2048}
VISION_CACHE_BYTES = 512 * 1024**2


class VisionCache:
    """Vision features by content digest, least recently used out first, within a byte budget."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget, self._bytes = budget_bytes, 0
        self._features: OrderedDict[str, Tensor] = OrderedDict()

    def get(self, digest: str) -> Tensor | None:
        if digest in self._features:
            self._features.move_to_end(digest)
        return self._features.get(digest)

    def put(self, digest: str, features: Tensor) -> None:
        self._features[digest] = features
        self._bytes += features.nbytes
        while self._bytes > self._budget and len(self._features) > 1:
            self._bytes -= self._features.popitem(last=False)[1].nbytes


class ModelRunner:
    """The Runner of LocalEngine over a Glm4v model from transformers. Greedy output equals that of model.generate."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        plan: CachePlan,
        *,
        chunk_tokens: int = 0,
        vision_cache_bytes: int = VISION_CACHE_BYTES,
    ) -> None:
        self.model = model.eval()
        self._device = str(model.device)
        text = model.config.text_config
        head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        self.cache = KVCache(
            plan, text.num_hidden_layers, text.num_key_value_heads, head_dim, device=self._device, dtype=model.dtype
        )
        self._features = VisionCache(vision_cache_bytes)
        self._prompts = PromptBuilder(processor, model.model.get_rope_index)
        self.processor = processor
        self._vocabulary = text.vocab_size
        self.chunk_tokens = chunk_tokens or CHUNK_TOKENS[model.device.type]
        self.context_length = plan.context_length
        self.control = control_ids(self.processor.tokenizer, model.generation_config.eos_token_id)

    def encode(self, messages: tuple[Message, ...]) -> Prompt:
        return self._prompts.build(messages)

    def decode_text(self, ids: list[int]) -> str:
        return self.processor.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def admit(self, sequence: Sequence) -> bool:
        place = self.cache.acquire(sequence.prompt.keys)
        if place is None:
            return False
        sequence.slot, sequence.prefilled = place
        sequence.cached_tokens = sequence.prefilled
        sequence.row = SamplerRow(sequence.sampling, sequence.prompt.ids, self._vocabulary, self._device)
        return True

    def release(self, sequence: Sequence) -> None:
        if sequence.slot is not None:
            self.cache.release(sequence.slot)
            sequence.slot = None

    @torch.inference_mode()
    def prefill(self, sequence: Sequence) -> int | None:
        prompt, start = sequence.prompt, sequence.prefilled
        end = min(start + self.chunk_tokens, len(prompt.ids))
        try:
            embeddings = self._embed(prompt, start, end)
            view = PrefillView(self.cache, sequence.slot, start, end)
            positions = prompt.positions[:, None, start:end].to(self._device)
            hidden = self._forward(embeddings, positions, view)
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError() from error
        sequence.slot.keys.extend(prompt.keys[start:end])
        sequence.prefilled = end
        return sample(self._logits(hidden), [sequence.row])[0] if end == len(prompt.ids) else None

    @torch.inference_mode()
    def decode(self, sequences: list[Sequence]) -> list[int]:
        self.cache.arrange([sequence.slot for sequence in sequences])
        newest = [sequence.output[-1] for sequence in sequences]
        lengths = [sequence.length for sequence in sequences]
        offsets = [sequence.prompt.rope_offset for sequence in sequences]
        view = DecodeView(self.cache, lengths, self._device)
        positions = (view.lengths + torch.tensor(offsets, device=self._device))[None, :, None].expand(3, -1, -1)
        try:
            hidden = self._forward(self._embed_ids([[token] for token in newest]), positions, view)
            tokens = sample(self._logits(hidden), [sequence.row for sequence in sequences])
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError() from error
        for sequence, token in zip(sequences, newest, strict=True):
            sequence.slot.keys.append(token)
        return tokens

    def _forward(self, embeddings: Tensor, positions: Tensor, view: PrefillView | DecodeView) -> Tensor:
        """Hidden states [rows, tokens, hidden] of embeddings of that shape at positions [3, rows, tokens]."""
        return self.model.model.language_model(
            inputs_embeds=embeddings,
            position_ids=positions,
            attention_mask=view.mask(self._device),
            past_key_values=view,
            use_cache=True,
        ).last_hidden_state

    def _logits(self, hidden: Tensor) -> Tensor:
        return self.model.lm_head(hidden[:, -1])

    def _embed_ids(self, ids: Row[Row[int]]) -> Tensor:
        return self.model.get_input_embeddings()(torch.tensor(ids, device=self._device))

    def _embed(self, prompt: Prompt, start: int, end: int) -> Tensor:
        """Embeddings [1, end - start, hidden] of a part of the prompt, pictures in their places."""
        embeddings = self._embed_ids([prompt.ids[start:end]])
        spans = [span for span in prompt.spans if span.start < end and span.end > start]
        for span, features in zip(spans, self._vision_features(spans), strict=True):
            first, last = max(span.start, start), min(span.end, end)
            embeddings[0, first - start : last - start] = features[first - span.start : last - span.start]
        return embeddings

    def _vision_features(self, spans: Row[VisionSpan]) -> list[Tensor]:
        """Features [length, hidden] of each span; those not seen before go through the vision tower together."""
        found = {span.digest: self._features.get(span.digest) for span in spans}
        new = list({span.digest: span for span in spans if found[span.digest] is None}.values())
        if new:
            pixels = torch.cat([span.pixels for span in new]).to(self._device, self.model.dtype)
            grids = torch.tensor([span.grid for span in new], device=self._device)
            outputs = self.model.get_image_features(pixels, grids, return_dict=True).pooler_output
            for span, features in zip(new, outputs, strict=True):
                found[span.digest] = features
                self._features.put(span.digest, features)
        return [features for span in spans if (features := found[span.digest]) is not None]


def control_ids(tokenizer: Any, end: int | list[int] | None) -> ControlIds:
    """The control ids of a checkpoint; those of the thought only if its tokenizer has them."""
    ends = {tokenizer.eos_token_id} if end is None else {end} if isinstance(end, int) else set(end)
    added = tokenizer.get_added_vocab()
    if "<think>" not in added or "</think>" not in added:
        return ControlIds(frozenset(ends))
    answer = "\n<answer>" if "<answer>" in added else "\n"

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, add_special_tokens=False))

    return ControlIds(
        frozenset(ends), added["<think>"], added["</think>"], ids(f"<think></think>{answer}"), ids(f"</think>{answer}")
    )
