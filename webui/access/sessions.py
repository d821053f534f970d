"""Sessions: which visitor each open page belongs to, and how many connections a visitor keeps open."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from webui.access.refusal import Refusal
from webui.access.visitors import Visitor

LONGEST_NAME = 64
MOST_SESSIONS = 100_000
# A page keeps one connection open, and a second while it answers.
MOST_STREAMS = 32
MOST_STREAMS_IN_ALL = 4096


class Sessions:
    """A page names itself by a random session hash; the visitor who uses one first has it.

    Gradio lets anybody who knows a hash read that page's events, stop them and use its state.
    """

    def __init__(self) -> None:
        self._visitors: OrderedDict[str, str] = OrderedDict()
        self._streams: Counter[str] = Counter()

    def check(self, visitor: Visitor, session: object) -> None:
        """Raise Refusal for a session of another visitor."""
        if not isinstance(session, str) or not 0 < len(session) <= LONGEST_NAME:
            raise Refusal(400, "no_session", "The request names no session. Load the page first.")
        if self._visitors.setdefault(session, visitor.id) != visitor.id:
            raise Refusal(
                403,
                "foreign_session",
                "This session belongs to another browser. Load the page again.",
            )
        self._visitors.move_to_end(session)
        while len(self._visitors) > MOST_SESSIONS:
            self._visitors.popitem(last=False)

    @contextmanager
    def stream(self, visitor: Visitor) -> Iterator[None]:
        """Count an open connection. Raises Refusal beyond the limit, and for a visitor without a cookie."""
        if visitor.fresh:
            raise Refusal(
                403, "no_cookie", "Load the page first: this connection brings no cookie of it."
            )
        if (
            self._streams[visitor.id] >= MOST_STREAMS
            or self._streams.total() >= MOST_STREAMS_IN_ALL
        ):
            reason = f"{MOST_STREAMS} connections are open already. Close some pages, and load this one again."
            raise Refusal(429, "too_many_connections", reason, retry_after_s=10)
        self._streams[visitor.id] += 1
        try:
            yield
        finally:
            self._streams[visitor.id] -= 1
            if not self._streams[visitor.id]:
                del self._streams[visitor.id]
