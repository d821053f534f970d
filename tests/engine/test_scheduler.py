"""The order of admissions and of prefill, without a model."""

from types import SimpleNamespace

from webui.engine.sequence import ControlIds, Sequence
from webui.engine.serving.scheduler import Scheduler
from webui.protocol import SamplingParams

CONTROL = ControlIds(end=frozenset({0}))


def make_sequence(name: str) -> Sequence:
    """Return a sequence whose owner is the first letter of its name."""
    return Sequence(name, SimpleNamespace(ids=[5]), SamplingParams(), CONTROL, 10, owner=name[0])


def make_scheduler(*names: str, slots: int = 99) -> Scheduler:
    scheduler = Scheduler(slots)
    for name in names:
        scheduler.add_waiting(make_sequence(name))
    return scheduler


def admit_all(scheduler: Scheduler) -> list[str]:
    admitted = []
    while (sequence := scheduler.next_admission()) is not None:
        scheduler.start_prefill(sequence)
        admitted.append(sequence.id)
    return admitted


def ids_of(sequences) -> list[str]:
    return [sequence.id for sequence in sequences]


def prefill_chunk(scheduler: Scheduler) -> str:
    """Prefill a chunk of the first sequence only; return its id."""
    first = scheduler.prefill_order[0]
    scheduler.record_chunk(first)
    return first.id


def test_owners_alternate_and_the_requests_of_an_owner_keep_their_order():
    scheduler = make_scheduler("a1", "a2", "a3", "b1", "b2", "c1")
    assert ids_of(scheduler.waiting) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert admit_all(scheduler) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_an_owner_without_a_slot_comes_before_an_owner_with_many():
    scheduler = make_scheduler("a1", "a2", "a3", "a4", slots=4)
    assert admit_all(scheduler) == ["a1", "a2", "a3"]
    scheduler.add_waiting(make_sequence("b1"))
    scheduler.add_waiting(make_sequence("b2"))
    assert ids_of(scheduler.waiting) == ["b1", "b2", "a4"]


def test_the_last_free_slot_is_reserved_for_the_next_owner():
    scheduler = make_scheduler(*(f"a{number}" for number in range(50)), slots=4)
    assert len(admit_all(scheduler)) == 3
    scheduler.add_waiting(make_sequence("b1"))
    assert admit_all(scheduler) == ["b1"]


def test_a_single_slot_is_not_reserved():
    assert admit_all(make_scheduler("a1", "a2", slots=1)) == ["a1"]


def test_a_freed_slot_goes_to_an_owner_without_one():
    scheduler = make_scheduler("a1", "a2", "a3", "b1", "c1", slots=3)
    assert admit_all(scheduler) == ["a1", "b1", "c1"]
    scheduler.add_waiting(make_sequence("d1"))
    scheduler.remove(scheduler.find_by_request_id("a1")[0])
    assert admit_all(scheduler) == ["d1"]


def test_slots_are_given_in_the_order_of_the_waiting_list():
    scheduler = make_scheduler("a1", "a2", "b1", "a3", "c1", "b2", "c2", slots=2)
    admit_all(scheduler)
    while scheduler.waiting:
        first = scheduler.waiting[0]
        with_slot = [sequence for sequence in scheduler if sequence not in scheduler.waiting]
        scheduler.remove(with_slot[0])
        assert scheduler.next_admission() in (first, None)
        admit_all(scheduler)


def test_the_waiting_list_is_the_same_object_until_it_changes():
    scheduler = make_scheduler("a1", "b1")
    assert scheduler.waiting is scheduler.waiting
    before = scheduler.waiting
    scheduler.add_waiting(make_sequence("c1"))
    assert scheduler.waiting is not before


def test_prefill_alternates_between_owners_and_finishes_one_prompt_of_each():
    scheduler = make_scheduler("a1", "a2", "a3", "b1")
    admit_all(scheduler)
    assert [prefill_chunk(scheduler) for _ in range(4)] == ["b1", "a1", "b1", "a1"]
    scheduler.start_decode(scheduler.find_by_request_id("a1")[0])
    assert {prefill_chunk(scheduler) for _ in range(2)} == {"a2", "b1"}


def test_a_pass_takes_the_first_prompt_of_each_owner_and_then_the_second():
    scheduler = make_scheduler("a1", "a2", "a3", "b1", "c1", "c2", slots=7)
    admit_all(scheduler)
    assert ids_of(scheduler.prefill_order) == ["c1", "b1", "a1", "c2", "a2", "a3"]
    for name in ("c1", "b1"):
        scheduler.record_chunk(scheduler.find_by_request_id(name)[0])
    assert ids_of(scheduler.prefill_order) == ["a1", "c1", "b1", "a2", "c2", "a3"]


def test_a_new_owner_gets_the_next_chunk_and_then_alternates():
    scheduler = make_scheduler("a1", "b1", slots=4)
    admit_all(scheduler)
    prefill_chunk(scheduler)
    scheduler.add_waiting(make_sequence("c1"))
    scheduler.start_prefill(scheduler.next_admission())
    assert prefill_chunk(scheduler) == "c1"
    assert {prefill_chunk(scheduler) for _ in range(2)} == {"a1", "b1"}


def test_the_last_decoding_row_takes_the_place_of_a_removed_one():
    scheduler = make_scheduler("a", "b", "c")
    admit_all(scheduler)
    for name in "abc":
        scheduler.start_decode(scheduler.find_by_request_id(name)[0])
    scheduler.remove(scheduler.decoding[0])
    assert ids_of(scheduler.decoding) == ["c", "b"]


def test_remove_finds_a_sequence_in_any_state_and_may_be_repeated():
    scheduler = make_scheduler("a", "b", "c", slots=3)
    scheduler.start_prefill(scheduler.next_admission())
    scheduler.start_prefill(scheduler.next_admission())
    scheduler.start_decode(scheduler.prefill_order[0])
    for sequence in [*scheduler, *scheduler]:
        scheduler.remove(sequence)
    assert scheduler.is_idle
