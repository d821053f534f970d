import asyncio

from fakes import FakeEngine

from webui.ui.page_sessions import PageSessions


def test_a_tab_answers_one_question_at_a_time():
    sessions = PageSessions(FakeEngine())
    assert sessions.begin_generation("ann", "pdf") is not None
    assert sessions.begin_generation("ann", "pdf") is None
    assert sessions.begin_generation("ann", "chat") is not None
    assert sessions.begin_generation("bob", "pdf") is not None


def test_stop_reaches_only_the_users_own_answer():
    engine = FakeEngine()
    sessions = PageSessions(engine)
    mine, theirs = sessions.begin_generation("ann", "pdf"), sessions.begin_generation("bob", "pdf")
    sessions.stop_generation("ann", "pdf")
    assert engine.aborted == {mine.request_id}
    assert not theirs.stopped


def test_the_end_of_a_session_stops_all_its_answers():
    engine = FakeEngine()
    sessions = PageSessions(engine)
    mine = {sessions.begin_generation("ann", tab).request_id for tab in ("pdf", "chat")}
    sessions.begin_generation("bob", "pdf")
    sessions.end_session("ann")
    assert engine.aborted == mine


def test_the_chosen_language_wins_over_the_one_sent_along():
    sessions = PageSessions(FakeEngine())
    assert sessions.language("ann", "en") == "en"
    sessions.set_language("ann", "zh")
    assert (sessions.language("ann", "en"), sessions.language("bob", "en")) == ("zh", "en")
    sessions.end_session("ann")
    assert sessions.language("ann", "en") == "en"


def test_answer_now_reaches_only_the_users_own_answer():
    engine = FakeEngine()
    sessions = PageSessions(engine)
    mine, theirs = sessions.begin_generation("ann", "pdf"), sessions.begin_generation("bob", "pdf")
    sessions.request_answer_now("ann", "pdf")
    sessions.request_answer_now("ann", "chat")
    assert engine.answer_now_requested == {mine.request_id}
    assert (mine.answer_now_requested, theirs.answer_now_requested) == (True, False)


async def test_discarding_waits_until_the_generation_ends():
    sessions = PageSessions(FakeEngine())
    generation = sessions.begin_generation("ann", "pdf")
    waiting = asyncio.ensure_future(sessions.discard_generation("ann", "pdf"))
    await asyncio.sleep(0)
    assert generation.discarded
    assert not waiting.done()
    sessions.end_generation("ann", "pdf")
    await waiting
    assert not sessions.is_generating("ann", "pdf")


def test_stopping_without_a_generation_does_nothing():
    engine = FakeEngine()
    PageSessions(engine).stop_generation("ann", "pdf")
    assert engine.aborted == set()
