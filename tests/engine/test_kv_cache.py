"""The KV cache: which slot a prompt gets, what is reused, and what attention reads and writes."""

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


def test_a_new_conversation_takes_an_empty_slot_or_the_least_recently_used_one():
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


def test_arranging_slots_moves_their_content():
    slots = cache(3)
    acquired = []
    for number in (1, 2, 3):
        slot, _ = slots.acquire_slot([number] * 4)
        prefill_ids(slots, slot, [number] * 4)
        acquired.append(slot)
    slots.arrange_slots([acquired[2], acquired[0]])
    assert [slots.layers[1][0, row, 0, 0, 0].item() for row in range(3)] == [3, 1, 2]
    assert [slot.index for slot in acquired] == [1, 2, 0]


def test_a_decode_step_writes_and_attends_up_to_the_length_of_each_row():
    slots = cache(2)
    ones, seven = torch.ones(2, 1, 4), torch.tensor([[[7.0] * 4], [[8.0] * 4]])
    attended = DecodeAttention.from_lengths(slots, [2, 5]).prepare(torch.float32)(
        0, ones, 0 * ones, seven
    )
    assert slots.layers[0][1, :, 0, :, 0].nonzero().tolist() == [[0, 2], [1, 5]]
    # All keys are equal, so each row gets the mean of its values: the new one and the zeros
    # before it, two in the first row and five in the second.
    assert attended[:, 0].tolist() == pytest.approx([7 / 3, 8 / 6])


def test_a_prefill_chunk_attends_causally():
    slots = cache(1)
    slot, _ = slots.acquire_slot([1] * 5)
    prefill_ids(slots, slot, [0, 0])
    ones = torch.ones(3, 1, 4)
    attended = PrefillAttention(slots, slot, 2, 5).prepare(torch.float32)(
        0, ones, 0 * ones, 60 * ones
    )
    assert attended[:, 0].tolist() == pytest.approx([60 / 3, 120 / 4, 180 / 5])


def test_packed_chunks_attend_to_their_own_slot_only():
    slots = cache(2)
    (first, _), (second, _) = slots.acquire_slot([1] * 5), slots.acquire_slot([2] * 3)
    prefill_ids(slots, first, [0, 0])
    ones = torch.ones(6, 1, 4)
    values = torch.tensor([60.0] * 3 + [7.0, 8.0, 9.0])[:, None, None] * ones
    backend = PackedPrefillAttention(
        [PrefillAttention(slots, first, 2, 5), PrefillAttention(slots, second, 0, 3)]
    )
    attended = backend.prepare(torch.float32)(0, ones, 0 * ones, values)
    assert attended[:, 0].tolist() == pytest.approx([60 / 3, 120 / 4, 180 / 5, 7, 7.5, 8])


def test_prefill_and_decode_attend_alike_with_shared_key_heads():
    slots = KVCache(
        CachePlan(1, 16), layers=1, heads=2, head_dim=4, device="cpu", dtype=torch.float32
    )
    slot, _ = slots.acquire_slot([1] * 3)
    keys, values = torch.randn(2, 3, 2, 4)
    queries = torch.randn(3, 4, 4)
    prefilled = PrefillAttention(slots, slot, 0, 3).prepare(torch.float32)(0, queries, keys, values)
    steps = [
        DecodeAttention.from_lengths(slots, [place]).prepare(torch.float32)(
            0, *(each[place : place + 1] for each in (queries, keys, values))
        )
        for place in range(3)
    ]
    torch.testing.assert_close(torch.cat(steps), prefilled)


def prefill_ids(slots: KVCache, slot: Slot, ids: list[int]) -> None:
    """Prefill keys and values that are equal to the ids of their tokens."""
    numbers = torch.tensor(ids, dtype=torch.float32)[:, None, None].expand(-1, 1, 4)
    backend = PrefillAttention(slots, slot, len(slot.prefix_ids), len(slot.prefix_ids) + len(ids))
    attention = backend.prepare(torch.float32)
    for layer in range(2):
        attention(layer, numbers, numbers, -numbers)
    slot.prefix_ids.extend(ids)


def test_a_prefix_of_a_busy_slot_is_copied_with_its_content():
    slots, document = cache(2, 64), list(range(1, 41))
    reader, _ = slots.acquire_slot([*document, 50])
    prefill_ids(slots, reader, document)
    second, shared = slots.acquire_slot([*document, 60])
    assert shared == 0
    assert slots.copy_prefix(second, [*document, 60]) == 40
    assert second.prefix_ids == document
    assert slots.layers[1][:, second.index, 0, :40, 0].tolist() == [
        document,
        [-key for key in document],
    ]


def test_two_prompts_with_the_same_prefix_share_its_prefill():
    slots, document = cache(2, 100), list(range(1, 91))
    first, _ = slots.acquire_slot(document)
    second, _ = slots.acquire_slot(document)
    prefill_ids(slots, first, document[:30])
    assert slots.copy_prefix(second, document) == 30
    prefill_ids(slots, second, document[30:60])
    assert slots.copy_prefix(first, document) == 60
    prefill_ids(slots, first, document[60:])
    assert slots.copy_prefix(second, document) == 89


def test_a_short_or_different_prefix_is_not_copied():
    slots = cache(2, 64)
    first, _ = slots.acquire_slot([1] * 40)
    prefill_ids(slots, first, [*range(MIN_SHARED_TOKENS - 1), *[99] * 20])
    second, _ = slots.acquire_slot(list(range(40)))
    assert slots.copy_prefix(second, list(range(40))) == 0
    assert slots.copy_prefix(second, [7, *range(39)]) == 0


def test_a_cleared_slot_holds_no_nan():
    slots = cache(2)
    slot, _ = slots.acquire_slot([1, 2])
    slot.prefix_ids.extend([1, 2])
    for layer in slots.layers:
        layer[:, slot.index] = float("nan")
    slots.clear_slot(slot)
    assert not slot.prefix_ids
    assert all(layer.isfinite().all() for layer in slots.layers)


class FullTensor(torch.Tensor):
    """Raises MemoryError on each assignment, as if the copy did not fit."""

    def __setitem__(self, place, value):
        raise MemoryError


def test_slots_whose_swap_fails_keep_their_content():
    slots = cache(2)
    first, second = (slots.acquire_slot([key])[0] for key in (1, 2))
    first.prefix_ids, second.prefix_ids = [1], [2]
    for slot in (first, second):
        slots.layers[0][:, slot.index] = slot.prefix_ids[0]
    slots.layers[1] = FullTensor(slots.layers[1])
    with pytest.raises(MemoryError):
        slots.arrange_slots(sorted((first, second), key=lambda slot: -slot.index))
    assert [slots.layers[0][0, slot.index, 0, 0, 0] for slot in (first, second)] == [1, 2]
