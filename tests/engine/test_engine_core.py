"""What fails for one request ends that one alone; where nothing goes on any more, everyone is told."""

import asyncio

import pytest
from echo_runner import END
from faulty_runner import FaultyRunner
from test_engine import collect, request, text_of

from webui.engine.sequence import ControlIds
from webui.engine.serving.engine import LocalEngine
from webui.errors import DeviceMemoryError, EngineStoppedError, WebUIError

# Against a hang; nothing is timed.
GUARD_S = 60
NAMES = ("ann", "ben", "bad", "cy", "dora", "eve", "fred", "gus")


async def ask(engine, name: str, **sampling) -> str | Exception:
    """A request that spells its name a few times; the error instead of the text if one came."""
    try:
        return text_of(await collect(engine, request(3 * name, name, **sampling)))
    except WebUIError as error:
        return error


async def ask_all(engine, names=NAMES, **sampling) -> dict:
    answers = asyncio.gather(*(ask(engine, name, **sampling) for name in names))
    return dict(zip(names, await asyncio.wait_for(answers, GUARD_S), strict=True))


async def served(runner, names=NAMES, **sampling) -> dict:
    engine = LocalEngine(runner)
    answers = await ask_all(engine, names, **sampling)
    await asyncio.to_thread(engine.close)
    assert not runner.held
    return answers


def texts(names=NAMES) -> dict:
    return {name: 3 * name for name in names}


def faulty(**faults) -> FaultyRunner:
    return FaultyRunner(slots=8, step_s=0.005, **faults)


@pytest.mark.parametrize("where", ["admit", "prefill", "decode"])
async def test_of_eight_rows_the_guilty_one_ends_and_seven_write_their_text(where):
    runner = faulty(where=where)
    answers = await served(runner)
    assert runner.failed[where]
    assert "boom" in str(answers.pop("bad"))
    assert answers == texts([name for name in NAMES if name != "bad"])


async def test_a_guilty_row_that_is_cut_short_ends_alone():
    runner = faulty(where="force", control=ControlIds(frozenset({END}), 1, 2, (1, 2), (2, 3)))
    answers = await served(runner, thinking_token_budget=0)
    assert "boom" in str(answers.pop("bad"))
    assert not [answer for answer in answers.values() if isinstance(answer, Exception)]


@pytest.mark.parametrize("where", ["prefill", "decode"])
async def test_a_pass_that_fails_once_for_many_fails_for_nobody(where):
    runner = faulty(where=where, fails=lambda names: len(names) > 1, times=1)
    assert await served(runner) == texts()
    assert runner.failed[where] == 1


@pytest.mark.parametrize("where", ["prefill", "decode"])
async def test_what_fails_only_for_many_at_once_is_done_for_each(where):
    runner = faulty(where=where, fails=lambda names: len(names) > 2)
    assert await served(runner) == texts()
    assert runner.failed[where]


async def test_the_guilty_one_is_found_by_halves():
    runner = faulty()
    await served(runner)
    last = max(
        place
        for place, (where, names) in enumerate(runner.passes)
        if "bad" in names and where == "decode"
    )
    sizes = [
        len(names)
        for where, names in runner.passes[: last + 1]
        if where == "decode" and "bad" in names
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1
    assert len(sizes) <= 4


async def test_what_need_not_be_kept_is_freed_before_a_pass_is_made_again():
    freed = []
    runner = faulty(error=DeviceMemoryError, fails=lambda names: len(names) > 1 and not freed)
    runner.free_memory = lambda: freed.append(True)
    assert await served(runner) == texts()
    assert runner.failed["decode"] == len(freed) == 1


async def test_a_row_that_has_no_memory_alone_is_told_so():
    answers = await served(faulty(error=DeviceMemoryError))
    assert isinstance(answers["bad"], DeviceMemoryError)


async def test_when_a_slot_cannot_be_given_back_everyone_is_told():
    engine = LocalEngine(faulty(where="release", fails=lambda names: names == ["ann"]))
    answers = await ask_all(engine, ("ann", "endless", "endless too"), max_tokens=10_000)
    assert answers.pop("ann") == "annannann"
    assert all(isinstance(answer, EngineStoppedError) for answer in answers.values())
    assert isinstance(await asyncio.wait_for(ask(engine, "late"), GUARD_S), EngineStoppedError)
    await asyncio.to_thread(engine.close)


async def test_an_abort_whose_slot_cannot_be_given_back_hangs_nobody():
    engine = LocalEngine(faulty(where="release", fails=lambda names: True))
    stream = engine.generate(request("abc", "endless", max_tokens=10_000))
    await anext(stream)
    other = asyncio.create_task(ask(engine, "endless other", max_tokens=10_000))
    await stream.aclose()
    assert isinstance(await asyncio.wait_for(other, GUARD_S), EngineStoppedError)
    await asyncio.to_thread(engine.close)


async def test_a_mistake_in_the_step_itself_is_told_to_everyone():
    runner, deaths = faulty(), []
    runner.decode = lambda sequences: []
    engine = LocalEngine(runner, on_death=deaths.append)
    answers = await ask_all(engine)
    assert all(isinstance(answer, EngineStoppedError) for answer in answers.values())
    assert [death.has_answered for death in deaths] == [False]
    await asyncio.to_thread(engine.close)


async def test_a_prompt_that_cannot_be_built_is_told_in_our_words():
    runner = faulty()
    encode = runner.build_prompt
    runner.build_prompt = lambda messages, gone: (
        1 // 0 if "bad" in messages[-1].text else encode(messages, gone)
    )
    answers = await served(runner, ("ann", "bad", "cy"))
    assert isinstance(answers.pop("bad"), EngineStoppedError)
    assert answers == texts(("ann", "cy"))


async def test_a_prompt_that_a_look_loses_hangs_nobody():
    runner, bad = faulty(), [ord(letter) for letter in 3 * "bad"]
    runner.encode_ahead = lambda prompts: [prompt for prompt in prompts if prompt.ids != bad]
    answers = await served(runner, ("ann", "bad", "cy"))
    assert isinstance(answers.pop("bad"), EngineStoppedError)
    assert answers == texts(("ann", "cy"))


async def test_a_dead_device_ends_the_engine_and_names_those_of_the_last_pass():
    engine = LocalEngine(faulty(lethal=True), on_death=lambda death: None)
    answers = await ask_all(engine)
    assert all(isinstance(answer, EngineStoppedError) for answer in answers.values())
    assert answers["bad"].suspect
    await asyncio.to_thread(engine.close)


async def test_a_device_that_cannot_be_asked_is_dead():
    runner = faulty()
    runner.is_device_alive = lambda: 1 // 0
    engine = LocalEngine(runner)
    answers = await ask_all(engine)
    assert all("the device is lost" in str(answer) for answer in answers.values())
    await asyncio.to_thread(engine.close)
