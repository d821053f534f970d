"""The plan: from what a machine has and what a checkpoint needs to what will run, and why.

Pure functions over values, so that a plan can be made for a machine that is not at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
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
# Half precision from this size on. What cards of 24 GB report depends on their ECC setting and on
# other programs, and weights of 20.6 GB leave them room for one conversation or for none
# (https://github.com/zai-org/GLM-V/issues/43 says that 24 GB are exceeded).
HALF_PRECISION_MIN_BYTES = 32 * GIGABYTE
BFLOAT16_MIN_CAPABILITY = (8, 0)
# The first driver that runs a CUDA release (CUDA toolkit release notes, table of minimum drivers).
MIN_DRIVERS = {"13": 580, "12": 525}
# Estimates of what serving needs beside weights and cache, used until the loader has measured it:
# activations of a prefill chunk and of the vision encoder, fragments, cached image features; and
# for each token of the context the mask and the repeated keys of a prefill chunk.
RESERVE_BYTES = 2 * 1024**3 + 512 * 1024**2
RESERVE_BYTES_PER_TOKEN = 24_576
MIN_CONTEXT = 8192
MAX_CONTEXT = 65_536
MAX_SLOTS = 32
# The size of a number in half precision.
HALF_BYTES = 2
# Cards and their drivers keep less than this for themselves.
BUSY_BYTES = 2 * GIGABYTE
# Many conversations come before long ones: a longer context must leave this many slots.
WANTED_SLOTS = (16, 8, 4)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the command line asks for; "auto" and 0 are decided by the plan."""

    device: str = "auto"
    quantization: str = "auto"
    slots: int = 0
    context_length: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run. Where nothing fits, `slots` is 0 and `refusal` says what is missing.

    `peak_bytes` is the most that loading takes: the weights, and the fused copy of one layer.
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
    """The size of a KV cache: `slots` conversations of at most `context_length` tokens."""

    slots: int
    context_length: int


def make_plan(machine: Machine, needs: Needs, options: PlanOptions = PlanOptions()) -> Plan:
    """Return how a checkpoint would run on a card of the machine.

    The card is the one that `options` names, or else the one with most free memory. Running on the
    CPU is not planned here; the loader decides that.
    """
    if machine.disk_bytes is not None and needs.file_bytes > machine.disk_bytes:
        return refused_plan(
            FilesTooLarge(needs.file_bytes / GIGABYTE, machine.disk_bytes / GIGABYTE)
        )
    if not machine.cards and (machine.driver or options.device == "auto"):
        return refused_plan(explain_missing_card(machine))
    index = choose_card(machine, options.device)
    if index is None:
        return refused_plan(NoSuchDevice(options.device, len(machine.cards)))
    card = machine.cards[index]
    plan = refused_plan(NoCudaDevice())
    for quantization in allowed_quantizations(card, options):
        plan = plan_on_card(f"cuda:{index}", card, needs, quantization, options)
        if plan.fits:
            break
    return plan


def allowed_quantizations(card: Card, options: PlanOptions) -> tuple[str, ...]:
    """Return the quantizations to try, best first.

    Decided by the whole memory of the card, not by what is free now: the same card always gets the
    same answer.
    """
    if options.quantization != "auto":
        return (options.quantization,)
    return ("none", "4bit") if card.total_bytes >= HALF_PRECISION_MIN_BYTES else ("4bit",)


def plan_on_card(
    device: str, card: Card, needs: Needs, quantization: str, options: PlanOptions
) -> Plan:
    dtype = "bfloat16" if card.capability >= BFLOAT16_MIN_CAPABILITY else "float16"
    weight_bytes = needs.weight_bytes(quantization, HALF_BYTES)
    bytes_per_token = needs.cache_elements * HALF_BYTES
    cache = plan_cache(
        card.free_bytes - weight_bytes - RESERVE_BYTES,
        bytes_per_token,
        needs.context_length,
        slots=options.slots,
        context=options.context_length,
        reserve_per_token=RESERVE_BYTES_PER_TOKEN,
    )
    if not cache.slots:
        min_slots = options.slots or 1
        bytes_per_position = RESERVE_BYTES_PER_TOKEN + min_slots * bytes_per_token
        needed = weight_bytes + RESERVE_BYTES + cache.context_length * bytes_per_position
        return refused_plan(
            CardTooSmall(
                card=card.name,
                free_gb=card.free_bytes / GIGABYTE,
                total_gb=card.total_bytes / GIGABYTE,
                precision=describe_precision(quantization, dtype),
                slots=min_slots,
                tokens=cache.context_length,
                needed_gb=needed / GIGABYTE,
            )
        )
    return Plan(
        device,
        dtype,
        quantization,
        cache.slots,
        cache.context_length,
        weight_bytes,
        RESERVE_BYTES + RESERVE_BYTES_PER_TOKEN * cache.context_length,
        weight_bytes + needs.layer * HALF_BYTES,
        summary=describe_plan(card, quantization, dtype, weight_bytes, cache),
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
    """Return the slots and the context that fit into `free_bytes`; 0 slots if not even one fits.

    `slots` and `context` 0 are chosen: the longest context that leaves 16 slots, or else 8, or else
    4; or else the shortest context with as many slots as fit. `reserve_per_token` is needed once
    for each token of the context, however many slots there are.
    """
    contexts = list(possible_contexts(model_context, context))

    def fitting_slots(length: int) -> int:
        return max((free_bytes - reserve_per_token * length) // (bytes_per_token * length), 0)

    for wanted in (slots,) if slots else WANTED_SLOTS:
        for length in contexts:
            if fitting_slots(length) >= wanted:
                return CachePlan(slots or min(fitting_slots(length), MAX_SLOTS), length)
    return CachePlan(0 if slots else fitting_slots(contexts[-1]), contexts[-1])


def possible_contexts(model_context: int, context: int) -> Iterator[int]:
    """Yield the lengths to try, longest first: the one asked for, or halves down to MIN_CONTEXT."""
    length = min(context or MAX_CONTEXT, model_context)
    yield length
    while not context and length // 2 >= MIN_CONTEXT:
        length //= 2
        yield length


def choose_card(machine: Machine, device: str) -> int | None:
    """Return the index of the card that `device` names; None if there is no such card.

    "auto" and "cuda" name the card with most free memory, the first of equal ones.
    """
    if ":" in device:
        index = int(device.partition(":")[2])
        return index if index < len(machine.cards) else None
    if not machine.cards:
        return None
    free_bytes = [card.free_bytes for card in machine.cards]
    return free_bytes.index(max(free_bytes))


def describe_card_choice(machine: Machine, device: str) -> str:
    """Return which card of several was chosen and why, or "" where there was no choice."""
    index = choose_card(machine, device)
    if index is None or ":" in device or len(machine.cards) < 2:
        return ""
    free = ", ".join(gigabytes(card.free_bytes) for card in machine.cards)
    return f"cuda:{index} has most free memory of {len(machine.cards)} cards ({free})"


def explain_missing_card(machine: Machine) -> Reason:
    """Return why torch can use no card, and what to do about it."""
    needed = MIN_DRIVERS.get(machine.cuda.partition(".")[0], 0)
    if machine.driver and not machine.cuda:
        return TorchWithoutCuda(machine.driver)
    if machine.driver and machine.driver < needed:
        return DriverTooOld(machine.driver, machine.cuda, needed)
    return NoCudaDevice()


def describe_plan(
    card: Card, quantization: str, dtype: str, weight_bytes: int, cache: CachePlan
) -> str:
    memory = gigabytes(card.total_bytes)
    if card.total_bytes - card.free_bytes > BUSY_BYTES:
        memory += f", {gigabytes(card.free_bytes)} of it free"
    precision = describe_precision(quantization, dtype)
    slots = describe_slots(cache.slots, cache.context_length)
    return f"{precision} ({gigabytes(weight_bytes)}) on {card.name} ({memory}): {slots}"


def describe_slots(slots: int, context: int) -> str:
    return f"{slots} conversation{'s' * (slots > 1)} of {context:,} tokens"


def describe_precision(quantization: str, dtype: str) -> str:
    return {"none": dtype, "4bit": "4 bit", "8bit": "8 bit"}[quantization]


def refused_plan(reason: Reason) -> Plan:
    return Plan("", "", "", 0, 0, 0, 0, 0, reason, summary=str(reason))


def gigabytes(count: int) -> str:
    return f"{count / GIGABYTE:.1f} GB"
