"""LocalEngine: the worker thread and its bridge to event loops, over an EchoRunner."""

import asyncio
from time import monotonic, sleep

import pytest
from echo_runner import END, EchoRunner
from generation import GUARD_S, collect, content_of, make_request

from webui.engine.sequence import ControlIds
from webui.engine.serving.engine import LocalEngine
from webui.errors import (
    ContextLengthError,
    DeviceMemoryError,
    EngineStoppedError,
    InvalidFieldError,
    QueueFullError,
)
from webui.protocol import Usage


@pytest.fixture
def runner():
    return EchoRunner()


@pytest.fixture
def engine(runner):
    engine = LocalEngine(runner, max_waiting=3)
    yield engine
    engine.close()
    assert not runner.held


async def test_an_answer_streams_and_ends_with_its_usage(engine):
    deltas = await collect(engine, make_request("hello"))
    assert content_of(deltas) == "hello"
    assert deltas[-1].finish_reason == "stop"
    assert deltas[-1].usage.completion_tokens == 6
    assert deltas[-1].usage.prompt_tokens == 5


async def test_reasoning_and_content_arrive_apart(engine):
    deltas = await collect(engine, make_request("<think>hm</think><answer>yes</answer>"))
    assert "".join(delta.reasoning for delta in deltas) == "hm"
    assert content_of(deltas) == "yes"


async def test_tokens_of_quick_steps_share_deltas_and_none_is_lost(engine):
    text = "0123456789" * 40
    deltas = await collect(engine, make_request(text, max_tokens=1000))
    assert content_of(deltas) == text
    assert len(deltas) < len(text) / 2
    assert deltas[-1].usage.completion_tokens == len(text) + 1


async def test_requests_in_one_batch_get_their_own_text(engine):
    names = [f"text {number}" for number in range(4)]
    answers = await asyncio.gather(*(collect(engine, make_request(name, name)) for name in names))
    assert [content_of(answer) for answer in answers] == names


async def test_max_tokens_ends_an_answer_with_length(engine):
    deltas = await collect(engine, make_request("hello", max_tokens=2))
    assert content_of(deltas) == "he"
    assert deltas[-1].finish_reason == "length"


async def test_abort_keeps_the_text_and_leaves_others_running(engine):
    texts = {"one endless": "", "two endless": ""}

    async def read(name):
        async for delta in engine.generate(make_request("abc", name, max_tokens=100_000)):
            texts[name] += delta.content
            if len(texts[name]) > (3 if name.startswith("one") else 200):
                engine.abort(name)
            if delta.finish_reason:
                return delta.finish_reason
        return None

    reasons = await asyncio.gather(*map(read, texts))
    assert reasons == ["abort", "abort"]
    assert len(texts["two endless"]) > 200 > len(texts["one endless"]) > 3


async def test_abort_is_idempotent_and_ignores_unknown_ids(engine):
    for _ in range(3):
        engine.abort("unknown")
    assert content_of(await collect(engine, make_request("still here"))) == "still here"


async def test_finish_ends_a_running_request_with_the_first_reason(engine):
    deltas = []
    async for delta in engine.generate(make_request("abc", "endless", max_tokens=900)):
        deltas.append(delta)
        if delta.content:
            for reason in ("stop", "length", "abort"):
                engine.finish("endless", reason)
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["stop"]
    assert len(content_of(deltas)) == deltas[-1].usage.completion_tokens < 900


@pytest.mark.parametrize("step", [1, 2, 7])
async def test_finish_takes_effect_before_the_next_step(runner, step):
    engine, steps, decode = LocalEngine(runner), [], runner.decode

    def decode_and_finish(sequences):
        steps.append(len(sequences))
        if len(steps) == step:
            engine.finish("endless", "stop")
        return decode(sequences)

    runner.decode = decode_and_finish
    deltas = await collect(engine, make_request("abc", "endless", max_tokens=900))
    engine.close()
    assert deltas[-1].finish_reason == "stop"
    assert len(steps) == step
    assert deltas[-1].usage.completion_tokens == step + 1


async def test_finish_ends_a_request_that_waits_for_a_slot(runner):
    runner.slots = 0
    engine = LocalEngine(runner)
    stream = engine.generate(make_request("abc", "x"))
    assert (await anext(stream)).progress.phase == "queued"
    engine.finish("x", "stop")
    assert [delta.finish_reason async for delta in stream] == ["stop"]
    engine.close()


async def test_finish_ends_a_request_whose_prompt_is_ready_and_not_yet_scheduled(engine, runner):
    build_prompt = runner.build_prompt
    loop = asyncio.get_running_loop()

    def build(messages, is_aborted):
        prompt = build_prompt(messages, is_aborted)
        # Runs on the event loop after the prompt is ready, and before the request is resumed.
        loop.call_soon_threadsafe(wait_for_prompt)
        return prompt

    def wait_for_prompt():
        job = engine._input_processor._unfinished["x"]
        job.future.result()
        engine.finish("x", "stop")

    runner.build_prompt = build
    (delta,) = await collect(engine, make_request("abc", "x"))
    assert (delta.finish_reason, delta.usage) == ("stop", Usage(0, 0))


async def test_closing_the_iterator_frees_the_slot(engine, runner):
    stream = engine.generate(make_request("abc", "endless"))
    await anext(stream)
    await stream.aclose()
    await collect(engine, make_request("after"))
    assert not runner.held


async def test_prefill_reports_progress(runner):
    runner.chunk_tokens, runner.step_s = 2, 0.01
    engine = LocalEngine(runner)
    deltas = await collect(engine, make_request("abcdef"))
    engine.close()
    progress = [delta.progress for delta in deltas if delta.progress]
    totals = [each.total for each in progress if each.phase == "prefill"]
    assert totals
    assert set(totals) == {6}


async def test_waiting_requests_report_their_place_in_the_queue(runner):
    runner.slots, runner.step_s = 1, 0.01
    engine = LocalEngine(runner)
    running = engine.generate(make_request("abc", "endless"))
    await anext(running)
    waiting = [engine.generate(make_request("abc", name)) for name in "xy"]
    places = [(await anext(stream)).progress for stream in waiting]
    await running.aclose()
    for stream in waiting:
        assert content_of([delta async for delta in stream]) == "abc"
    engine.close()
    assert [(progress.phase, progress.done) for progress in places] == [
        ("queued", 0),
        ("queued", 1),
    ]


async def test_a_full_queue_refuses_a_request(runner):
    runner.slots = 0
    engine = LocalEngine(runner, max_waiting=1)
    first = engine.generate(make_request("abc", "x"))
    await anext(first)
    with pytest.raises(QueueFullError, match="1 requests are waiting"):
        await collect(engine, make_request("abc", "y"))
    await first.aclose()
    engine.close()


async def test_a_prompt_that_can_never_fit_is_refused_with_numbers(engine):
    with pytest.raises(ContextLengthError, match="1000 tokens; the model reads at most 999"):
        await collect(engine, make_request("x" * 1000))


async def test_a_number_out_of_range_is_refused_by_name(engine):
    with pytest.raises(
        InvalidFieldError, match="'top_k' is 9223372036854775808; accepted: a whole number from 0"
    ):
        await collect(engine, make_request("hello", top_k=2**63))


async def test_the_context_bounds_the_answer(engine):
    deltas = await collect(engine, make_request("x" * 990, "endless"))
    assert deltas[-1].finish_reason == "length"
    assert deltas[-1].usage.completion_tokens == 10


@pytest.mark.parametrize("step", [1, 2, 7])
async def test_answer_now_begins_the_answer_in_the_next_step(runner, step):
    think, end_think = ord("("), ord(")")
    runner.control = ControlIds(
        frozenset({END}), think, end_think, (think, end_think), (end_think, ord("!"))
    )
    engine, outputs, decode = LocalEngine(runner), [], runner.decode

    def decode_and_call(sequences):
        outputs.append(decode(sequences))
        if len(outputs) == step:
            engine.answer_now("endless")
        return outputs[-1]

    runner.decode = decode_and_call
    deltas = await collect(engine, make_request("(abcdefghijk", "endless", max_tokens=step + 4))
    engine.close()
    assert content_of(deltas)[step + 1 : step + 3] == ")!"
    assert len(outputs) == step
    assert deltas[-1].usage.thought_cut == "requested"


async def test_an_error_in_prefill_reaches_its_request_only(runner):
    runner.fail_prefill = DeviceMemoryError()
    engine = LocalEngine(runner)
    good, bad = await asyncio.gather(
        collect(engine, make_request("fine", "good")),
        collect(engine, make_request("x", "bad")),
        return_exceptions=True,
    )
    engine.close()
    assert content_of(good) == "fine"
    assert isinstance(bad, DeviceMemoryError)


async def test_of_prompts_in_one_prefill_pass_only_the_bad_one_fails(runner):
    runner.fail_prefill = DeviceMemoryError()
    names = ("first", "good", "bad", "better")
    passes, prefill = [], runner.prefill

    def record_and_prefill(sequences, max_tokens):
        passes.append(len(sequences))
        deadline = monotonic() + GUARD_S
        # All others arrive during the first pass.
        while len(passes) == 1 and len(sequences) + engine._inbox.qsize() < len(names):
            assert monotonic() < deadline
            sleep(0.001)
        return prefill(sequences, max_tokens)

    runner.prefill = record_and_prefill
    engine = LocalEngine(runner)
    answers = await asyncio.gather(
        *(collect(engine, make_request(name, name, max_tokens=9)) for name in names),
        return_exceptions=True,
    )
    engine.close()
    assert max(passes) > 1
    assert isinstance(answers[2], DeviceMemoryError)
    assert [content_of(answers[place]) for place in (0, 1, 3)] == ["first", "good", "better"]


async def test_an_unexpected_error_ends_its_request_and_the_engine_goes_on(runner):
    runner.fail_decode = ZeroDivisionError("boom")
    engine = LocalEngine(runner)
    with pytest.raises(EngineStoppedError, match="boom"):
        await collect(engine, make_request("hello"))
    runner.fail_decode = None
    assert content_of(await collect(engine, make_request("again"))) == "again"
    engine.close()


async def test_close_ends_running_and_later_requests(runner):
    engine = LocalEngine(runner)
    stream = engine.generate(make_request("abc", "endless"))
    await anext(stream)
    await asyncio.to_thread(engine.close)
    with pytest.raises(EngineStoppedError):
        async for _ in stream:
            pass
    with pytest.raises(EngineStoppedError):
        await collect(engine, make_request("late"))


def test_a_reader_whose_event_loop_is_closed_frees_its_slot(engine, runner):
    async def leave():
        stream = engine.generate(make_request("abc", "endless"))
        await anext(stream)
        return stream

    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(leave())
    loop.close()
    assert content_of(asyncio.run(collect(engine, make_request("next")))) == "next"
    del stream
