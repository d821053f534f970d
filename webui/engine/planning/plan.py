"""The plan: from what a machine has and a checkpoint needs to what will run, and why. One pure function."""

from __future__ import annotations

from dataclasses import dataclass

from webui.engine.planning.hardware import Card, Machine
from webui.engine.planning.needs import Needs
from webui.reasons import (
    CardTooSmall,
    DriverTooOld,
    FilesTooLarge,
    NoCudaDevice,
    NoSuchDevice,
    Reason,
    TorchWithoutCuda,
)

GIGABYTE = 10**9
# Half precision from here; what cards of 24 GB report varies by what else they do, and weights of 20.6 GB leave them
# room for a conversation or for none (zai-org/GLM-V#43 names 24 GB as exceeded).
HALF_FROM_BYTES = 32 * GIGABYTE
BFLOAT16_SINCE = (8, 0)
# Drivers from which a CUDA release runs (docs.nvidia.com, CUDA toolkit release notes, table of minimum drivers).
DRIVER_FOR = {"13": 580, "12": 525}
# Beside weights and cache. Estimated: activations of a chunk and of the tower, fragments, the cache of pictures; and
# for each token of the longest conversation the mask and the repeated keys of a piece of prefill.
RESERVE_BYTES = 2 * 1024**3 + 512 * 1024**2
RESERVE_BYTES_PER_TOKEN = 24_576
MIN_CONTEXT = 8192
MAX_CONTEXT = 65_536
MAX_SLOTS = 32
HALF = 2  # bytes a number
# Less than this is what a card keeps for itself.
BUSY_BYTES = 2 * GIGABYTE
# So many people before long conversations, then fewer.
WANTED_SLOTS = (16, 8, 4)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What was asked for at the start; "auto" and 0 leave it to the plan."""

    device: str = "auto"
    quantization: str = "auto"
    slots: int = 0
    context_length: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run. Where nothing fits, `slots` is 0 and `refusal` says what is missing and what to do.

    `peak_bytes` is the most that loading takes: the weights and one layer's, of which fused copies are made.
    """

    device: str
    dtype: str
    quantization: str
    slots: int
    context_length: int
    weight_bytes: int
    reserve_bytes: int
    peak_bytes: int
    refusal: Reason | None = None
    summary: str = ""

    @property
    def fits(self) -> bool:
        return self.slots > 0


@dataclass(frozen=True, slots=True)
class CachePlan:
    """So many conversations of at most `context_length` tokens."""

    slots: int
    context_length: int


def make_plan(machine: Machine, needs: Needs, wishes: PlanOptions = PlanOptions()) -> Plan:
    """On a card: the wished one, else that with most free memory. Never on the CPU: that is the loader's affair."""
    if (
        needs.file_bytes
        and machine.disk_bytes is not None
        and needs.file_bytes > machine.disk_bytes
    ):
        return refused_plan(
            FilesTooLarge(needs.file_bytes / GIGABYTE, machine.disk_bytes / GIGABYTE)
        )
    if not machine.cards and (machine.driver or wishes.device == "auto"):
        return refused_plan(no_card(machine))
    index = chosen_card(machine, wishes.device)
    if index is None:
        return refused_plan(NoSuchDevice(wishes.device, len(machine.cards)))
    card = machine.cards[index]
    tried = [
        on_card(f"cuda:{index}", card, needs, kind, wishes) for kind in quantizations(card, wishes)
    ]
    return next((each for each in tried if each.fits), tried[-1])


def quantizations(card: Card, wishes: PlanOptions) -> tuple[str, ...]:
    """By what the card has in all, not by what is free at the moment: the same card gets the same answer."""
    if wishes.quantization != "auto":
        return (wishes.quantization,)
    return ("none", "4bit") if card.total_bytes >= HALF_FROM_BYTES else ("4bit",)


def on_card(device: str, card: Card, needs: Needs, quantization: str, wishes: PlanOptions) -> Plan:
    dtype = "bfloat16" if card.capability >= BFLOAT16_SINCE else "float16"
    weights = needs.weight_bytes(quantization, HALF)
    room = card.free_bytes - weights - RESERVE_BYTES
    cache = plan_cache(
        room,
        needs.cache_numbers * HALF,
        needs.context_length,
        slots=wishes.slots,
        context=wishes.context_length,
        reserve_per_token=RESERVE_BYTES_PER_TOKEN,
    )
    if not cache.slots:
        least = wishes.slots or 1
        needed = RESERVE_BYTES + cache.context_length * (
            RESERVE_BYTES_PER_TOKEN + least * needs.cache_numbers * HALF
        )
        return refused_plan(
            CardTooSmall(
                card=card.name,
                free_gb=card.free_bytes / GIGABYTE,
                total_gb=card.total_bytes / GIGABYTE,
                precision=words(quantization, dtype),
                slots=least,
                tokens=cache.context_length,
                needed_gb=(weights + needed) / GIGABYTE,
            )
        )
    return Plan(
        device,
        dtype,
        quantization,
        cache.slots,
        cache.context_length,
        weights,
        RESERVE_BYTES + RESERVE_BYTES_PER_TOKEN * cache.context_length,
        weights + needs.layer * HALF,
        summary=sentence(card, quantization, dtype, weights, cache),
    )


def plan_cache(
    free_bytes: int,
    bytes_per_token: int,
    model_context: int,
    *,
    slots: int = 0,
    context: int = 0,
    reserve_per_token: int = 0,
) -> CachePlan:
    """Slots x context that fit into `free_bytes`; 0 lets the plan choose. 0 slots if not even one fits.

    Many people come before long conversations: the longest context that leaves 16 slots, else 8, else 4; else the
    shortest, with as many as there is room for.
    `reserve_per_token` is needed once for each token of the context, however many slots there are.
    """
    longest = min(context or MAX_CONTEXT, model_context)
    contexts = [longest]
    while not context and contexts[-1] // 2 >= MIN_CONTEXT:
        contexts.append(contexts[-1] // 2)

    def fitting(length: int) -> int:
        return max((free_bytes - reserve_per_token * length) // (bytes_per_token * length), 0)

    for wanted in (slots,) if slots else WANTED_SLOTS:
        for length in contexts:
            if fitting(length) >= wanted:
                return CachePlan(slots or min(fitting(length), MAX_SLOTS), length)
    return CachePlan(0 if slots else fitting(contexts[-1]), contexts[-1])


def chosen_card(machine: Machine, device: str) -> int | None:
    """The index of the card; None if there is no such one. Of equal ones the first."""
    if ":" in device:
        index = int(device.partition(":")[2])
        return index if index < len(machine.cards) else None
    if not machine.cards:
        return None
    return max(
        range(len(machine.cards)), key=lambda index: (machine.cards[index].free_bytes, -index)
    )


def no_card(machine: Machine) -> Reason:
    """Return why torch can use no card, and what to do about it."""
    needed = DRIVER_FOR.get(machine.cuda.partition(".")[0], 0)
    if machine.driver and not machine.cuda:
        return TorchWithoutCuda(machine.driver)
    if machine.driver and machine.driver < needed:
        return DriverTooOld(machine.driver, machine.cuda, needed)
    return NoCudaDevice()


def sentence(card: Card, quantization: str, dtype: str, weights: int, cache: CachePlan) -> str:
    busy = card.total_bytes - card.free_bytes > BUSY_BYTES
    memory = gigabytes(card.total_bytes) + (
        f", {gigabytes(card.free_bytes)} of it free" if busy else ""
    )
    return (
        f"{words(quantization, dtype)} ({gigabytes(weights)}) on {card.name} ({memory}): "
        f"{people(cache.slots, cache.context_length)}"
    )


def people(slots: int, context: int) -> str:
    return f"{slots} conversation{'s' * (slots > 1)} of {context:,} tokens"


def words(quantization: str, dtype: str) -> str:
    return {"none": dtype, "4bit": "4 bit", "8bit": "8 bit"}[quantization]


def refused_plan(reason: Reason) -> Plan:
    return Plan("", "", "", 0, 0, 0, 0, 0, reason, summary=str(reason))


def gigabytes(count: int) -> str:
    return f"{count / GIGABYTE:.1f} GB"
