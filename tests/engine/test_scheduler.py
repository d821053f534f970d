"""The scheduler's books, without a model."""

from types import SimpleNamespace

from webui.engine.sequence import ControlIds, Sequence
from webui.engine.serving.scheduler import Scheduler
from webui.protocol import SamplingParams

CONTROL = ControlIds(end=frozenset({0}))


def sequence(name: str) -> Sequence:
    """ "a1" belongs to the owner "a"."""
    return Sequence(name, SimpleNamespace(ids=[5]), SamplingParams(), CONTROL, 10, owner=name[0])


def scheduler(*names: str, slots: int = 99) -> Scheduler:
    one = Scheduler(slots)
    for name in names:
        one.add(sequence(name))
    return one


def admit_all(one: Scheduler) -> list[str]:
    admitted = []
    while (found := one.next_admission()) is not None:
        one.start_prefill(found)
        admitted.append(found.id)
    return admitted


def ids(sequences) -> list[str]:
    return [one.id for one in sequences]


def test_owners_take_turns_and_each_owners_requests_keep_their_order():
    one = scheduler("a1", "a2", "a3", "b1", "b2", "c1")
    assert ids(one.waiting) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert admit_all(one) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_whoever_holds_nothing_comes_before_whoever_holds_much():
    one = scheduler("a1", "a2", "a3", "a4", slots=4)
    assert admit_all(one) == ["a1", "a2", "a3"]
    one.add(sequence("b1"))
    one.add(sequence("b2"))
    assert ids(one.waiting) == ["b1", "b2", "a4"]


def test_the_last_free_slot_is_kept_for_the_next_owner():
    one = scheduler(*(f"a{number}" for number in range(50)), slots=4)
    assert len(admit_all(one)) == 3
    one.add(sequence("b1"))
    assert admit_all(one) == ["b1"]


def test_one_slot_alone_is_kept_for_nobody():
    assert admit_all(scheduler("a1", "a2", slots=1)) == ["a1"]


def test_the_next_freed_slot_goes_to_the_other_owner():
    one = scheduler("a1", "a2", "a3", "b1", "c1", slots=3)
    assert admit_all(one) == ["a1", "b1", "c1"]
    one.add(sequence("d1"))
    one.remove(one.find("a1")[0])
    assert admit_all(one) == ["d1"]


def test_the_order_told_is_the_order_in_which_slots_are_given():
    one = scheduler("a1", "a2", "b1", "a3", "c1", "b2", "c2", slots=2)
    admit_all(one)
    while one.waiting:
        told = one.waiting[0]
        one.remove(next(holder for holder in one if holder not in one.waiting))
        assert one.next_admission() in (told, None)
        admit_all(one)


def test_a_list_that_did_not_change_is_the_same_list():
    one = scheduler("a1", "b1")
    assert one.waiting is one.waiting
    before = one.waiting
    one.add(sequence("c1"))
    assert one.waiting is not before


def read_next(one) -> str:
    """Whose chunk is read if only one is."""
    first = one.prefill_order[0]
    one.record_chunk(first)
    return first.id


def test_prefill_takes_turns_by_owner_and_reads_one_prompt_of_each_to_its_end():
    one = scheduler("a1", "a2", "a3", "b1")
    admit_all(one)
    assert [read_next(one) for _ in range(4)] == ["b1", "a1", "b1", "a1"]
    one.start_decode(one.find("a1")[0])
    assert {read_next(one) for _ in range(2)} == {"a2", "b1"}


def test_room_in_a_pass_goes_to_the_first_prompt_of_each_owner_then_to_the_second():
    one = scheduler("a1", "a2", "a3", "b1", "c1", "c2", slots=7)
    admit_all(one)
    assert [sequence.id for sequence in one.prefill_order] == ["c1", "b1", "a1", "c2", "a2", "a3"]
    for name in ("c1", "b1"):
        one.record_chunk(one.find(name)[0])
    assert [sequence.id for sequence in one.prefill_order] == ["a1", "c1", "b1", "a2", "c2", "a3"]


def test_who_comes_has_the_next_chunk_read_and_then_takes_turns():
    one = scheduler("a1", "b1", slots=4)
    admit_all(one)
    read_next(one)
    one.add(sequence("c1"))
    one.start_prefill(one.next_admission())
    assert read_next(one) == "c1"
    assert {read_next(one) for _ in range(2)} == {"a1", "b1"}


def test_a_removed_row_is_filled_by_the_last_one():
    one = scheduler("a", "b", "c")
    admit_all(one)
    for name in "abc":
        one.start_decode(one.find(name)[0])
    one.remove(one.decoding[0])
    assert ids(one.decoding) == ["c", "b"]


def test_remove_finds_a_sequence_wherever_it_is_and_may_be_repeated():
    one = scheduler("a", "b", "c", slots=3)
    one.start_prefill(one.next_admission())
    one.start_prefill(one.next_admission())
    one.start_decode(one.prefill_order[0])
    for found in [*one, *one]:
        one.remove(found)
    assert one.is_idle
