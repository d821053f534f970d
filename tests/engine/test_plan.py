"""The plan of each machine: precision, slots, context and summary, or the reason why not."""

from dataclasses import replace

import pytest

from webui.engine.loading.catalog import FLAGSHIP
from webui.engine.planning.cards import GIBIBYTE, KNOWN_CARDS, machines_named, unused_card
from webui.engine.planning.hardware import Machine
from webui.engine.planning.needs import Needs
from webui.engine.planning.plan import (
    CachePlan,
    PlanOptions,
    describe_card_choice,
    make_plan,
    plan_cache,
)

NEEDS = FLAGSHIP.needs


def card(name, gibibytes, capability=(8, 9), free=None):
    """Return a card of that many GiB; `free` if other programs use the rest."""
    unused = unused_card(name, int(gibibytes * GIBIBYTE), capability)
    return unused if free is None else replace(unused, free_bytes=int(free * GIBIBYTE))


# Card -> precision, quantization, slots, context.
PLANS = {
    "T4": ("float16", "4bit", 11, 8192),
    "A10G": ("bfloat16", "4bit", 17, 16_384),
    "L4": ("bfloat16", "4bit", 17, 16_384),
    "RTX 4090": ("bfloat16", "4bit", 19, 16_384),
    "V100 32 GB": ("float16", "none", 30, 8192),
    "A100 40 GB": ("bfloat16", "none", 27, 16_384),
    "L40S": ("bfloat16", "none", 17, 32_768),
    "A100 80 GB": ("bfloat16", "none", 22, 65_536),
    "H100": ("bfloat16", "none", 22, 65_536),
    "H200": ("bfloat16", "none", 32, 65_536),
}
CARDS = [(card(*known), *PLANS[known[0]]) for known in KNOWN_CARDS]
CARDS += [
    (card("L4 that reports less", 21.96), *PLANS["L4"]),
    (card("laptop", 11.6), "bfloat16", "4bit", 1, 8192),
]


@pytest.mark.parametrize(("card", "dtype", "quantization", "slots", "context"), CARDS)
def test_each_card_has_its_plan(card, dtype, quantization, slots, context):
    plan = make_plan(Machine((card,), 580, "13.0"), NEEDS)
    assert (plan.dtype, plan.quantization, plan.slots, plan.context_length) == (
        dtype,
        quantization,
        slots,
        context,
    )
    assert plan.summary.endswith(f"{slots} conversation{'s' * (slots > 1)} of {context:,} tokens")
    taken = plan.weight_bytes + plan.reserve_bytes + slots * context * 40_960
    assert taken <= card.free_bytes
    assert plan.weight_bytes < plan.peak_bytes <= plan.weight_bytes + 2 * NEEDS.layer


def test_the_card_with_most_free_memory_is_chosen():
    plan = make_plan(
        Machine((card("L40S", 44.39, free=9.0), card("L40S", 44.39)), 580, "13.0"), NEEDS
    )
    assert (plan.device, plan.slots, plan.context_length) == ("cuda:1", 17, 32_768)


def test_the_choice_of_a_card_is_described_where_there_was_one():
    machine = Machine((card("L40S", 44.39, free=9.0), card("L40S", 44.39)))
    described = "cuda:1 has most free memory of 2 cards (9.7 GB, 47.2 GB)"
    assert describe_card_choice(machine, "auto") == described
    assert describe_card_choice(machine, "cuda") == described
    assert not describe_card_choice(machine, "cuda:0")
    assert not describe_card_choice(Machine((card("L40S", 44.39),)), "auto")
    assert not describe_card_choice(Machine(), "auto")


def test_a_card_in_use_is_planned_by_its_free_memory():
    plan = make_plan(Machine((card("L40S", 44.39, free=30.0),)), NEEDS)
    assert (plan.quantization, plan.slots, plan.context_length) == ("none", 26, 8192)
    assert "L40S (47.7 GB, 32.2 GB of it free)" in plan.summary
    assert make_plan(Machine((card("L40S", 44.39, free=20.0),)), NEEDS).quantization == "4bit"


@pytest.mark.parametrize(
    ("machine", "options", "reason"),
    [
        (
            Machine((card("laptop", 7.75),)),
            PlanOptions(),
            "laptop has 7.9 GB free of 8.3 GB; 4 bit with 1 conversation",
        ),
        (
            Machine(driver=535, cuda="13.0"),
            PlanOptions(),
            "driver 535 is too old for CUDA 13.0, which needs 580 or later",
        ),
        (Machine(driver=535, cuda=""), PlanOptions(), "this torch is built without CUDA"),
        (Machine(), PlanOptions(), "no CUDA device was found"),
        (
            Machine((card("L4", 22),), disk_bytes=10**9),
            PlanOptions(),
            "need 20.6 GB and the disk has 1.0 GB",
        ),
        (
            Machine((card("L4", 22),)),
            PlanOptions("cuda:1"),
            "--device is cuda:1 and this machine has 1 CUDA device",
        ),
        (
            Machine((card("L4", 22),)),
            PlanOptions(quantization="none"),
            "bfloat16 with 1 conversation of 8,192 tokens",
        ),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_with_numbers(machine, options, reason):
    plan = make_plan(machine, NEEDS, options)
    assert not plan.fits
    assert reason in plan.summary


def test_options_are_kept():
    plan = make_plan(
        Machine((card("L40S", 44.39),)), NEEDS, PlanOptions("cuda:0", "8bit", 3, 65_536)
    )
    assert (plan.quantization, plan.slots, plan.context_length) == ("8bit", 3, 65_536)


def test_the_needs_of_the_9b_model_are_those_of_its_config():
    config = {
        "dtype": "bfloat16",
        "text_config": {
            "hidden_size": 4096, "intermediate_size": 13_696, "num_hidden_layers": 40,
            "num_attention_heads": 32, "num_key_value_heads": 2, "max_position_embeddings": 65_536,
        },
    }  # fmt: skip
    assert Needs.from_config(config, NEEDS.file_bytes) == NEEDS
    assert [round(NEEDS.weight_bytes(kind, 2) / 1e9, 1) for kind in ("none", "8bit", "4bit")] == [
        20.6,
        12.4,
        8.5,
    ]


def test_many_conversations_come_before_long_ones():
    assert plan_cache(65_536 * 16 * 100, 100, 131_072) == CachePlan(16, 65_536)
    assert plan_cache(65_536 * 16 * 100 - 1, 100, 65_536) == CachePlan(31, 32_768)
    assert plan_cache(8192 * 9 * 100, 100, 65_536) == CachePlan(9, 8192)
    assert plan_cache(8192 * 3 * 100, 100, 65_536) == CachePlan(3, 8192)
    assert plan_cache(8191 * 100, 100, 65_536).slots == 0
    assert plan_cache(10**9, 100, 65_536, slots=3, context=4096) == CachePlan(3, 4096)
    assert plan_cache(10**9, 100, 2048) == CachePlan(32, 2048)


def test_a_machine_is_named_by_the_size_or_the_name_of_its_card():
    for text, name in (
        ("24 GB", "a card of 24 GB"),
        ("24gb", "a card of 24gb"),
        ("rtx 4090", "RTX 4090"),
    ):
        assert [machine.cards[0].name for machine in machines_named(text)] == [name]
    assert len(machines_named("all")) == len(KNOWN_CARDS)
    assert (
        make_plan(*machines_named("24 GB"), NEEDS).quantization
        == make_plan(*machines_named("L4"), NEEDS).quantization
        == "4bit"
    )
    with pytest.raises(ValueError):  # noqa: PT011
        machines_named("3090 Super")
