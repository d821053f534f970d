"""model.generate for each request, in threads or in turn: the baselines of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from threading import Thread
from time import perf_counter
from typing import Any

import torch
from transformers import TextIteratorStreamer

from bench.prompts import about_picture
from webui.engine.loading.loader import LoadedRunner
from webui.engine.models.glm4v.control_tokens import TAGS
from webui.engine.reasoning.parser import ReasoningParser
from webui.engine.serving.output_stream import join_deltas
from webui.protocol import ImagePart, Message


@dataclass(slots=True)
class Answer:
    """The times of one answer's tokens, in seconds since all were requested, and its text."""

    times: list[float] = field(default_factory=list)
    tokens: int = 0
    text: tuple[str, str] = ("", "")

    @property
    def first_s(self) -> float:
        return self.times[0] if self.times else inf

    @property
    def last_s(self) -> float:
        return self.times[-1] if self.times else inf


# Read before the product reserves a core: callers of model.generate use torch's own default.
TORCH_THREADS = torch.get_num_threads()


@contextmanager
def as_it_comes(loaded: LoadedRunner) -> Iterator[None]:
    """Undo what the engine changes: torch's thread count and the convolutions of the vision tower.

    The thread count applies to this thread and to those that start within the block.
    """
    before, tower = torch.get_num_threads(), loaded.runner.model.model.visual
    ours = {
        convolution: vars(convolution).pop("forward")
        for convolution in (tower.patch_embed.proj, tower.downsample)
    }
    torch.set_num_threads(TORCH_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        for convolution, forward in ours.items():
            convolution.forward = forward


class StampedStreamer(TextIteratorStreamer):
    """Records each token and its time. The first call brings the prompt."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=False)
        self.ids: list[int] = []
        self.times: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        if not self.next_tokens_are_prompt:
            self.ids += value.tolist()
            self.times.append(perf_counter())
        super().put(value)


def in_threads(loaded: LoadedRunner, numbers: list[int], tokens: int) -> list[Answer]:
    """Answer all at once, in a thread with a streamer each, as the original demo does."""
    answers = [Answer() for _ in numbers]
    start = perf_counter()

    def person(place: int) -> None:
        streamer = StampedStreamer(loaded.runner.processor.tokenizer)
        thread = Thread(
            target=_generate, args=(loaded, about_picture(numbers[place]), tokens, streamer)
        )
        thread.start()
        for _ in streamer:
            pass
        thread.join()
        answers[place] = _answer(loaded, streamer, start)

    threads = [Thread(target=person, args=(place,)) for place in range(len(numbers))]
    with as_it_comes(loaded):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return answers


def in_turn(loaded: LoadedRunner, numbers: list[int], tokens: int) -> list[Answer]:
    """Answer one after the other; all are requested at the start."""
    answers: list[Answer] = []
    start = perf_counter()

    def generate_all() -> None:
        for number in numbers:
            streamer = StampedStreamer(loaded.runner.processor.tokenizer)
            _generate(loaded, about_picture(number), tokens, streamer)
            answers.append(_answer(loaded, streamer, start))

    # In a thread of its own: torch's worker threads end with it, and would slow down the next way.
    thread = Thread(target=generate_all)
    with as_it_comes(loaded):
        thread.start()
        thread.join()
    return answers


def _generate(
    loaded: LoadedRunner, messages: tuple[Message, ...], tokens: int, streamer: StampedStreamer
) -> None:
    model, processor = loaded.runner.model, loaded.runner.processor
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": [_content(part) for part in messages[0].parts]}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    ).to(model.device)
    never = model.config.text_config.vocab_size
    try:
        model.generate(
            **inputs,
            max_new_tokens=tokens,
            do_sample=False,
            eos_token_id=never,
            pad_token_id=0,
            streamer=streamer,
        )
    finally:
        # Without this, the reader of a streamer whose generate failed would wait forever.
        streamer.end()


def _content(part: Any) -> dict[str, Any]:
    return (
        {"type": "image", "image": part.image}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": part}
    )


def _answer(loaded: LoadedRunner, streamer: StampedStreamer, start: float) -> Answer:
    parser = ReasoningParser(TAGS)
    text = join_deltas(
        parser.feed(loaded.runner.tokenizer.decode(streamer.ids, skip_special_tokens=False)),
        parser.close(),
    )
    times = [time - start for time in streamer.times]
    return Answer(times, len(streamer.ids), (text.reasoning, text.content))
