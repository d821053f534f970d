"""OutputStream: carries the outputs of one request to its reader and turns them into deltas.

Text is made on the reader's event loop. The worker handles token ids only and spends no time on
text, and a slow reader gets several tokens in one delta.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

from webui.engine.reasoning.parser import ReasoningParser
from webui.engine.reasoning.tags import ReasoningTags
from webui.protocol import Delta, FinishReason, Progress, Usage

# No character of UTF-8 has more bytes than 4, and no byte takes more than one token. More pending
# tokens than this are not the beginning of a character and never will be one.
MAX_PENDING_TOKENS = 8


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What one step produced for one request: a token, progress, the end, or an error."""

    token_id: int | None = None
    progress: Progress | None = None
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    error: BaseException | None = None


class Detokenizer:
    """Turns token ids into text as they arrive, holding back characters that are incomplete."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._start_decoder()

    def decode_tokens(self, token_ids: Iterable[int]) -> str:
        """Return the text that these tokens complete."""
        texts = []
        for token_id in token_ids:
            self._pending.append(token_id)
            # One id a call: given several, DecodeStream holds back whole characters together with
            # the incomplete one after them.
            text = self._decoder.step(self._tokenizer, token_id)
            if text is not None:
                self._pending.clear()
                texts.append(text)
            elif len(self._pending) > MAX_PENDING_TOKENS:
                texts.append(self.flush_pending())
        return "".join(texts)

    def flush_pending(self) -> str:
        """Return the text of the pending tokens, with U+FFFD for incomplete characters."""
        text = self._tokenizer.decode(self._pending, skip_special_tokens=False)
        self._start_decoder()
        return text

    def _start_decoder(self) -> None:
        self._decoder = DecodeStream([], skip_special_tokens=False)
        self._pending: list[int] = []


class OutputStream:
    """The outputs of one request. Create it on the event loop that reads it."""

    def __init__(self, tokenizer: Tokenizer, tags: ReasoningTags) -> None:
        self.loop = asyncio.get_running_loop()
        self.is_finished = False
        self._outputs: asyncio.Queue[StepOutput] = asyncio.Queue()
        self._detokenizer, self._parser = Detokenizer(tokenizer), ReasoningParser(tags)
        self._error: BaseException | None = None

    def put_output(self, output: StepOutput) -> None:
        """Add an output. Call it on `loop`."""
        self._outputs.put_nowait(output)

    async def next_delta(self) -> Delta:
        """Wait for an output, and return the text of all that have arrived by then.

        The last delta carries the finish reason. Raises the request's error in its place, after the
        text that came before the error has been returned.
        """
        if self._error is not None:
            raise self._error
        outputs = [await self._outputs.get()]
        while not self._outputs.empty():
            outputs.append(self._outputs.get_nowait())
        last = outputs[-1]
        token_ids = [output.token_id for output in outputs if output.token_id is not None]
        delta = self._parser.feed(self._detokenizer.decode_tokens(token_ids))
        self._error, self.is_finished = last.error, last.finish_reason is not None
        if self._error is not None or self.is_finished:
            tail = self._parser.feed(self._detokenizer.flush_pending())
            delta = join_deltas(delta, tail, self._parser.close())
        return replace(
            delta, progress=last.progress, finish_reason=last.finish_reason, usage=last.usage
        )


def join_deltas(*deltas: Delta) -> Delta:
    """Return one delta with the texts of all."""
    return Delta(
        "".join(delta.reasoning for delta in deltas), "".join(delta.content for delta in deltas)
    )
