"""Sessions: their owners, and the number of open connections."""

import pytest

from webui.access.refusal import Refusal
from webui.access.sessions import MAX_STREAMS_PER_VISITOR, Sessions
from webui.access.visitors import Visitor

ANN, BOB = Visitor("a" * 43), Visitor("b" * 43)


def test_a_session_belongs_to_its_first_visitor():
    sessions = Sessions()
    sessions.check(ANN, "s1")
    sessions.check(ANN, "s1")
    for visitor, session in ((BOB, "s1"), (ANN, ""), (ANN, None), (ANN, "x" * 65), (ANN, ["s1"])):
        with pytest.raises(Refusal):
            sessions.check(visitor, session)


def test_the_connections_of_a_visitor_are_bounded_and_released():
    sessions = Sessions()
    streams = [sessions.open_stream(ANN) for _ in range(MAX_STREAMS_PER_VISITOR)]
    for stream in streams:
        stream.__enter__()
    with (
        pytest.raises(Refusal, match=f"{MAX_STREAMS_PER_VISITOR} connections"),
        sessions.open_stream(ANN),
    ):
        pass
    with sessions.open_stream(BOB):
        pass
    streams[0].__exit__(None, None, None)
    with sessions.open_stream(ANN):
        pass
