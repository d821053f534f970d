"""M-RoPE rotates heads as transformers does, whole or in part, in each precision of weights."""

from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close
from transformers.models.glm4v.modeling_glm4v import (
    Glm4vTextRotaryEmbedding,
    apply_rotary_pos_emb,
)

from webui.engine.models.glm4v.rope import MRotaryEmbedding

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
HEADS, HEAD_DIM = 3, 16


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("partial", [1.0, 0.5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_heads_are_rotated_as_in_transformers(dtype, partial):
    sections = [4, 2, 2] if partial == 1.0 else [2, 1, 1]
    config = SimpleNamespace(
        max_position_embeddings=512,
        hidden_size=HEADS * HEAD_DIM,
        num_attention_heads=HEADS,
        head_dim=HEAD_DIM,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 1000.0,
            "partial_rotary_factor": partial,
            "mrope_section": sections,
        },
        standardize_rope_params=lambda: None,
    )
    rotary = Glm4vTextRotaryEmbedding(config)
    positions, heads = torch.randint(0, 300, (3, 6)), torch.randn(6, HEADS, HEAD_DIM).to(dtype)
    cos, sin = rotary(heads, positions[:, None])
    theirs, _ = apply_rotary_pos_emb(heads[None], heads[None], cos, sin, unsqueeze_dim=2)
    ours = MRotaryEmbedding(rotary, HEAD_DIM).rotation(positions, dtype)(heads)
    # Both products and their sum are rounded: near zero by up to the size of the products.
    bound = 1e-5 if dtype == torch.float32 else 8 * torch.finfo(dtype).eps
    assert_close(ours, theirs[0], rtol=bound, atol=bound)
