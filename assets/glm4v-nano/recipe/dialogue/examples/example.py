"""A training or evaluation example, and the parts of a conversation. Knows no tokens, no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from recipe.dialogue.questions.chitchat import SYSTEM_PROMPTS
from recipe.dialogue.replies.reply import Reply
from recipe.drawing.scenes import Item
from recipe.rng import Rng
from recipe.vocabulary import Language

Message = dict[str, Any]
Exchange = tuple[str, str]  # a question and its answer

MILLISECONDS = 1000.0
EARLIER_EXCHANGES = (1, 1, 2, 3)  # how many a follow-up question has before it


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation that ends with a user message, and the right reply.

    `messages` have the form that the chat template takes. `seconds` are the times of the frames
    of a video. `item` is the object that the question is about, if it is about one.
    """

    topic: str
    language: Language
    messages: list[Message]
    reply: Reply
    seconds: tuple[float, ...] = ()
    item: Item | None = None

    @property
    def processor_arguments(self) -> dict[str, Any]:
        """Arguments that give the processor the true times of the frames; none for pictures."""
        if not self.seconds:
            return {}
        # At 1,000 frames per second, the index of a frame is its time in milliseconds.
        indices = [round(second * MILLISECONDS) for second in self.seconds]
        metadata = {
            "total_num_frames": indices[-1] + 1,
            "fps": MILLISECONDS,
            "frames_indices": indices,
        }
        return {"videos_kwargs": {"do_sample_frames": False, "video_metadata": [[metadata]]}}


def random_system_prompt(rng: Rng) -> list[Message]:
    """Return a list of one system message, or an empty list for most conversations."""
    if rng.chance(0.12):
        return [{"role": "system", "content": rng.choice(SYSTEM_PROMPTS)}]
    return []


def random_exchanges(rng: Rng, probability: float, make: Callable[[], Exchange]) -> list[Exchange]:
    """Return one to three exchanges that `make` returns, with the given probability; else none."""
    if not rng.chance(probability):
        return []
    return [make() for _ in range(rng.choice(EARLIER_EXCHANGES))]


def build_conversation(
    system: list[Message],
    media: list[dict[str, Any]],
    question: str,
    earlier: Sequence[Exchange] = (),
) -> list[Message]:
    """Return the messages of a conversation that ends with `question`.

    The media stand before the first question, whether that is an earlier one or the last.
    """
    messages: list[Message] = []
    for earlier_question, answer in earlier:
        messages.append({"role": "user", "content": earlier_question})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": question})
    messages[0]["content"] = [*media, {"type": "text", "text": messages[0]["content"]}]
    return [*system, *messages]
