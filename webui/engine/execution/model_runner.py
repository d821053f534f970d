"""ModelRunner: prefill in chunks and decode of all running rows at once, for a model of any family.

Owns the model, its KV cache and its vision features. Knows sequences; knows no threads, queues or
text streams.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import chain
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
from webui.errors import DeviceMemoryError
from webui.protocol import Message

logger = logging.getLogger(__name__)

CHUNK_TOKENS = {"cpu": 256, "cuda": 2048}
# On a CPU a core beside the worker's encodes small images while their request still waits. On a GPU
# that would only compete with the worker's passes.
PRECOMPUTE_TOKENS = {"cpu": 256, "cuda": 0}
MEGABYTE = 10**6
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
        self.decode_graphs: DecodeGraphs | None = None
        if self._device.is_cuda:
            self.decode_graphs = DecodeGraphs(
                self.decode_logits, self.cache, GraphRecorder(), self.free_memory
            )
        self.vision_cache_bytes = vision_cache_bytes
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
        max_tokens = PRECOMPUTE_TOKENS[self.model.device.type]
        try:
            with self._device, self._cpu_threads.vision_running():
                pinned = self._vision.precompute([prompt.spans for prompt in prompts], max_tokens)
        except DeviceMemoryError:
            # The caches belong to the worker thread, which alone may drop them. It encodes these
            # images in a pass of its own, and finds out which request needs too much.
            logger.warning(
                "No memory to encode the images of %d requests ahead; prefill encodes them",
                len(prompts),
            )
            return prompts
        return [
            replace(prompt, features=features)
            for prompt, features in zip(prompts, pinned, strict=True)
        ]

    def acquire_slot(self, sequence: Sequence) -> bool:
        if not self.cache.has_idle_slot:
            return False
        # First, because it may run out of memory, and a failed admission must leave no trace.
        with self._device:
            sequence.row = self.sampler.add_row(sequence.sampling, sequence.prompt.ids)
        sequence.slot, sequence.prefilled = self.cache.acquire_slot(sequence.prompt.prefix_ids)
        sequence.cached_tokens = sequence.prefilled
        sequence.features = sequence.prompt.features
        self._vision.insert(sequence.features)
        return True

    def release_slot(self, sequence: Sequence) -> None:
        if sequence.slot is not None:
            self.cache.release_slot(sequence.slot)
        if sequence.row is not None:
            self.sampler.remove_row(sequence.row)
        sequence.slot = sequence.row = None

    def free_memory(self) -> None:
        features, allocator = self.drop_caches()
        logger.warning(
            "Out of memory on %s: dropped %.0f MB of cached image features; "
            "the allocator returned %.0f MB to the device",
            self._device.name,
            features / MEGABYTE,
            allocator / MEGABYTE,
        )

    def drop_caches(self) -> tuple[int, int]:
        """Free the image features and the allocator's unused memory; return the bytes of each."""
        features = self._vision.clear()
        return features, self._device.release_cached_memory()

    def is_device_alive(self) -> bool:
        return self._device.is_alive()

    @torch.inference_mode()
    def prefill(self, sequences: list[Sequence], max_tokens: int) -> list[PrefillResult]:
        with self._device:
            chunks = self._plan_chunks(sequences, max_tokens)
            if chunks:
                return self._prefill_chunks(chunks)
            return [self._encode_images(sequences[0], max_tokens)]

    @torch.inference_mode()
    def decode(self, sequences: list[Sequence]) -> list[SamplerOutput]:
        newest = [sequence.output_ids[-1] for sequence in sequences]
        with self._device, self._cpu_threads.decode_step(len(sequences)):
            sampled = self._decode_tokens(sequences, newest)
        for sequence, token, output in zip(sequences, newest, sampled, strict=True):
            if output.token_id is not None:
                sequence.slot.prefix_ids.append(token)
        return sampled

    @torch.inference_mode()
    def prefill_forced_ids(self, sequence: Sequence) -> SamplerOutput:
        ids = [*sequence.output_ids[-1:], *sequence.forced_ids]
        start, end = sequence.length, sequence.length + len(ids)
        with self._device:
            positions = torch.arange(start, end, device=self._device.name)
            positions = (positions + sequence.prompt.rope_offset).expand(3, -1)
            embeddings = self._embed_tokens(torch.tensor(ids, device=self._device.name))
            attention = PrefillAttention(self.cache, sequence.slot, start, end)
            hidden = self._text(embeddings, positions, attention)
            sampled = self._sample(self._head(hidden[-1:]), [sequence])[0]
        if sampled.token_id is not None:
            sequence.slot.prefix_ids.extend(ids)
        return sampled

    def decode_logits(self, inputs: Tensor, attention: DecodeAttention) -> Tensor:
        """Return logits [rows, vocabulary] for tokens and rope positions [2, rows]."""
        embeddings = self._embed_tokens(inputs[0])
        # All three axes of M-RoPE advance together in text.
        return self._head(self._text(embeddings, inputs[1].expand(3, -1), attention))

    def _decode_tokens(self, sequences: list[Sequence], newest: list[int]) -> list[SamplerOutput]:
        self.cache.arrange_slots([sequence.slot for sequence in sequences])
        lengths = [sequence.length for sequence in sequences]
        positions = [sequence.prompt.rope_offset + sequence.length for sequence in sequences]
        # One tensor: each copy to the device costs as much as a small kernel.
        inputs = torch.tensor([newest, positions, lengths], device=self._device.name)
        if self.decode_graphs is None:
            attention = DecodeAttention.from_lengths(self.cache, lengths)
            logits = self.decode_logits(inputs[:2], attention)
        else:
            logits = self.decode_graphs.run(inputs, max(lengths))
        return self._sample(logits, sequences)

    def _sample(self, logits: Tensor, sequences: list[Sequence]) -> list[SamplerOutput]:
        outputs = self.sampler.sample(logits, [sequence.row for sequence in sequences])
        for sequence, output in zip(sequences, outputs, strict=True):
            if output.token_id is None:
                self._discard_computed(sequence)
        return outputs

    def _discard_computed(self, sequence: Sequence) -> None:
        """Drop all that was computed for a sequence whose logits are not finite.

        Neither its slot nor its image features may be reused by a later request.
        """
        self.cache.clear_slot(sequence.slot)
        self._vision.discard(sequence.prompt.spans)

    def _plan_chunks(self, sequences: list[Sequence], tokens: int) -> list[PrefillChunk]:
        """Choose what one pass prefills; nothing if images of the first prompt come before."""
        chunks: list[PrefillChunk] = []
        for sequence in sequences:
            start = self._copy_prefix(sequence)
            to_encode, end = self._plan_next_chunk(sequence, tokens)
            if to_encode and not chunks:
                break
            # A prompt that continues like one of the chunks copies that part after this pass,
            # instead of prefilling the same tokens twice.
            is_covered = any(
                chunk.covers_prefix_of(sequence.prompt, start + MIN_SHARED_TOKENS)
                for chunk in chunks
            )
            if not to_encode and not is_covered:
                chunks.append(PrefillChunk(sequence, start, end))
                tokens -= end - start
            if not tokens:
                break
        return chunks

    def _copy_prefix(self, sequence: Sequence) -> int:
        """Copy what other slots hold of this prompt; return where its prefill continues."""
        shared = self.cache.copy_prefix(sequence.slot, sequence.prompt.prefix_ids)
        sequence.cached_tokens += shared - sequence.prefilled
        sequence.prefilled = shared
        return shared

    def _plan_next_chunk(self, sequence: Sequence, tokens: int) -> tuple[list[VisionSpan], int]:
        """Return (spans to encode first, end of the chunk) for that many tokens of a prompt."""
        prompt, start = sequence.prompt, sequence.prefilled
        end = min(start + tokens, len(prompt.ids))
        return self._vision.plan_chunk(prompt.spans, sequence.features, start, end)

    def _encode_images(self, sequence: Sequence, tokens: int) -> PrefillResult:
        """Encode the images that the next chunk of a prompt contains."""
        self._cpu_threads.prepare_prefill(tokens)
        spans, _ = self._plan_next_chunk(sequence, tokens)
        features = self._vision.encode_images(spans, tokens)
        self._device.synchronize()
        sequence.features = features
        return PrefillResult(sequence, sum(len(tensor) for tensor in features.values()))

    def _prefill_chunks(self, chunks: list[PrefillChunk]) -> list[PrefillResult]:
        """Compute chunks of several prompts in one pass; sample after each prompt that ends."""
        lengths = [chunk.end - chunk.start for chunk in chunks]
        self._cpu_threads.prepare_prefill(sum(lengths))
        hidden = self._compute_chunks(chunks, lengths)
        # Wait, because the measured time of this pass sizes the next one; queueing takes no time.
        self._device.synchronize()
        ending: list[PrefillChunk] = []
        last_tokens: list[int] = []
        end = 0
        for chunk, length in zip(chunks, lengths, strict=True):
            end += length
            if chunk.is_last:
                ending.append(chunk)
                last_tokens.append(end - 1)
        sampled: dict[PrefillChunk, SamplerOutput] = {}
        if ending:
            logits = self._head(hidden[last_tokens])
            first_tokens = self._sample(logits, [chunk.sequence for chunk in ending])
            sampled = dict(zip(ending, first_tokens, strict=True))
        # Committed at the end: a pass that raises may be repeated.
        for chunk in chunks:
            if chunk not in sampled or sampled[chunk].token_id is not None:
                chunk.commit()
        return [
            PrefillResult(chunk.sequence, length, sampled.get(chunk))
            for chunk, length in zip(chunks, lengths, strict=True)
        ]

    def _compute_chunks(self, chunks: list[PrefillChunk], lengths: list[int]) -> Tensor:
        """Write the chunks to their slots; return the hidden states of all their tokens."""
        ids = list(chain.from_iterable(chunk.ids for chunk in chunks))
        embeddings = self._embed_tokens(torch.tensor(ids, device=self._device.name))
        positions: list[Tensor] = []
        attentions: list[PrefillAttention] = []
        for chunk, part in zip(chunks, embeddings.split(lengths), strict=True):
            sequence, prompt = chunk.sequence, chunk.prompt
            self._vision.merge_into(part, prompt.spans, sequence.features, chunk.start)
            positions.append(prompt.positions[:, chunk.start : chunk.end])
            attentions.append(PrefillAttention(self.cache, sequence.slot, chunk.start, chunk.end))
        return self._text(
            embeddings,
            torch.cat(positions, 1).to(self._device.name),
            PackedPrefillAttention(attentions),
        )

    def _embed_tokens(self, ids: Tensor) -> Tensor:
        return self.model.get_input_embeddings()(ids)
