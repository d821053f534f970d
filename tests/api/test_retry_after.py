"""Retry-After of a full queue."""

import pytest
from api_client import ASK, PATH, http
from fakes import SCRIPT, FakeEngine

from webui.api.retry_after import CompletionRate
from webui.errors import QueueFullError


async def test_a_full_queue_sets_retry_after():
    full = FakeEngine(script=(), error=QueueFullError(waiting=8))
    async with http(full) as client:
        refused = await client.post(PATH, json={"messages": ASK})
        full.script, full.error = SCRIPT, None
        for _ in range(16):
            await client.post(PATH, json={"messages": ASK})
        full.script, full.error = (), QueueFullError(waiting=8)
        later = await client.post(PATH, json={"messages": ASK, "stream": True})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert (later.status_code, later.headers["retry-after"]) == (429, "30")


@pytest.mark.parametrize(
    ("age", "ends", "waiting", "seconds"),
    [(0, 120, 8, 4), (0, 600, 1, 1), (0, 3, 8, 60), (61, 9, 1, 60)],
)
def test_retry_after_follows_the_rate_of_the_last_minute(age, ends, waiting, seconds):
    now = [0.0]
    rate = CompletionRate(lambda: now[0])
    for _ in range(ends):
        rate.record_completion()
    now[0] += age
    assert rate.retry_after_s(QueueFullError(waiting=waiting)) == seconds
