"""ModelRunner: prefill in chunks and decode of all running rows at once, for a model of any family.

Owns the model, its KV cache and its vision features. Knows sequences, and nothing of threads, queues or text streams.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, chain
from typing import Any

import torch
from torch import Tensor

from webui.engine.execution.attention import (
    DecodeAttention,
    PackedPrefillAttention,
    PrefillAttention,
)
from webui.engine.execution.cpu_threads import CpuThreads
from webui.engine.execution.cuda_graphs import DecodeGraphs, GraphRecorder
from webui.engine.execution.device import Device
from webui.engine.execution.kv_cache import MIN_SHARED_TOKENS, CachePlan, KVCache
from webui.engine.execution.prefill import PrefillChunk
from webui.engine.execution.sampler import Sampler
from webui.engine.execution.vision_features import VisionFeatures
from webui.engine.models.families import FAMILIES
from webui.engine.models.family import ModelFamily
from webui.engine.prompt import IsAborted, Prompt, VisionSpan
from webui.engine.sequence import Sequence
from webui.engine.serving.runner_protocol import PrefillResult, SamplerOutput
from webui.protocol import Message

CHUNK_TOKENS = {"cpu": 256, "cuda": 2048}
# On a CPU there is a core beside the worker's: it looks at a picture or a few before it is their turn to be read.
AHEAD_TOKENS = {"cpu": 256, "cuda": 0}
VISION_CACHE_BYTES = 512 * 1024**2


class ModelRunner:
    """The Runner of LocalEngine over a model of transformers.

    Greedy output equals that of model.generate. `family` is by default that of the model's type.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        plan: CachePlan,
        family: ModelFamily | None = None,
        *,
        chunk_tokens: int = 0,
        vision_cache_bytes: int = VISION_CACHE_BYTES,
    ) -> None:
        self.model = model.eval()
        self._device = Device(str(model.device))
        self.family = family or FAMILIES[model.config.model_type]
        parts = self.family.take_apart(model, processor, plan.context_length)
        self._text, self._head, self._prompts = parts.decoder, parts.lm_head, parts.prompts
        text = model.config.get_text_config()
        head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        self.cache = KVCache(
            *(plan, text.num_hidden_layers, text.num_key_value_heads, head_dim),
            device=self._device.name,
            dtype=model.dtype,
        )
        self.decode_graphs = (
            DecodeGraphs(self.decode_logits, self.cache, GraphRecorder())
            if self._device.is_cuda
            else None
        )
        self._vision = VisionFeatures(parts.encode_images, vision_cache_bytes)
        self.sampler = Sampler(plan.slots, text.vocab_size, self._device.name)
        self._cpu_threads = CpuThreads()
        self.processor = processor
        self.tokenizer = processor.tokenizer.backend_tokenizer
        self.slots = plan.slots
        self.chunk_tokens = chunk_tokens or CHUNK_TOKENS[model.device.type]
        self.context_length = plan.context_length
        self.control, self.tags = parts.control, self.family.tags

    @torch.inference_mode()
    def build_prompt(
        self, messages: tuple[Message, ...], is_aborted: IsAborted = lambda: False
    ) -> Prompt:
        return self._prompts.build(messages, is_aborted)

    @torch.inference_mode()
    def encode_ahead(self, prompts: list[Prompt]) -> list[Prompt]:
        with self._device, self._cpu_threads.vision_running():
            held = self._vision.precompute(
                [prompt.spans for prompt in prompts], AHEAD_TOKENS[self.model.device.type]
            )
        return [
            replace(prompt, features=features)
            for prompt, features in zip(prompts, held, strict=True)
        ]

    def acquire_slot(self, sequence: Sequence) -> bool:
        place = self.cache.acquire_slot(sequence.prompt.prefix_ids)
        if place is None:
            return False
        sequence.slot, sequence.prefilled = place
        sequence.cached_tokens = sequence.prefilled
        sequence.features = sequence.prompt.features
        self._vision.insert(sequence.features)
        with self._device:
            sequence.row = self.sampler.add_row(sequence.sampling, sequence.prompt.ids)
        return True

    def release_slot(self, sequence: Sequence) -> None:
        if sequence.slot is not None:
            self.cache.release_slot(sequence.slot)
        if sequence.row is not None:
            self.sampler.remove_row(sequence.row)
        sequence.slot = sequence.row = None

    def free_memory(self) -> None:
        self._vision.clear()
        self._device.release_cached_memory()

    def is_device_alive(self) -> bool:
        return self._device.is_alive()

    @torch.inference_mode()
    def prefill(self, sequences: list[Sequence], max_tokens: int) -> list[PrefillResult]:
        with self._device:
            chunks = self._chunks(sequences, max_tokens)
            return self._read(chunks) if chunks else [self._look(sequences[0], max_tokens)]

    @torch.inference_mode()
    def decode(self, sequences: list[Sequence]) -> list[SamplerOutput]:
        newest = [sequence.output_ids[-1] for sequence in sequences]
        with self._device, self._cpu_threads.decode_step(len(sequences)):
            sampled = self._next_tokens(sequences, newest)
        for sequence, token, output in zip(sequences, newest, sampled, strict=True):
            if output.token_id is not None:
                sequence.slot.prefix_ids.append(token)
        return sampled

    @torch.inference_mode()
    def prefill_forced_ids(self, sequence: Sequence) -> SamplerOutput:
        ids = [*sequence.output_ids[-1:], *sequence.forced_ids]
        start, end = sequence.length, sequence.length + len(ids)
        with self._device:
            places = (
                torch.arange(start, end, device=self._device.name) + sequence.prompt.rope_offset
            )
            embeddings = self._embeddings(torch.tensor(ids, device=self._device.name))
            view = PrefillAttention(self.cache, sequence.slot, start, end)
            logits = self._head(self._text(embeddings, places.expand(3, -1), view)[-1:])
            sampled = self._sample(logits, [sequence])[0]
        if sampled.token_id is not None:
            sequence.slot.prefix_ids.extend(ids)
        return sampled

    def _next_tokens(self, sequences: list[Sequence], newest: list[int]) -> list[SamplerOutput]:
        self.cache.arrange_slots([sequence.slot for sequence in sequences])
        lengths = [sequence.length for sequence in sequences]
        places = [sequence.prompt.rope_offset + sequence.length for sequence in sequences]
        numbers = torch.tensor([newest, places, lengths], device=self._device.name)
        if self.decode_graphs is None:
            logits = self.decode_logits(
                numbers[:2], DecodeAttention.from_lengths(self.cache, lengths)
            )
        else:
            logits = self.decode_graphs.run(numbers, max(lengths))
        return self._sample(logits, sequences)

    def _sample(self, logits: Tensor, sequences: list[Sequence]) -> list[SamplerOutput]:
        outputs = self.sampler.sample(logits, [sequence.row for sequence in sequences])
        for sequence, output in zip(sequences, outputs, strict=True):
            if output.token_id is None:
                self._discard_computed(sequence)
        return outputs

    def _discard_computed(self, sequence: Sequence) -> None:
        """Clear what was computed for a sequence whose logits are not finite, so that no other reuses it."""
        self.cache.clear_slot(sequence.slot)
        self._vision.discard(sequence.prompt.spans)

    def decode_logits(self, numbers: Tensor, view: DecodeAttention) -> Tensor:
        """Logits [rows, vocabulary] after the tokens numbers[0] at the places numbers[1]."""
        return self._head(self._text(self._embeddings(numbers[0]), numbers[1].expand(3, -1), view))

    def _share(self, sequence: Sequence) -> int:
        """Take over what others have read of the same prompt; returns where to read on."""
        shared = self.cache.copy_prefix(sequence.slot, sequence.prompt.prefix_ids)
        sequence.cached_tokens += shared - sequence.prefilled
        sequence.prefilled = shared
        return shared

    def _chunks(self, sequences: list[Sequence], tokens: int) -> list[PrefillChunk]:
        """What is read of these prompts in one pass; nothing if pages of the first must be looked at before."""
        chunks: list[PrefillChunk] = []
        for sequence in sequences:
            start, prompt = self._share(sequence), sequence.prompt
            unseen, end = self._ahead(sequence, tokens)
            if unseen and not chunks:
                break
            # What goes on as another one does is copied in the next pass, not read twice in this one.
            if not unseen and not any(
                chunk.covers_prefix_of(prompt, start + MIN_SHARED_TOKENS) for chunk in chunks
            ):
                chunks.append(PrefillChunk(sequence, start, end))
                tokens -= end - start
            if not tokens:
                break
        return chunks

    def _ahead(self, sequence: Sequence, tokens: int) -> tuple[list[VisionSpan], int]:
        """Of so many tokens where the prompt is to be read on: what must be looked at first, else where they end."""
        prompt, start = sequence.prompt, sequence.prefilled
        return self._vision.plan_chunk(
            prompt.spans, sequence.features, start, min(start + tokens, len(prompt.ids))
        )

    def _look(self, sequence: Sequence, tokens: int) -> PrefillResult:
        """Put pages that stand where this prompt is to be read on through the tower."""
        self._cpu_threads.prepare_prefill(tokens)
        features = self._vision.encode_images(self._ahead(sequence, tokens)[0], tokens)
        self._device.synchronize()
        sequence.features = features
        return PrefillResult(
            sequence, sum(len(features) for features in sequence.features.values())
        )

    def _read(self, chunks: list[PrefillChunk]) -> list[PrefillResult]:
        """Write chunks of some prompts to their slots, in one pass; the first token after each prompt that ends."""
        ids, lengths = [chunk.ids for chunk in chunks], [len(chunk.ids) for chunk in chunks]
        self._cpu_threads.prepare_prefill(sum(lengths))
        embeddings = self._embeddings(torch.tensor(list(chain(*ids)), device=self._device.name))
        for chunk, part in zip(chunks, embeddings.split(lengths), strict=True):
            self._vision.merge_into(part, chunk.prompt.spans, chunk.sequence.features, chunk.start)
        positions = torch.cat(
            [chunk.prompt.positions[:, chunk.start : chunk.end] for chunk in chunks], 1
        )
        view = PackedPrefillAttention(
            [
                PrefillAttention(self.cache, chunk.sequence.slot, chunk.start, chunk.end)
                for chunk in chunks
            ]
        )
        hidden = self._text(embeddings, positions.to(self._device.name), view)
        # A piece counts as done when it is, not when it is queued: its time sizes the next one.
        self._device.synchronize()
        last = {
            chunk: end - 1
            for chunk, end in zip(chunks, accumulate(lengths), strict=True)
            if chunk.is_last
        }
        ending = [chunk.sequence for chunk in last]
        first = self._sample(self._head(hidden[list(last.values())]), ending) if last else []
        sampled = dict(zip(last, first, strict=True))
        for chunk in chunks:
            if chunk not in sampled or sampled[chunk].token_id is not None:
                chunk.commit()
        return [
            PrefillResult(chunk.sequence, len(chunk.ids), sampled.get(chunk)) for chunk in chunks
        ]

    def _embeddings(self, ids: Tensor) -> Tensor:
        return self.model.get_input_embeddings()(ids)
