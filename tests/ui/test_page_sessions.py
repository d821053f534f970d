import asyncio

from fakes import FakeEngine

from webui.ui.page_sessions import PageSessions


def test_one_column_answers_one_question_at_a_time():
    running = PageSessions(FakeEngine())
    assert running.begin("ann", "pdf") is not None
    assert running.begin("ann", "pdf") is None
    assert running.begin("ann", "chat") is not None
    assert running.begin("bob", "pdf") is not None


def test_stop_reaches_only_ones_own():
    engine = FakeEngine()
    running = PageSessions(engine)
    mine, theirs = running.begin("ann", "pdf"), running.begin("bob", "pdf")
    running.stop("ann", "pdf")
    assert engine.aborted == {mine.request_id}
    assert not theirs.stopped


def test_leaving_stops_all_of_ones_own():
    engine = FakeEngine()
    running = PageSessions(engine)
    mine = {running.begin("ann", tab).request_id for tab in ("pdf", "chat")}
    running.begin("bob", "pdf")
    running.leave("ann")
    assert engine.aborted == mine


def test_a_chosen_language_is_newer_than_what_a_browser_tells():
    running = PageSessions(FakeEngine())
    assert running.language_of("ann", "en") == "en"
    running.set_language("ann", "zh")
    assert (running.language_of("ann", "en"), running.language_of("bob", "en")) == ("zh", "en")
    running.leave("ann")
    assert running.language_of("ann", "en") == "en"


def test_answer_now_reaches_only_ones_own():
    engine = FakeEngine()
    running = PageSessions(engine)
    mine, theirs = running.begin("ann", "pdf"), running.begin("bob", "pdf")
    running.answer_now("ann", "pdf")
    running.answer_now("ann", "chat")
    assert engine.answer_now_requested == {mine.request_id}
    assert (mine.answer_now_requested, theirs.answer_now_requested) == (True, False)


async def test_discard_waits_until_the_end():
    running = PageSessions(FakeEngine())
    run = running.begin("ann", "pdf")
    waiting = asyncio.ensure_future(running.discard("ann", "pdf"))
    await asyncio.sleep(0)
    assert run.discarded
    assert not waiting.done()
    running.end("ann", "pdf")
    await waiting
    assert not running.busy("ann", "pdf")


def test_stopping_what_does_not_run_is_nothing():
    engine = FakeEngine()
    PageSessions(engine).stop("ann", "pdf")
    assert engine.aborted == set()
