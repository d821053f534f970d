import asyncio

from fakes import FakeEngine

from webui.ui.page_sessions import PageSessions


def test_one_column_answers_one_question_at_a_time():
    sessions = PageSessions(FakeEngine())
    assert sessions.begin_generation("ann", "pdf") is not None
    assert sessions.begin_generation("ann", "pdf") is None
    assert sessions.begin_generation("ann", "chat") is not None
    assert sessions.begin_generation("bob", "pdf") is not None


def test_stop_reaches_only_ones_own():
    engine = FakeEngine()
    sessions = PageSessions(engine)
    mine, theirs = sessions.begin_generation("ann", "pdf"), sessions.begin_generation("bob", "pdf")
    sessions.stop_generation("ann", "pdf")
    assert engine.aborted == {mine.request_id}
    assert not theirs.stopped


def test_leaving_stops_all_of_ones_own():
    engine = FakeEngine()
    sessions = PageSessions(engine)
    mine = {sessions.begin_generation("ann", tab).request_id for tab in ("pdf", "chat")}
    sessions.begin_generation("bob", "pdf")
    sessions.end_session("ann")
    assert engine.aborted == mine


def test_a_chosen_language_is_newer_than_what_a_browser_tells():
    sessions = PageSessions(FakeEngine())
    assert sessions.language("ann", "en") == "en"
    sessions.set_language("ann", "zh")
    assert (sessions.language("ann", "en"), sessions.language("bob", "en")) == ("zh", "en")
    sessions.end_session("ann")
    assert sessions.language("ann", "en") == "en"


def test_answer_now_reaches_only_ones_own():
    engine = FakeEngine()
    sessions = PageSessions(engine)
    mine, theirs = sessions.begin_generation("ann", "pdf"), sessions.begin_generation("bob", "pdf")
    sessions.request_answer_now("ann", "pdf")
    sessions.request_answer_now("ann", "chat")
    assert engine.answer_now_requested == {mine.request_id}
    assert (mine.answer_now_requested, theirs.answer_now_requested) == (True, False)


async def test_discard_waits_until_the_end():
    sessions = PageSessions(FakeEngine())
    generation = sessions.begin_generation("ann", "pdf")
    waiting = asyncio.ensure_future(sessions.discard_generation("ann", "pdf"))
    await asyncio.sleep(0)
    assert generation.discarded
    assert not waiting.done()
    sessions.end_generation("ann", "pdf")
    await waiting
    assert not sessions.is_generating("ann", "pdf")


def test_stopping_what_does_not_run_is_nothing():
    engine = FakeEngine()
    PageSessions(engine).stop_generation("ann", "pdf")
    assert engine.aborted == set()
