"""Messages to a prompt: token ids, positions and picture patches, through the processor's chat template only.

Knows the processor, no device and no weights. Safe to call from several threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from webui.engine.models.glm4v.grids import Grids
from webui.engine.models.prompt_length import PromptLengthCheck
from webui.engine.prompt import IsAborted, Prompt, VisionSpan
from webui.errors import MixedMediaError
from webui.protocol import ImagePart, Message, VideoPart

if TYPE_CHECKING:
    from torch import Tensor

MILLISECONDS = 1000.0


class PromptBuilder:
    """Builds prompts with one processor for a context of so many tokens, an answer's first one included.

    `rope_index` is Glm4vModel.get_rope_index, of lists instead of tensors.
    """

    def __init__(
        self, processor: Any, rope_index: Callable[..., tuple[Any, Any]], context_length: int
    ) -> None:
        self._grids = Grids(processor.image_processor)
        self._processor = copy(processor)
        self._processor.image_processor = self._grids
        self._rope_index = rope_index
        tokenizer = processor.tokenizer
        # Every added token is a control token here, also those that the template does not write, such as </think>.
        tokenizer.chat_control_tokens = [
            token.content for token in tokenizer.added_tokens_decoder.values()
        ]
        self._lengths = PromptLengthCheck(processor, self._render, context_length - 1)

    def build(self, messages: Sequence[Message], is_aborted: IsAborted = lambda: False) -> Prompt:
        """Raises MixedMediaError for pictures and video in one conversation, and ContextLengthError before the work for
        one that is much too long. Gives up with AbandonedError once `is_aborted` returns True.
        """
        clips = [
            part for message in messages for part in message.parts if isinstance(part, VideoPart)
        ]
        pictures = [
            part for message in messages for part in message.parts if isinstance(part, ImagePart)
        ]
        if clips and pictures:
            raise MixedMediaError()
        self._lengths.check(messages, is_aborted)
        encoded = self._processor.apply_chat_template(
            [_turn(message) for message in messages],
            tokenize=True,
            return_dict=True,
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            processor_kwargs=_video_arguments(clips),
        )
        positions, offset = self._rope_index(
            encoded["input_ids"],
            mm_token_type_ids=encoded["mm_token_type_ids"],
            image_grid_thw=encoded.get("image_grid_thw"),
            video_grid_thw=encoded.get("video_grid_thw"),
        )
        ids = encoded["input_ids"][0]
        digests = [
            *(part.digest for part in pictures),
            *chain.from_iterable(clip.digests for clip in clips),
        ]
        cuts: list[Callable[[], Tensor]] = [
            partial(self._grids.cut, part.image) for part in pictures
        ]
        spans = tuple(_spans(encoded, digests, cuts or _pairs(encoded)))
        return Prompt(ids, _prefix_ids(ids, spans), positions[:, 0], int(offset), spans)

    def _render(self, messages: Sequence[Message]) -> str:
        """What the template writes, with what people typed as they typed it."""
        turns = [_turn(message) for message in messages]
        return self._processor.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )


def _turn(message: Message) -> dict[str, Any]:
    """One message as the template takes it; reasoning stays out. Only a user's turn holds pictures."""
    if message.role != "user":
        return {"role": message.role, "content": message.text}
    return {"role": "user", "content": [_content(part) for part in message.parts]}


def _content(part: str | ImagePart | VideoPart) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image", "image": part.image}
    if isinstance(part, VideoPart):
        return {"type": "video", "video": list(chain.from_iterable(part.pairs))}
    return {"type": "text", "text": part}


def _video_arguments(clips: Sequence[VideoPart]) -> dict[str, Any]:
    """Without metadata the processor stamps frames at 24 a second: the true times go in as milliseconds."""
    if not clips:
        return {}
    metadata = []
    for clip in clips:
        indices = [round(second * MILLISECONDS) for second in clip.timestamps]
        indices += indices[-1:] if len(indices) % 2 else []
        metadata.append(
            {"total_num_frames": indices[-1] + 1, "fps": MILLISECONDS, "frames_indices": indices}
        )
    return {"videos_kwargs": {"do_sample_frames": False, "video_metadata": [metadata]}}


def _shapes(encoded: Any) -> list[tuple[int, int]]:
    """(rows, columns) of patches of each picture or pair of frames."""
    grids = encoded.get("image_grid_thw", encoded.get("video_grid_thw"))
    return (
        []
        if grids is None
        else [(rows, columns) for times, rows, columns in grids.tolist() for _ in range(times)]
    )


def _pairs(encoded: Any) -> list[Callable[[], Tensor]]:
    """The patches of each pair of frames: the video processor has cut them already, whoever asks."""
    pixels = encoded.get("pixel_values_videos", ())
    pairs = (
        pixels.split([rows * columns for rows, columns in _shapes(encoded)]) if len(pixels) else ()
    )
    return [pair.contiguous for pair in pairs]


def _spans(
    encoded: Any, digests: list[str], cuts: list[Callable[[], Tensor]]
) -> Iterator[VisionSpan]:
    """One span for each run of visual tokens, in the order of the digests."""
    kinds = encoded["mm_token_type_ids"][0]
    units = zip(digests, _shapes(encoded), cuts, strict=True)
    start = 0
    for visual, group in groupby(kinds, bool):
        length = len(list(group))
        if visual:
            digest, shape, cut = next(units)
            yield VisionSpan(start, length, digest, (1, *shape), cut)
        start += length


def _prefix_ids(ids: list[int], spans: Sequence[VisionSpan]) -> list[int]:
    prefix_ids = list(ids)
    for span in spans:
        first = int(span.digest, 16)
        # Negative, so that no visual token is ever taken for a text token.
        prefix_ids[span.start : span.end] = range(-first - span.length, -first)
    return prefix_ids
