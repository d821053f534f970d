"""The worker and the bridge, with a runner that spells a text instead of running a model."""

import asyncio

import pytest
from echo_runner import END, EchoRunner

from webui.engine.sequence import ControlIds
from webui.engine.serving.engine import LocalEngine
from webui.errors import (
    ContextLengthError,
    DeviceMemoryError,
    EngineStoppedError,
    InvalidFieldError,
    QueueFullError,
)
from webui.protocol import GenerationRequest, Message, SamplingParams


def request(text: str, name: str = "a", **sampling) -> GenerationRequest:
    return GenerationRequest((Message("user", (text,)),), SamplingParams(**sampling), name)


async def collect(engine: LocalEngine, asked: GenerationRequest) -> list:
    return [delta async for delta in engine.generate(asked)]


def text_of(deltas) -> str:
    return "".join(delta.content for delta in deltas)


@pytest.fixture
def runner():
    return EchoRunner()


@pytest.fixture
def engine(runner):
    engine = LocalEngine(runner, max_waiting=3)
    yield engine
    engine.close()
    assert not runner.held


async def test_an_answer_streams_and_ends_with_usage(engine):
    deltas = await collect(engine, request("hello"))
    assert text_of(deltas) == "hello"
    assert deltas[-1].finish_reason == "stop"
    assert deltas[-1].usage.completion_tokens == 6
    assert deltas[-1].usage.prompt_tokens == 5


async def test_reasoning_and_content_arrive_apart(engine):
    deltas = await collect(engine, request("<think>hm</think><answer>yes</answer>"))
    assert "".join(delta.reasoning for delta in deltas) == "hm"
    assert text_of(deltas) == "yes"


async def test_tokens_of_quick_steps_share_deltas_and_none_is_lost(engine):
    text = "0123456789" * 40
    deltas = await collect(engine, request(text, max_tokens=1000))
    assert text_of(deltas) == text
    assert len(deltas) < len(text) / 2
    assert deltas[-1].usage.completion_tokens == len(text) + 1


async def test_many_at_once_get_their_own_text(engine):
    names = [f"text {number}" for number in range(4)]
    answers = await asyncio.gather(*(collect(engine, request(name, name)) for name in names))
    assert [text_of(answer) for answer in answers] == names


async def test_max_tokens_ends_with_length(engine):
    deltas = await collect(engine, request("hello", max_tokens=2))
    assert text_of(deltas) == "he"
    assert deltas[-1].finish_reason == "length"


async def test_abort_keeps_the_text_and_leaves_others_running(engine):
    texts = {"one endless": "", "two endless": ""}

    async def read(name):
        async for delta in engine.generate(request("abc", name, max_tokens=100_000)):
            texts[name] += delta.content
            if len(texts[name]) > (3 if name.startswith("one") else 200):
                engine.abort(name)
            if delta.finish_reason:
                return delta.finish_reason
        return None

    reasons = await asyncio.gather(*map(read, texts))
    assert reasons == ["abort", "abort"]
    assert len(texts["two endless"]) > 200 > len(texts["one endless"]) > 3


async def test_abort_is_idempotent_and_ignores_strangers(engine):
    for _ in range(3):
        engine.abort("nobody")
    assert text_of(await collect(engine, request("still here"))) == "still here"


async def test_closing_the_iterator_frees_the_slot(engine, runner):
    stream = engine.generate(request("abc", "endless"))
    await anext(stream)
    await stream.aclose()
    await collect(engine, request("after"))
    assert not runner.held


async def test_progress_is_told_while_reading(runner):
    runner.chunk_tokens, runner.step_s = 2, 0.01
    engine = LocalEngine(runner)
    deltas = await collect(engine, request("abcdef"))
    engine.close()
    reading = [
        delta.progress for delta in deltas if delta.progress and delta.progress.phase == "prefill"
    ]
    assert reading
    assert all(progress.total == 6 for progress in reading)


async def test_who_waits_is_told_their_place(runner):
    runner.slots, runner.step_s = 1, 0.01
    engine = LocalEngine(runner)
    running = engine.generate(request("abc", "endless"))
    await anext(running)
    waiting = [engine.generate(request("abc", name)) for name in "xy"]
    places = [(await anext(stream)).progress for stream in waiting]
    await running.aclose()
    for stream in waiting:
        assert text_of([delta async for delta in stream]) == "abc"
    engine.close()
    assert [(progress.phase, progress.done) for progress in places] == [
        ("queued", 0),
        ("queued", 1),
    ]


async def test_a_full_queue_is_refused(runner):
    runner.slots = 0
    engine = LocalEngine(runner, max_waiting=1)
    first = engine.generate(request("abc", "x"))
    await anext(first)
    with pytest.raises(QueueFullError, match="1 requests are waiting"):
        await collect(engine, request("abc", "y"))
    await first.aclose()
    engine.close()


async def test_what_can_never_fit_is_refused_with_numbers(engine):
    with pytest.raises(ContextLengthError, match="1000 tokens; the model reads at most 999"):
        await collect(engine, request("x" * 1000))


async def test_a_number_out_of_range_is_refused_by_name(engine):
    with pytest.raises(
        InvalidFieldError, match="'top_k' is 9223372036854775808; accepted: a whole number from 0"
    ):
        await collect(engine, request("hello", top_k=2**63))


async def test_the_context_bounds_the_answer(engine):
    deltas = await collect(engine, request("x" * 990, "endless"))
    assert deltas[-1].finish_reason == "length"
    assert deltas[-1].usage.completion_tokens == 10


@pytest.mark.parametrize("step", [1, 2, 7])
async def test_answer_now_begins_the_answer_in_the_next_step(runner, step):
    think, end_think = ord("("), ord(")")
    runner.control = ControlIds(
        frozenset({END}), think, end_think, (think, end_think), (end_think, ord("!"))
    )
    engine, sampled, decode = LocalEngine(runner), [], runner.decode

    def pressed(sequences):
        sampled.append(decode(sequences))
        if len(sampled) == step:
            engine.answer_now("endless")
        return sampled[-1]

    runner.decode = pressed
    deltas = await collect(engine, request("(abcdefghijk", "endless", max_tokens=step + 4))
    engine.close()
    assert text_of(deltas)[step + 1 : step + 3] == ")!"
    assert len(sampled) == step
    assert deltas[-1].usage.thought_cut == "requested"


async def test_an_error_in_prefill_reaches_that_request_only(runner):
    runner.fail_prefill = DeviceMemoryError()
    engine = LocalEngine(runner)
    good, bad = await asyncio.gather(
        collect(engine, request("fine", "good")),
        collect(engine, request("x", "bad")),
        return_exceptions=True,
    )
    engine.close()
    assert text_of(good) == "fine"
    assert isinstance(bad, DeviceMemoryError)


async def test_of_prompts_read_in_one_pass_only_the_bad_one_fails(runner):
    runner.fail_prefill, runner.step_s = DeviceMemoryError(), 0.05
    passes, prefill = [], runner.prefill

    def watched(sequences, tokens):
        passes.append(len(sequences))
        return prefill(sequences, tokens)

    runner.prefill = watched
    engine = LocalEngine(runner)
    # They all come while the step of the first one lasts.
    names = ("first", "good", "bad", "better")
    answers = await asyncio.gather(
        *(collect(engine, request(name, name, max_tokens=9)) for name in names),
        return_exceptions=True,
    )
    engine.close()
    assert max(passes) > 1
    assert isinstance(answers[2], DeviceMemoryError)
    assert [text_of(answers[place]) for place in (0, 1, 3)] == ["first", "good", "better"]


async def test_an_unforeseen_error_is_told_and_the_engine_lives_on(runner):
    runner.fail_decode = ZeroDivisionError("boom")
    engine = LocalEngine(runner)
    with pytest.raises(EngineStoppedError, match="boom"):
        await collect(engine, request("hello"))
    runner.fail_decode = None
    assert text_of(await collect(engine, request("again"))) == "again"
    engine.close()


async def test_after_close_nobody_hangs(runner):
    engine = LocalEngine(runner)
    stream = engine.generate(request("abc", "endless"))
    await anext(stream)
    await asyncio.to_thread(engine.close)
    with pytest.raises(EngineStoppedError):
        async for _ in stream:
            pass
    with pytest.raises(EngineStoppedError):
        await collect(engine, request("late"))


def test_a_reader_whose_loop_is_gone_frees_its_slot(engine, runner):
    async def leave():
        stream = engine.generate(request("abc", "endless"))
        await anext(stream)
        return stream

    loop = asyncio.new_event_loop()
    stream = loop.run_until_complete(leave())
    loop.close()
    assert text_of(asyncio.run(collect(engine, request("next")))) == "next"
    del stream
