"""Deltas to what OpenAI's clients read: one completion, or the chunks of one. Knows no web."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from webui.errors import EngineStoppedError
from webui.protocol import Delta, FinishReason, Usage


@dataclass(frozen=True, slots=True)
class Answer:
    """What all chunks of one answer share. `counted` tells whether the client asked for usage in the stream."""

    id: str
    model: str
    counted: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def opening(self) -> dict[str, Any]:
        return self._chunk({"role": "assistant", "content": ""})

    def chunks(self, delta: Delta) -> Iterator[dict[str, Any]]:
        """None, one or several. Raises EngineStoppedError if the request was ended from elsewhere."""
        if delta.reasoning:
            yield self._chunk({"reasoning_content": delta.reasoning})
        if delta.content:
            yield self._chunk({"content": delta.content})
        if delta.finish_reason is not None:
            yield self._chunk({}, finished(delta.finish_reason))
        if delta.usage is not None and self.counted:
            yield self._head("chat.completion.chunk") | {
                "choices": [],
                "usage": counts(delta.usage),
            }

    def whole(self, deltas: list[Delta]) -> dict[str, Any]:
        """The completion that these deltas make."""
        last = deltas[-1]
        message = {
            "role": "assistant",
            "content": "".join(delta.content for delta in deltas),
            "reasoning_content": "".join(delta.reasoning for delta in deltas),
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": finished(last.finish_reason),
        }
        return self._head("chat.completion") | {
            "choices": [choice],
            "usage": counts(last.usage or Usage(0, 0)),
        }

    def _chunk(self, delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self.counted else {}
        return self._head("chat.completion.chunk") | {"choices": [choice], **usage}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
        }


def finished(reason: FinishReason | None) -> str:
    """A client that still listens did not end its request itself."""
    if reason is None or reason == "abort":
        raise EngineStoppedError(reason="the request was ended")
    return reason


def counts(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
