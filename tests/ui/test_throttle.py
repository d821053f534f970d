import asyncio

import pytest

from webui.errors import QueueFullError
from webui.ui.throttle import throttled

GUARD_S = 60


async def read(work, **rhythm):
    return [events async for events in throttled(work, **rhythm)]


async def test_nothing_is_lost_and_nothing_comes_too_often():
    async def work(put):
        for number in range(20):
            put(number)
            await asyncio.sleep(0)

    # The work ends long before the interval, and what it has put by then is one batch.
    batches = await read(work, min_interval_s=GUARD_S)
    assert [number for batch in batches for number in batch] == list(range(20))
    assert len(batches) == 2


async def test_silence_is_an_empty_batch():
    batches, may_end = [], asyncio.Event()

    async def work(put):
        await may_end.wait()

    async with asyncio.timeout(GUARD_S):
        async for events in throttled(work, min_interval_s=0.0, max_interval_s=0.02):
            batches.append(events)
            if len(batches) == 3:
                may_end.set()
    assert batches[:3] == [[], [], []]


async def test_an_error_comes_after_the_last_events():
    seen = []

    async def work(put):
        put("one")
        raise QueueFullError(waiting=1)

    async def collect():
        async for events in throttled(work):
            seen.extend(events)

    with pytest.raises(QueueFullError):
        await collect()
    assert seen == ["one"]


async def test_cancelled_work_ends_quietly():
    tasks = []

    async def work(put):
        tasks[0].cancel()
        await asyncio.sleep(10)

    assert [events async for events in throttled(work, tasks.append)] in ([], [[]])


async def test_leaving_early_cancels_the_work():
    ended = asyncio.Event()

    async def work(put):
        try:
            put("one")
            await asyncio.sleep(10)
        finally:
            ended.set()

    ticks = throttled(work)
    await anext(ticks)
    await ticks.aclose()
    assert ended.is_set()
