"""Sessions: the visitor of each open page, and the connections that a visitor keeps open."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from webui.access.refusal import Refusal
from webui.access.visitors import Visitor

MAX_NAME_LENGTH = 64
MAX_SESSIONS = 100_000
# A page keeps one connection open, and a second while it answers.
MAX_STREAMS_PER_VISITOR = 32
MAX_STREAMS = 4096


class Sessions:
    """The owner of each session: the first visitor that uses its random hash.

    Gradio lets every client that knows the hash of a page read its events, stop them, and use its
    state.
    """

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._streams: Counter[str] = Counter()

    def check(self, visitor: Visitor, session: object) -> None:
        """Raise Refusal for a session of another visitor."""
        if not isinstance(session, str) or not 0 < len(session) <= MAX_NAME_LENGTH:
            raise Refusal(400, "no_session", "The request names no session. Load the page first.")
        if self._owners.setdefault(session, visitor.id) != visitor.id:
            reason = "This session belongs to another browser. Load the page again."
            raise Refusal(403, "foreign_session", reason)
        self._owners.move_to_end(session)
        while len(self._owners) > MAX_SESSIONS:
            self._owners.popitem(last=False)

    @contextmanager
    def open_stream(self, visitor: Visitor) -> Iterator[None]:
        """Count an open connection. Raises Refusal beyond the limit and without a cookie."""
        if visitor.fresh:
            reason = "Load the page first: this connection brings no cookie of it."
            raise Refusal(403, "no_cookie", reason)
        is_full = self._streams.total() >= MAX_STREAMS
        if is_full or self._streams[visitor.id] >= MAX_STREAMS_PER_VISITOR:
            reason = (
                f"{MAX_STREAMS_PER_VISITOR} connections are open already. "
                "Close some pages, and load this one again."
            )
            raise Refusal(429, "too_many_connections", reason, retry_after_s=10)
        self._streams[visitor.id] += 1
        try:
            yield
        finally:
            self._streams[visitor.id] -= 1
            if not self._streams[visitor.id]:
                del self._streams[visitor.id]
