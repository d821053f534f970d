"""ModelRunner: prefill in pieces and decode of all running rows at once, for any Glm4v checkpoint.

Owns the model, its KV cache and its vision features. Knows sequences, and nothing of threads, queues or text streams.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from webui.engine.cache_views import DecodeView, PrefillView
from webui.engine.graphs import DecodeGraphs
from webui.engine.kv_cache import CachePlan, KVCache
from webui.engine.operations import product
from webui.engine.prompts import Prompt, PromptBuilder
from webui.engine.sampler import Sampler
from webui.engine.sequence import ControlIds, Piece, Sequence
from webui.engine.text_model import TextModel
from webui.engine.vision_features import VisionFeatures, without_convolutions
from webui.errors import DeviceMemoryError
from webui.protocol import Message

CHUNK_TOKENS = {"cpu": 256, "cuda": 2048}
# On a CPU there is a core beside the worker's: it looks at a picture or a few before it is their turn to be read.
AHEAD_TOKENS = {"cpu": 256, "cuda": 0}
VISION_CACHE_BYTES = 512 * 1024**2


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
        self._text, self._head = TextModel(model.model.language_model), product(model.lm_head)
        text = model.config.text_config
        head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        self.cache = KVCache(
            plan, text.num_hidden_layers, text.num_key_value_heads, head_dim, device=self._device, dtype=model.dtype
        )
        cuda = model.device.type == "cuda"
        self._graphs = DecodeGraphs(self._step, self.cache, capture=True) if cuda else None
        without_convolutions(model.model.visual)
        self._vision = VisionFeatures(model, vision_cache_bytes)
        self._sampler = Sampler(plan.slots, text.vocab_size, self._device)
        self._prompts = PromptBuilder(processor, model.model.get_rope_index)
        self.processor = processor
        self.slots = plan.slots
        self.chunk_tokens = chunk_tokens or CHUNK_TOKENS[model.device.type]
        self.context_length = plan.context_length
        self.control = control_ids(self.processor.tokenizer, model.generation_config.eos_token_id)

    @torch.inference_mode()
    def encode(self, messages: tuple[Message, ...]) -> Prompt:
        return self._prompts.build(messages)

    @torch.inference_mode()
    def look_ahead(self, prompts: list[Prompt]) -> list[Prompt]:
        held = self._vision.prepare([prompt.spans for prompt in prompts], AHEAD_TOKENS[self.model.device.type])
        return [replace(prompt, features=features) for prompt, features in zip(prompts, held, strict=True)]

    def decode_text(self, ids: list[int]) -> str:
        return self.processor.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def admit(self, sequence: Sequence) -> bool:
        place = self.cache.acquire(sequence.prompt.keys)
        if place is None:
            return False
        sequence.slot, sequence.prefilled = place
        sequence.cached_tokens = sequence.prefilled
        sequence.features = sequence.prompt.features
        self._vision.keep(sequence.features)
        sequence.row = self._sampler.open(sequence.sampling, sequence.prompt.ids)
        return True

    def release(self, sequence: Sequence) -> None:
        if sequence.slot is not None:
            self.cache.release(sequence.slot)
            self._sampler.close(sequence.row)
            sequence.slot = sequence.row = None

    @torch.inference_mode()
    def prefill(self, sequence: Sequence, tokens: int) -> Piece:
        prompt, start = sequence.prompt, self._share(sequence)
        end = min(start + tokens, len(prompt.ids))
        try:
            ahead, end = self._vision.missing(prompt.spans, sequence.features, start, end)
            if ahead:
                sequence.features = self._vision.look(ahead, tokens)
                self._wait_for_device()
                return Piece(sum(len(features) for features in sequence.features.values()))
            logits = self._read(sequence, start, end)
            done = end == len(prompt.ids)
            sampled = self._sampler.sample(logits, [sequence.row])[0] if done else None
            self._wait_for_device()
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError() from error
        return Piece(end - start, sampled)

    @torch.inference_mode()
    def decode(self, sequences: list[Sequence]) -> list[int]:
        self.cache.arrange([sequence.slot for sequence in sequences])
        newest = [sequence.output[-1] for sequence in sequences]
        lengths = [sequence.length for sequence in sequences]
        places = [sequence.prompt.rope_offset + sequence.length for sequence in sequences]
        try:
            numbers = torch.tensor([newest, places, lengths], device=self._device)
            if self._graphs is None:
                logits = self._step(numbers[:2], DecodeView.of(self.cache, lengths))
            else:
                logits = self._graphs.run(numbers, max(lengths))
            tokens = self._sampler.sample(logits, [sequence.row for sequence in sequences])
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError() from error
        for sequence, token in zip(sequences, newest, strict=True):
            sequence.slot.keys.append(token)
        return tokens

    @torch.inference_mode()
    def force(self, sequence: Sequence) -> int:
        ids = [*sequence.output[-1:], *sequence.forced]
        start, end = sequence.length, sequence.length + len(ids)
        try:
            places = torch.arange(start, end, device=self._device) + sequence.prompt.rope_offset
            embeddings = self._embeddings(torch.tensor(ids, device=self._device))
            view = PrefillView(self.cache, sequence.slot, start, end)
            logits = self._head(self._text(embeddings, places.expand(3, -1), view)[-1:])
            sampled = self._sampler.sample(logits, [sequence.row])[0]
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError() from error
        sequence.slot.keys.extend(ids)
        return sampled

    def _step(self, numbers: Tensor, view: DecodeView) -> Tensor:
        """Logits [rows, vocabulary] after the tokens numbers[0] at the places numbers[1]."""
        return self._head(self._text(self._embeddings(numbers[0]), numbers[1].expand(3, -1), view))

    def _share(self, sequence: Sequence) -> int:
        """Take over what others have read of the same prompt; returns where to read on."""
        shared = self.cache.share(sequence.slot, sequence.prompt.keys)
        sequence.cached_tokens += shared - sequence.prefilled
        sequence.prefilled = shared
        return shared

    def _read(self, sequence: Sequence, start: int, end: int) -> Tensor:
        """Write tokens start..end of the prompt to its slot; returns the logits after them, [1, vocabulary]."""
        prompt = sequence.prompt
        embeddings = self._embeddings(torch.tensor(prompt.ids[start:end], device=self._device))
        self._vision.place(embeddings, prompt.spans, sequence.features, start)
        positions = prompt.positions[:, start:end].to(self._device)
        hidden = self._text(embeddings, positions, PrefillView(self.cache, sequence.slot, start, end))
        sequence.slot.keys.extend(prompt.keys[start:end])
        sequence.prefilled = end
        if end == len(prompt.ids):
            sequence.features = {}
        return self._head(hidden[-1:])

    def _embeddings(self, ids: Tensor) -> Tensor:
        return self.model.get_input_embeddings()(ids)

    def _wait_for_device(self) -> None:
        """A piece of prefill counts as done when it is, not when it is queued: its time sizes the next one."""
        if self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)


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
