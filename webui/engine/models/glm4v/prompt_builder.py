"""Build prompts of Glm4v: token ids, positions and image spans, by the processor's chat template.

Knows the processor, and neither device nor weights. Safe to call from several threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from itertools import chain, groupby
from typing import Any

import torch
from torch import Tensor

from webui.engine.models.glm4v.grids import GridOnlyImageProcessor
from webui.engine.models.prompt_length import PromptLengthCheck
from webui.engine.prompt import IsAborted, Prompt, VisionSpan
from webui.errors import MixedMediaError
from webui.protocol import ImagePart, Message, VideoPart

MILLISECONDS = 1000.0
# Computes the patches of one image or pair of frames.
Cut = Callable[[], Tensor]
# Glm4vModel.get_rope_index: positions [3, 1, tokens], and the offset [1, 1] of what follows.
RopeIndex = Callable[..., tuple[Tensor, Tensor]]


class PromptBuilder:
    """Builds prompts with one processor.

    `context_length` counts tokens of the prompt and at least one of the answer.
    """

    def __init__(self, processor: Any, rope_index: RopeIndex, context_length: int) -> None:
        self._grids = GridOnlyImageProcessor(processor.image_processor)
        self._processor = copy(processor)
        self._processor.image_processor = self._grids
        self._rope_index = rope_index
        tokenizer = processor.tokenizer
        # The processor escapes these where users type them. Every added token is one here, also
        # those that the template never writes, such as </think>.
        tokenizer.chat_control_tokens = [
            token.content for token in tokenizer.added_tokens_decoder.values()
        ]
        self._length_check = PromptLengthCheck(processor, self._render, context_length - 1)

    def build(self, messages: Sequence[Message], is_aborted: IsAborted = lambda: False) -> Prompt:
        """Return the prompt of a conversation.

        Raises MixedMediaError for images and video in one conversation, which Glm4v was not
        trained on, ContextLengthError for messages that are much too long, before the work is
        done, and AbandonedError once `is_aborted` returns True.
        """
        videos, images = _media(messages)
        if videos and images:
            raise MixedMediaError()
        self._length_check.check(messages, is_aborted)
        encoded = self._processor.apply_chat_template(
            [_template_message(message) for message in messages],
            tokenize=True,
            return_dict=True,
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            processor_kwargs=_video_arguments(videos),
        )
        positions, offset = self._positions(encoded)
        ids = encoded["input_ids"][0]
        if videos:
            digests = list(chain.from_iterable(video.digests for video in videos))
            cuts = _frame_pair_cuts(encoded)
        else:
            digests = [part.digest for part in images]
            cuts = [partial(self._grids.patches, part.image) for part in images]
        spans = tuple(_vision_spans(encoded, digests, cuts))
        return Prompt(ids, _prefix_ids(ids, spans), positions, offset, spans)

    def _positions(self, encoded: Any) -> tuple[Tensor, int]:
        """Return M-RoPE positions [3, tokens], and the offset from index to position after them.

        An image takes many tokens and advances the position only by its longer side, so that text
        after it has a smaller position than index.
        """
        positions, offset = self._rope_index(
            torch.tensor(encoded["input_ids"]),
            mm_token_type_ids=torch.tensor(encoded["mm_token_type_ids"]),
            image_grid_thw=encoded.get("image_grid_thw"),
            video_grid_thw=encoded.get("video_grid_thw"),
        )
        return positions[:, 0], int(offset)

    def _render(self, messages: Sequence[Message]) -> str:
        """Return the text of the template, without escaping what users typed."""
        template_messages = [_template_message(message) for message in messages]
        return self._processor.apply_chat_template(
            template_messages, tokenize=False, add_generation_prompt=True
        )


def _media(messages: Sequence[Message]) -> tuple[list[VideoPart], list[ImagePart]]:
    parts = list(chain.from_iterable(message.parts for message in messages))
    videos = [part for part in parts if isinstance(part, VideoPart)]
    return videos, [part for part in parts if isinstance(part, ImagePart)]


def _template_message(message: Message) -> dict[str, Any]:
    """Return a message in the form of the chat template, without its reasoning.

    Only the messages of users hold images.
    """
    if message.role != "user":
        return {"role": message.role, "content": message.text}
    return {"role": "user", "content": [_template_content(part) for part in message.parts]}


def _template_content(part: str | ImagePart | VideoPart) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image", "image": part.image}
    if isinstance(part, VideoPart):
        return {"type": "video", "video": list(chain.from_iterable(part.pairs))}
    return {"type": "text", "text": part}


def _video_arguments(videos: Sequence[VideoPart]) -> dict[str, Any]:
    """Return the arguments that let the processor write true timestamps, in milliseconds.

    The processor divides frame indices by the frame rate, and assumes 24 frames a second for
    videos without metadata.
    """
    if not videos:
        return {}
    metadata = []
    for video in videos:
        indices = [round(timestamp * MILLISECONDS) for timestamp in video.timestamps]
        if len(indices) % 2:
            indices.append(indices[-1])
        metadata.append(
            {"total_num_frames": indices[-1] + 1, "fps": MILLISECONDS, "frames_indices": indices}
        )
    return {"videos_kwargs": {"do_sample_frames": False, "video_metadata": [metadata]}}


def _grid_shapes(encoded: Any) -> list[tuple[int, int]]:
    """Return (rows, columns) of patches of each image or pair of frames."""
    grids = encoded.get("image_grid_thw", encoded.get("video_grid_thw"))
    shapes: list[tuple[int, int]] = []
    for times, rows, columns in () if grids is None else grids.tolist():
        shapes += [(rows, columns)] * times
    return shapes


def _frame_pair_cuts(encoded: Any) -> list[Cut]:
    """Return the patches of each pair of frames, which the video processor has computed already."""
    sizes = [rows * columns for rows, columns in _grid_shapes(encoded)]
    return [pair.contiguous for pair in encoded["pixel_values_videos"].split(sizes)]


def _vision_spans(encoded: Any, digests: Sequence[str], cuts: Sequence[Cut]) -> list[VisionSpan]:
    """Return one span for each run of image tokens, in the order of the digests."""
    images = zip(digests, _grid_shapes(encoded), cuts, strict=True)
    spans = []
    start = 0
    for is_vision, run in groupby(encoded["mm_token_type_ids"][0], bool):
        length = len(list(run))
        if is_vision:
            digest, shape, cut = next(images)
            spans.append(VisionSpan(start, length, digest, (1, *shape), cut))
        start += length
    return spans


def _prefix_ids(ids: list[int], spans: Sequence[VisionSpan]) -> list[int]:
    """Return the ids with those of image tokens replaced by numbers derived from the pixels.

    All image tokens have the same id, so that two images would look alike to the cache. The
    numbers are negative, so that none equals the id of a text token.
    """
    prefix_ids = list(ids)
    for span in spans:
        number = int(span.digest, 16)
        prefix_ids[span.start : span.end] = range(-number - span.length, -number)
    return prefix_ids
