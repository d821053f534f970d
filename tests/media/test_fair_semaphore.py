"""Places go to owners in turn, never more than there are; cancelled jobs give theirs up."""

import asyncio
from collections import Counter
from random import Random

import pytest

from webui.media.fair_semaphore import MAX_OWNERS, FairSemaphore


class Crowd:
    """Jobs that hold their places until they are ended. "a1" belongs to the owner "a"."""

    def __init__(self, places: int, small_places: int = 0) -> None:
        self.semaphore = FairSemaphore(places, small_places)
        self.begun: list[str] = []
        self.holding: set[str] = set()
        self.ahead: dict[str, int] = {}
        self.tasks: dict[str, asyncio.Task] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def come(self, *names: str, small: bool = False) -> None:
        for name in names:
            self._ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._work(name, small))
        await self.settle()

    async def _work(self, name: str, small: bool) -> None:
        def on_wait(ahead: int) -> None:
            self.ahead[name] = ahead

        async with self.semaphore.acquire(name[0], small=small, on_wait=on_wait):
            self.begun.append(name)
            self.holding.add(name)
            try:
                await self._ends[name].wait()
            finally:
                self.holding.discard(name)

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await self.settle()

    async def cancel(self, name: str) -> None:
        self.tasks[name].cancel()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_one_owner_leaves_the_last_place_to_the_next():
    crowd = Crowd(3)
    await crowd.come("a1", "a2", "a3", "a4")
    assert crowd.begun == ["a1", "a2"]
    await crowd.come("b1")
    assert crowd.begun == ["a1", "a2", "b1"]


async def test_a_freed_place_goes_to_the_owner_who_holds_none():
    crowd = Crowd(3)
    await crowd.come("a1", "a2", "b1", "a3", "b2", "c1")
    await crowd.end("a1")
    assert crowd.begun == ["a1", "a2", "b1", "c1"]


async def test_of_equal_owners_the_one_whose_turn_is_longest_ago_goes_first():
    crowd = Crowd(1)
    await crowd.come("a1", "b1", "a2", "b2", "c1")
    for name in ("a1", "b1", "c1", "a2"):
        await crowd.end(name)
    assert crowd.begun == ["a1", "b1", "c1", "a2", "b2"]


async def test_new_owners_do_not_go_before_one_who_waits_already():
    crowd = Crowd(1)
    await crowd.come("a1", "b1", "a2")
    await crowd.end("a1")
    await crowd.come("c1", "d1")
    await crowd.end("b1")
    assert crowd.begun[-1] == "a2"


async def test_a_single_place_is_not_kept_free():
    crowd = Crowd(1)
    await crowd.come("a1", "a2")
    await crowd.end("a1")
    assert crowd.begun == ["a1", "a2"]


async def test_a_small_job_has_a_place_where_large_ones_hold_all():
    crowd = Crowd(2, small_places=1)
    await crowd.come("a1", "b1", "c1")
    await crowd.come("d1", "e1", small=True)
    assert crowd.begun == ["a1", "b1", "d1"]
    await crowd.end("d1")
    assert crowd.begun[-1] == "e1"


async def test_no_large_job_takes_the_small_place():
    crowd = Crowd(2, small_places=1)
    await crowd.come("a1", "b1", "c1", "d1")
    assert crowd.holding == {"a1", "b1"}


async def test_jobs_without_an_owner_are_not_each_others():
    semaphore, begun = FairSemaphore(3), []

    async def work():
        async with semaphore.acquire(""):
            begun.append(None)
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.wait(tasks, timeout=0)
    assert len(begun) == 3
    for task in tasks:
        task.cancel()


async def test_those_who_wait_know_how_many_are_ahead():
    crowd = Crowd(2)
    await crowd.come("a1", "a2", "a3", "a4")
    assert crowd.ahead == {"a2": 0, "a3": 1, "a4": 2}
    await crowd.cancel("a2")
    assert crowd.ahead["a4"] == 1


async def test_a_cancelled_wait_and_a_cancelled_place_are_given_up_at_once():
    crowd = Crowd(2)
    await crowd.come("a1", "b1", "a2", "c1")
    await crowd.cancel("a2")
    assert crowd.tasks["a2"].cancelled()
    assert crowd.ahead["c1"] == 0
    await crowd.cancel("b1")
    assert crowd.holding == {"a1", "c1"}


async def test_a_job_that_is_cancelled_as_its_turn_comes_holds_nothing():
    crowd = Crowd(1)
    await crowd.come("a1", "b1", "c1")
    crowd.tasks["b1"].cancel()
    await crowd.end("a1")
    assert (crowd.begun, crowd.holding) == (["a1", "c1"], {"c1"})


async def test_an_error_gives_the_place_back():
    semaphore = FairSemaphore(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            async with semaphore.acquire("a"):
                raise ValueError("broken")


async def test_only_so_many_owners_are_remembered():
    semaphore = FairSemaphore(1)
    for number in range(MAX_OWNERS + 10):
        async with semaphore.acquire(str(number)):
            pass
    assert len(semaphore._ended) == MAX_OWNERS


@pytest.mark.parametrize("seed", range(20))
async def test_no_owner_starves_and_places_are_never_exceeded(seed):
    """While an owner without a place waits, no other owner gets two."""
    random, crowd = Random(seed), Crowd(3)
    passed: dict[str, Counter[str]] = {}
    for step in range(300):
        known = len(crowd.begun)
        action = random.random()
        if action < 0.5:
            await crowd.come(f"{random.choice('aaaaabcd')}{step}")
        elif action < 0.6 and len(crowd.tasks) > len(crowd.begun):
            await crowd.cancel(
                random.choice([name for name in crowd.tasks if name not in crowd.begun])
            )
        elif crowd.holding:
            await crowd.end(random.choice(sorted(crowd.holding)))
        assert len(crowd.holding) <= 3
        waiting = {
            name[0]
            for name, task in crowd.tasks.items()
            if name not in crowd.begun and not task.done()
        }
        starved = waiting - {name[0] for name in crowd.holding}
        passed = {
            owner: passed.get(owner, Counter()) + Counter(name[0] for name in crowd.begun[known:])
            for owner in starved
        }
        assert all(turns <= 1 for counts in passed.values() for turns in counts.values())
    while crowd.holding:
        await crowd.end(*crowd.holding)
    assert all(task.done() for task in crowd.tasks.values())


@pytest.mark.parametrize("seed", range(10))
async def test_with_small_places_everything_gets_its_turn(seed):
    random, crowd = Random(seed), Crowd(3, small_places=1)
    for step in range(200):
        if random.random() < 0.6:
            await crowd.come(f"{random.choice('aaabc')}{step}", small=random.random() < 0.3)
        elif crowd.holding:
            await crowd.end(random.choice(sorted(crowd.holding)))
        assert len(crowd.holding) <= 4
    while crowd.holding:
        await crowd.end(*crowd.holding)
    assert all(task.done() for task in crowd.tasks.values())
