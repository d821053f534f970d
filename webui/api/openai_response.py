"""Deltas to OpenAI's responses: one chat completion, or its chunks. Knows no HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from webui.errors import EngineStoppedError
from webui.protocol import Delta, FinishReason, Usage

COMPLETION, CHUNK = "chat.completion", "chat.completion.chunk"


@dataclass(frozen=True, slots=True)
class ChatCompletion:
    """The values that all chunks of one completion share.

    `include_usage` is true if the client asked for usage in the stream.
    """

    id: str
    model_name: str
    include_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def first_chunk(self) -> dict[str, Any]:
        return self._chunk({"role": "assistant", "content": ""})

    def chunks(self, delta: Delta) -> Iterator[dict[str, Any]]:
        """Yield the chunks of a delta, which may be none.

        Raises EngineStoppedError if the request was aborted on the server's side.
        """
        if delta.reasoning:
            yield self._chunk({"reasoning_content": delta.reasoning})
        if delta.content:
            yield self._chunk({"content": delta.content})
        if delta.finish_reason is not None:
            yield self._chunk({}, checked_reason(delta.finish_reason))
        if delta.usage is not None and self.include_usage:
            yield self._envelope(CHUNK) | {"choices": [], "usage": usage_dict(delta.usage)}

    def complete(self, deltas: list[Delta]) -> dict[str, Any]:
        """Return the whole completion."""
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
            "finish_reason": checked_reason(last.finish_reason),
        }
        usage = usage_dict(last.usage or Usage(0, 0))
        return self._envelope(COMPLETION) | {"choices": [choice], "usage": usage}

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self.include_usage else {}
        return self._envelope(CHUNK) | {"choices": [choice], **usage}

    def _envelope(self, object_type: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.id}",
            "object": object_type,
            "created": self.created,
            "model": self.model_name,
        }


def checked_reason(reason: FinishReason | None) -> str:
    """Return the finish reason. Raises EngineStoppedError for an abort.

    A client that still reads did not abort its request itself.
    """
    if reason is None or reason == "abort":
        raise EngineStoppedError(reason="the request was ended")
    return reason


def usage_dict(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
