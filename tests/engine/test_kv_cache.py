"""Slots: which one a prompt gets, what is kept, and that moving a row moves its content."""

import pytest
import torch

from webui.engine.execution.attention import (
    DecodeAttention,
    PackedPrefillAttention,
    PrefillAttention,
)
from webui.engine.execution.kv_cache import MIN_SHARED_TOKENS, CachePlan, KVCache, Slot


def cache(slots: int = 3, context: int = 16) -> KVCache:
    return KVCache(
        CachePlan(slots, context), layers=2, heads=1, head_dim=4, device="cpu", dtype=torch.float32
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "shared"),
    [
        ([], [1], 0),
        ([1, 2, 3], [1, 2, 3], 3),
        ([1, 2, 3], [1, 2, 4], 2),
        ([1, 2], [1, 2, 3], 2),
        ([9], [1], 0),
    ],
)
def test_common_prefix(mine, theirs, shared):
    assert Slot(0, mine).common_prefix(theirs) == shared


def test_the_next_turn_of_a_conversation_gets_its_slot_back():
    slots = cache()
    slot, _ = slots.acquire_slot([1, 2, 3, 4])
    slot.prefix_ids.extend([1, 2, 3, 4])
    slots.release_slot(slot)
    again, shared = slots.acquire_slot([1, 2, 3, 4, 5])
    assert again is slot
    assert shared == 4


def test_at_least_one_token_is_left_to_prefill():
    slots = cache(1)
    slot, _ = slots.acquire_slot([1, 2])
    slot.prefix_ids.extend([1, 2])
    slots.release_slot(slot)
    assert slots.acquire_slot([1, 2])[1] == 1


def test_a_stranger_takes_an_empty_slot_then_the_one_unused_for_longest():
    slots = cache(2)
    for start in (10, 20):
        slot, _ = slots.acquire_slot([start] * 5)
        slot.prefix_ids.extend([start] * 5)
        slots.release_slot(slot)
    assert {slot.prefix_ids[0] for slot in slots.slots} == {10, 20}
    slot, shared = slots.acquire_slot([30] * 5)
    assert shared == 0
    assert [other.prefix_ids[0] for other in slots.slots if other is not slot] == [20]


def test_no_slot_is_idle_while_all_are_busy():
    slots = cache(1)
    assert slots.has_idle_slot
    slot, _ = slots.acquire_slot([1])
    assert not slots.has_idle_slot
    slots.release_slot(slot)
    assert slots.has_idle_slot


def test_arrange_moves_content_with_its_slot():
    slots = cache(3)
    taken = []
    for number in (1, 2, 3):
        slot, _ = slots.acquire_slot([number] * 4)
        read(slots, slot, [number] * 4)
        taken.append(slot)
    slots.arrange_slots([taken[2], taken[0]])
    assert [slots.layers[1][0, row, 0, 0, 0].item() for row in range(3)] == [3, 1, 2]
    assert [slot.index for slot in taken] == [1, 2, 0]


def test_a_decode_step_writes_each_row_at_its_own_length_and_sees_no_further():
    slots = cache(2)
    ones, seven = torch.ones(2, 1, 4), torch.tensor([[[7.0] * 4], [[8.0] * 4]])
    seen = DecodeAttention.from_lengths(slots, [2, 5]).prepare(torch.float32)(
        0, ones, 0 * ones, seven
    )
    assert slots.layers[0][1, :, 0, :, 0].nonzero().tolist() == [[0, 2], [1, 5]]
    # All keys are alike, so that each row sees the mean of its values: the new one beside two and five zeros.
    assert seen[:, 0].tolist() == pytest.approx([7 / 3, 8 / 6])


def test_a_prefill_chunk_sees_itself_causally():
    slots = cache(1)
    slot, _ = slots.acquire_slot([1] * 5)
    read(slots, slot, [0, 0])
    ones = torch.ones(3, 1, 4)
    seen = PrefillAttention(slots, slot, 2, 5).prepare(torch.float32)(0, ones, 0 * ones, 60 * ones)
    assert seen[:, 0].tolist() == pytest.approx([60 / 3, 120 / 4, 180 / 5])


def test_chunks_of_several_slots_in_one_pass_see_their_own_slot_only():
    slots = cache(2)
    (one, _), (other, _) = slots.acquire_slot([1] * 5), slots.acquire_slot([2] * 3)
    read(slots, one, [0, 0])
    ones = torch.ones(6, 1, 4)
    values = torch.tensor([60.0] * 3 + [7.0, 8.0, 9.0])[:, None, None] * ones
    view = PackedPrefillAttention(
        [PrefillAttention(slots, one, 2, 5), PrefillAttention(slots, other, 0, 3)]
    )
    seen = view.prepare(torch.float32)(0, ones, 0 * ones, values)
    assert seen[:, 0].tolist() == pytest.approx([60 / 3, 120 / 4, 180 / 5, 7, 7.5, 8])


def test_queries_that_share_a_key_head_see_the_same():
    slots = KVCache(
        CachePlan(1, 16), layers=1, heads=2, head_dim=4, device="cpu", dtype=torch.float32
    )
    slot, _ = slots.acquire_slot([1] * 3)
    keys, values = torch.randn(2, 3, 2, 4)
    queries = torch.randn(3, 4, 4)
    read_at_once = PrefillAttention(slots, slot, 0, 3).prepare(torch.float32)(
        0, queries, keys, values
    )
    steps = [
        DecodeAttention.from_lengths(slots, [place]).prepare(torch.float32)(
            0, *(each[place : place + 1] for each in (queries, keys, values))
        )
        for place in range(3)
    ]
    torch.testing.assert_close(torch.cat(steps), read_at_once)


def read(slots: KVCache, slot: Slot, keys: list[int]) -> None:
    """Keys and values that tell which token they belong to."""
    numbers = torch.tensor(keys, dtype=torch.float32)[:, None, None].expand(-1, 1, 4)
    view = PrefillAttention(slots, slot, len(slot.prefix_ids), len(slot.prefix_ids) + len(keys))
    attend = view.prepare(torch.float32)
    for layer in range(2):
        attend(layer, numbers, numbers, -numbers)
    slot.prefix_ids.extend(keys)


def test_a_prefix_of_a_busy_slot_is_copied_with_its_content():
    slots, document = cache(2, 64), list(range(1, 41))
    reader, _ = slots.acquire_slot([*document, 50])
    read(slots, reader, document)
    other, shared = slots.acquire_slot([*document, 60])
    assert shared == 0
    assert slots.copy_prefix(other, [*document, 60]) == 40
    assert other.prefix_ids == document
    assert slots.layers[1][:, other.index, 0, :40, 0].tolist() == [
        document,
        [-key for key in document],
    ]


def test_two_who_read_the_same_take_over_from_each_other():
    slots, document = cache(2, 100), list(range(1, 91))
    one, _ = slots.acquire_slot(document)
    two, _ = slots.acquire_slot(document)
    read(slots, one, document[:30])
    assert slots.copy_prefix(two, document) == 30
    read(slots, two, document[30:60])
    assert slots.copy_prefix(one, document) == 60
    read(slots, one, document[60:])
    assert slots.copy_prefix(two, document) == 89


def test_what_is_short_or_not_the_same_is_not_copied():
    slots = cache(2, 64)
    one, _ = slots.acquire_slot([1] * 40)
    read(slots, one, [*range(MIN_SHARED_TOKENS - 1), *[99] * 20])
    two, _ = slots.acquire_slot(list(range(40)))
    assert slots.copy_prefix(two, list(range(40))) == 0
    assert slots.copy_prefix(two, [7, *range(39)]) == 0


def test_a_cleared_slot_spoils_nobody():
    slots = cache(2)
    slot, _ = slots.acquire_slot([1, 2])
    slot.prefix_ids.extend([1, 2])
    for layer in slots.layers:
        layer[:, slot.index] = float("nan")
    slots.clear_slot(slot)
    assert not slot.prefix_ids
    assert all(layer.isfinite().all() for layer in slots.layers)


class Full(torch.Tensor):
    """Takes no more assignments, as if there were no memory for what is assigned."""

    def __setitem__(self, place, value):
        raise MemoryError


def test_slots_that_cannot_be_swapped_stay_where_they_are():
    slots = cache(2)
    one, other = (slots.acquire_slot([key])[0] for key in (1, 2))
    one.prefix_ids, other.prefix_ids = [1], [2]
    for slot in (one, other):
        slots.layers[0][:, slot.index] = slot.prefix_ids[0]
    slots.layers[1] = Full(slots.layers[1])
    with pytest.raises(MemoryError):
        slots.arrange_slots(sorted((one, other), key=lambda slot: -slot.index))
    assert [slots.layers[0][0, slot.index, 0, 0, 0] for slot in (one, other)] == [1, 2]
