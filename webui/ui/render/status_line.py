"""The one line that says what is going on, with its number, and the line of figures under an answer."""

from __future__ import annotations

from html import escape

from webui.protocol import Progress, Usage
from webui.ui.conversation import Turn
from webui.ui.i18n.strings import Strings, file_size


def phase_number(
    progress: Progress, strings: Strings, seconds: float, tokens_per_s: float = 0.0
) -> str:
    """The number that belongs to a phase, "" if there is none yet."""
    done, total = progress.done, progress.total
    if progress.phase == "queued":
        return strings("ahead", count=done) if done else strings("next")
    if progress.phase == "thinking":
        return strings.seconds(seconds)
    if progress.phase == "answering":
        return (
            strings("speed", rate=f"{tokens_per_s:.0f}") if tokens_per_s else strings.tokens(done)
        )
    if not total:
        return strings.seconds(seconds)
    if progress.phase == "prefill":
        return f"{min(done / total, 1):.0%}"
    if progress.phase == "loading":
        return strings("of", done=file_size(done), total=file_size(total))
    return strings("of", done=done, total=total)


def phase_html(words: str, number: str = "") -> str:
    """Shown above the composer. `data-phase` is what a screen reader hears: the phase, not each tick of the number."""
    separator = ": " if number else ""
    return (
        f'<div class="phase" data-phase="{escape(words)}"><i></i>'
        f"<span>{escape(words)}{separator}<b>{escape(number)}</b></span></div>"
    )


def stats(turn: Turn, strings: Strings) -> str:
    """ "31 tok/s · first token 0.4 s · 512 tokens"; what cut it short comes first."""
    figures: list[str] = []
    if turn.finish_reason == "abort":
        figures.append(strings("stopped"))
    if turn.usage is not None and turn.usage.completion_tokens:
        figures += thought_cut(turn.usage, strings)
        if turn.finish_reason == "length":
            figures.append(strings("length", limit=f"{turn.usage.completion_tokens:,}"))
        if turn.tokens_per_s:
            figures.append(strings("speed", rate=f"{turn.tokens_per_s:.0f}"))
        figures.append(strings("first_token", seconds=strings.seconds(turn.first_token_s)))
        figures.append(strings.tokens(turn.usage.completion_tokens))
    return " · ".join(figures)


def thought_cut(usage: Usage, strings: Strings) -> list[str]:
    """What ended the thought, unless it was the model itself."""
    if usage.thought_cut == "budget" and not usage.reasoning_tokens:
        return [strings("no_thought")]
    return (
        [strings(f"cut_{usage.thought_cut}", count=f"{usage.reasoning_tokens:,}")]
        if usage.thought_cut
        else []
    )
