"""A failing pass ends only the requests that cause it; a dead engine ends all of them."""

import asyncio

import pytest
from echo_runner import END
from faulty_runner import FaultyRunner
from generation import GUARD_S, collect, content_of, make_request

from webui.engine.sequence import ControlIds
from webui.engine.serving.engine import LocalEngine
from webui.errors import DeviceMemoryError, EngineStoppedError, WebUIError

NAMES = ("ann", "ben", "bad", "cy", "dora", "eve", "fred", "gus")


async def ask(engine, name: str, **sampling) -> str | Exception:
    """Return the answer to a request that has its name as id and text, or the error."""
    try:
        return content_of(await collect(engine, make_request(3 * name, name, **sampling)))
    except WebUIError as error:
        return error


async def ask_all(engine, names=NAMES, **sampling) -> dict:
    answers = asyncio.gather(*(ask(engine, name, **sampling) for name in names))
    return dict(zip(names, await asyncio.wait_for(answers, GUARD_S), strict=True))


async def serve(runner, names=NAMES, **sampling) -> dict:
    """Return what an engine over the runner answers; all slots are free again afterwards."""
    engine = LocalEngine(runner)
    answers = await ask_all(engine, names, **sampling)
    await asyncio.to_thread(engine.close)
    assert not runner.held
    return answers


def expected_answers(names=NAMES) -> dict:
    return {name: 3 * name for name in names}


def faulty_runner(**faults) -> FaultyRunner:
    return FaultyRunner(slots=8, step_s=0.005, **faults)


@pytest.mark.parametrize("where", ["acquire_slot", "prefill", "decode"])
async def test_of_eight_rows_only_the_one_at_fault_ends(where):
    runner = faulty_runner(where=where)
    answers = await serve(runner)
    assert runner.failures[where]
    assert "boom" in str(answers.pop("bad"))
    assert answers == expected_answers([name for name in NAMES if name != "bad"])


async def test_a_row_that_fails_while_its_thought_is_cut_ends_alone():
    control = ControlIds(frozenset({END}), 1, 2, (1, 2), (2, 3))
    runner = faulty_runner(where="prefill_forced_ids", control=control)
    answers = await serve(runner, thinking_token_budget=0)
    assert "boom" in str(answers.pop("bad"))
    assert not [answer for answer in answers.values() if isinstance(answer, Exception)]


@pytest.mark.parametrize("where", ["prefill", "decode"])
async def test_a_pass_that_fails_once_is_repeated_and_no_request_fails(where):
    runner = faulty_runner(where=where, fails=lambda ids: len(ids) > 1, times=1)
    assert await serve(runner) == expected_answers()
    assert runner.failures[where] == 1


@pytest.mark.parametrize("where", ["prefill", "decode"])
async def test_a_pass_that_fails_for_many_rows_is_made_for_few(where):
    runner = faulty_runner(where=where, fails=lambda ids: len(ids) > 2)
    assert await serve(runner) == expected_answers()
    assert runner.failures[where]


async def test_the_row_at_fault_is_found_by_bisection():
    runner = faulty_runner()
    await serve(runner)
    sizes = [len(ids) for where, ids in runner.passes if where == "decode" and "bad" in ids]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1
    assert len(sizes) <= 4


@pytest.mark.parametrize("where", ["acquire_slot", "prefill", "decode", "prefill_forced_ids"])
async def test_a_pass_that_lacks_memory_is_repeated_after_memory_was_freed(where):
    control = ControlIds(frozenset({END}), 1, 2, (1, 2), (2, 3))
    runner = faulty_runner(where=where, make_error=DeviceMemoryError, control=control)
    runner.fails = lambda ids: not runner.freed
    answers = await serve(runner, thinking_token_budget=0)
    assert not [answer for answer in answers.values() if isinstance(answer, Exception)]
    assert runner.failures[where] == runner.freed == 1


@pytest.mark.parametrize("where", ["acquire_slot", "prefill", "decode"])
async def test_only_the_row_that_never_fits_into_memory_ends(where):
    runner = faulty_runner(where=where, make_error=DeviceMemoryError)
    answers = await serve(runner)
    assert isinstance(answers.pop("bad"), DeviceMemoryError)
    assert answers == expected_answers([name for name in NAMES if name != "bad"])
    assert runner.freed


async def test_a_slot_that_cannot_be_released_ends_all_requests():
    engine = LocalEngine(faulty_runner(where="release_slot", fails=lambda ids: ids == ["ann"]))
    answers = await ask_all(engine, ("ann", "endless", "endless too"), max_tokens=10_000)
    assert answers.pop("ann") == "annannann"
    assert all(isinstance(answer, EngineStoppedError) for answer in answers.values())
    assert isinstance(await asyncio.wait_for(ask(engine, "late"), GUARD_S), EngineStoppedError)
    await asyncio.to_thread(engine.close)


async def test_an_abort_whose_slot_cannot_be_released_ends_all_requests():
    engine = LocalEngine(faulty_runner(where="release_slot", fails=lambda ids: True))
    stream = engine.generate(make_request("abc", "endless", max_tokens=10_000))
    await anext(stream)
    other = asyncio.create_task(ask(engine, "endless other", max_tokens=10_000))
    await stream.aclose()
    assert isinstance(await asyncio.wait_for(other, GUARD_S), EngineStoppedError)
    await asyncio.to_thread(engine.close)


async def test_a_bug_in_the_step_itself_ends_all_requests():
    runner, deaths = faulty_runner(), []
    runner.decode = lambda sequences: []
    engine = LocalEngine(runner, on_death=deaths.append)
    answers = await ask_all(engine)
    assert all(isinstance(answer, EngineStoppedError) for answer in answers.values())
    assert [death.has_answered for death in deaths] == [False]
    await asyncio.to_thread(engine.close)


async def test_an_unexpected_error_while_a_prompt_is_built_reaches_its_request_only():
    runner = faulty_runner()
    build_prompt = runner.build_prompt
    runner.build_prompt = lambda messages, is_aborted: (
        1 // 0 if "bad" in messages[-1].text else build_prompt(messages, is_aborted)
    )
    answers = await serve(runner, ("ann", "bad", "cy"))
    assert isinstance(answers.pop("bad"), EngineStoppedError)
    assert answers == expected_answers(("ann", "cy"))


async def test_a_prompt_that_encoding_ahead_drops_does_not_hang_its_request():
    runner, dropped = faulty_runner(), [ord(letter) for letter in 3 * "bad"]
    runner.encode_ahead = lambda prompts: [prompt for prompt in prompts if prompt.ids != dropped]
    answers = await serve(runner, ("ann", "bad", "cy"))
    assert isinstance(answers.pop("bad"), EngineStoppedError)
    assert answers == expected_answers(("ann", "cy"))


async def test_a_dead_device_ends_the_engine_and_names_the_requests_of_the_last_pass():
    engine = LocalEngine(faulty_runner(lethal=True))
    answers = await ask_all(engine)
    assert all(isinstance(answer, EngineStoppedError) for answer in answers.values())
    assert answers["bad"].suspect
    await asyncio.to_thread(engine.close)


async def test_a_device_that_cannot_be_queried_counts_as_dead():
    runner = faulty_runner()
    runner.is_device_alive = lambda: 1 // 0
    engine = LocalEngine(runner)
    answers = await ask_all(engine)
    assert all("the device is lost" in str(answer) for answer in answers.values())
    await asyncio.to_thread(engine.close)


@pytest.mark.parametrize(("reason", "has_answered"), [("stop", True), ("abort", False)])
async def test_a_request_that_was_finished_counts_as_answered_unless_it_was_aborted(
    reason, has_answered
):
    runner, deaths = faulty_runner(lethal=True), []
    engine = LocalEngine(runner, on_death=deaths.append)
    async for delta in engine.generate(make_request("abc", "endless", max_tokens=900)):
        if delta.content:
            engine.finish("endless", reason)
    await ask(engine, "bad")
    assert [death.has_answered for death in deaths] == [has_answered]
    await asyncio.to_thread(engine.close)
