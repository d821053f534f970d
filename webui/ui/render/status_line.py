"""The line above the message box: the phase with its number; and the statistics of an answer."""

from __future__ import annotations

from html import escape

from webui.protocol import Progress, Usage
from webui.ui.conversation import Turn
from webui.ui.i18n.strings import Strings, file_size


def phase_number(
    progress: Progress, strings: Strings, seconds: float, tokens_per_s: float = 0.0
) -> str:
    """Return the number that belongs to a phase which has lasted for `seconds`."""
    done, total = progress.done, progress.total
    if progress.phase == "queued":
        return strings("ahead", count=done) if done else strings("next")
    if progress.phase == "thinking":
        return strings.seconds(seconds)
    if progress.phase == "answering":
        if tokens_per_s:
            return strings("speed", rate=f"{tokens_per_s:.0f}")
        return strings.tokens(done)
    if not total:
        return strings.seconds(seconds)
    if progress.phase == "prefill":
        return f"{min(done / total, 1):.0%}"
    if progress.phase == "loading":
        return strings("of", done=file_size(done), total=file_size(total))
    return strings("of", done=done, total=total)


def phase_html(words: str, number: str = "") -> str:
    """Return the phase line. Screen readers hear `data-phase`, without the changing number."""
    separator = ": " if number else ""
    return (
        f'<div class="phase" data-phase="{escape(words)}"><i></i>'
        f"<span>{escape(words)}{separator}<b>{escape(number)}</b></span></div>"
    )


def ended_html(words: str) -> str:
    """Return the phase line of an answer that has ended, which shows nothing.

    Screen readers hear the words, and the window's title has them while it is in the background.
    """
    return f'<div data-phase="{escape(words)}" data-ended hidden></div>'


def turn_stats(turn: Turn, strings: Strings) -> str:
    """Return for example "31 tok/s · first token 0.4 s · 512 tokens".

    What cut the answer or the thought short comes first.
    """
    texts: list[str] = []
    if turn.finish_reason == "abort":
        texts.append(strings("stopped"))
    if turn.usage is not None and turn.usage.completion_tokens:
        texts += thought_cut_texts(turn.usage, strings)
        if turn.finish_reason == "length":
            texts.append(strings("length", limit=f"{turn.usage.completion_tokens:,}"))
        if turn.tokens_per_s:
            texts.append(strings("speed", rate=f"{turn.tokens_per_s:.0f}"))
        texts.append(strings("first_token", seconds=strings.seconds(turn.first_token_s)))
        texts.append(strings.tokens(turn.usage.completion_tokens))
    return " · ".join(texts)


def thought_cut_texts(usage: Usage, strings: Strings) -> list[str]:
    """Return what ended the thought, [] if the model did."""
    if not usage.thought_cut:
        return []
    if usage.thought_cut == "budget" and not usage.reasoning_tokens:
        return [strings("no_thought")]
    return [strings(f"cut_{usage.thought_cut}", count=f"{usage.reasoning_tokens:,}")]
