"""ModelFamily: all that the engine asks about one kind of checkpoint.

A family is a folder beside this file that implements the protocol; families.py lists them. The
rest of the engine (cache, batching, sampling, loading, serving) is the same for every family.
This module imports no torch, so that the header of a checkpoint can be judged without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from webui.engine.prompt import IsAborted, Prompt, VisionSpan
from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.sequence import ControlIds
from webui.protocol import Message, ModelInfo
from webui.reasons import Reason

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Attention(Protocol):
    """Attention of all layers in one forward pass."""

    def __call__(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Store keys and values [tokens, kv_heads, head_dim] in the cache of `layer`.

        Return what the queries [tokens, heads, head_dim] attend to, [tokens, heads * head_dim].
        """
        ...


class AttentionBackend(Protocol):
    """The part of the KV cache that one forward pass writes to and attends to."""

    def prepare(self, dtype: torch.dtype) -> Attention:
        """Compute masks and indices once for all layers of a pass in `dtype`."""
        ...


class TextDecoder(Protocol):
    """The decoder layers and the final norm of a language model."""

    def __call__(self, hidden: Tensor, positions: Tensor, backend: AttentionBackend) -> Tensor:
        """Return hidden states of embeddings, both [tokens, hidden], at `positions` [3, tokens].

        The three rows are time, row and column of M-RoPE (arXiv:2409.12191), the same number for
        text. A family with plain RoPE reads the first row.
        """
        ...


class PromptBuilder(Protocol):
    """Turns messages into prompts. Safe to call from several threads."""

    def build(self, messages: Sequence[Message], is_aborted: IsAborted = ...) -> Prompt:
        """Raise ContextLengthError for messages that are much too long, before the work is done.

        Raise AbandonedError once `is_aborted` returns True.
        """
        ...


# Returns features [span.length, hidden] of each span. The result for a span must not depend on the
# others of the batch, because features are cached by the span's digest.
ImageEncoder = Callable[[Sequence[VisionSpan]], Sequence["Tensor"]]


@dataclass(frozen=True, slots=True)
class ModelParts:
    """A loaded model, taken apart for ModelRunner.

    `lm_head` maps hidden states [tokens, hidden] to logits [tokens, vocabulary].
    """

    decoder: TextDecoder
    lm_head: Callable[[Tensor], Tensor]
    encode_images: ImageEncoder
    prompts: PromptBuilder
    control: ControlIds


class ModelFamily(Protocol):
    """One kind of checkpoint, named by the model_type of its config.json.

    `whole_modules` are prefixes of modules that are never quantized. `tags` are the markers that
    its models write around thoughts and answers.
    """

    @property
    def model_type(self) -> str: ...
    @property
    def whole_modules(self) -> tuple[str, ...]: ...
    @property
    def tags(self) -> ReasoningTags: ...

    def model_class(self) -> Any:
        """Return the class of transformers that loads the weights."""
        ...

    def load_processor(self, folder: Path) -> Any:
        """Return the processor of a checkpoint: what `describe` and `take_apart` need.

        Its attribute `tokenizer` is a fast tokenizer of transformers.
        """
        ...

    def describe(self, known: ModelInfo, config: Any, processor: Any) -> ModelInfo:
        """Return `known` with the limits that the checkpoint's own files set."""
        ...

    def find_defect(
        self,
        config: Mapping[str, Any],
        shapes: Mapping[str, tuple[int, ...]],
        added_tokens: Mapping[str, int],
    ) -> Reason | None:
        """Return why the files of a checkpoint do not fit each other, or None.

        Called before any weight is read, with its config.json, the shapes of its tensors by name,
        and the ids of its tokenizer's added tokens.
        """
        ...

    def take_apart(self, model: Any, processor: Any, context_length: int) -> ModelParts:
        """Return the parts of a loaded model, for prompts and answers of `context_length` tokens.

        Weights may be moved into faster layouts; `model` itself must keep working.
        """
        ...

    def reference_logits(self, model: Any, prompt: Prompt, output_ids: Sequence[int]) -> Tensor:
        """Return the logits that transformers computes, [len(output_ids), vocabulary], float32.

        Row i belongs to output_ids[i], given the prompt and the output before it. The self-test
        compares them with the engine's.
        """
        ...
