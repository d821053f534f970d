"""A second model family, as small as one can be: Llama of random weights, for text alone.

Shares no module with Glm4v: plain RoPE that rotates halves, no norms after a block, separate gate
and up projections, no images.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.nn.functional import silu
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from webui.engine.models.family import ModelParts
from webui.engine.models.layers import fused_linear, linear, rms_norm
from webui.engine.prompt import Prompt
from webui.engine.reasoning.tags import ReasoningTags
from webui.engine.sequence import ControlIds

TAGS = ReasoningTags("[think]", "[/think]", "[answer]", "[/answer]")
HEADS, KV_HEADS, HEAD_DIM = 4, 2, 8


class LlamaDecoder:
    def __init__(self, model):
        self._layers = model.layers
        self._norm = rms_norm(model.norm)
        self._frequencies = model.rotary_emb.inv_freq
        self._norms = [
            (rms_norm(layer.input_layernorm), rms_norm(layer.post_attention_layernorm))
            for layer in model.layers
        ]
        self._qkv = [
            fused_linear([layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj])
            for layer in model.layers
        ]

    def __call__(self, hidden, positions, backend):
        angles = positions[0].float()[:, None] * self._frequencies
        cos, sin = (part.repeat(1, 2)[:, None] for part in (angles.cos(), angles.sin()))
        attention = backend.prepare(hidden.dtype)
        for index, layer in enumerate(self._layers):
            attn_norm, mlp_norm = self._norms[index]
            heads = self._qkv[index](attn_norm(hidden)).view(len(hidden), -1, HEAD_DIM)
            queries, keys, values = heads.split([HEADS, KV_HEADS, KV_HEADS], 1)
            queries, keys = (part * cos + rotate_half(part) * sin for part in (queries, keys))
            hidden = hidden + layer.self_attn.o_proj(attention(index, queries, keys, values))
            normed, mlp = mlp_norm(hidden), layer.mlp
            hidden = hidden + mlp.down_proj(silu(mlp.gate_proj(normed)) * mlp.up_proj(normed))
        return self._norm(hidden)


def rotate_half(heads):
    first, second = heads.chunk(2, -1)
    return torch.cat([-second, first], -1)


class TextPrompts:
    """The text of all messages, and nothing else."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer

    def build(self, messages, is_aborted=lambda: False):
        text = "\n".join(message.text for message in messages)
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return Prompt(ids, ids, torch.arange(len(ids)).expand(3, -1), 0, ())


@dataclass(frozen=True, slots=True)
class LlamaFamily:
    model_type: str = "llama"
    whole_modules: tuple[str, ...] = ("lm_head",)
    tags: ReasoningTags = TAGS

    def model_class(self):
        return LlamaForCausalLM

    def load_processor(self, folder):
        return SimpleNamespace(tokenizer=AutoTokenizer.from_pretrained(folder))

    def describe(self, known, config, processor):
        return replace(known, context_length=config.max_position_embeddings)

    def find_defect(self, config, shapes, added_tokens):
        return None

    def take_apart(self, model, processor, context_length):
        return ModelParts(
            decoder=LlamaDecoder(model.model),
            lm_head=linear(model.lm_head),
            encode_images=lambda spans: [],
            prompts=TextPrompts(processor.tokenizer),
            control=ControlIds(frozenset({model.generation_config.eos_token_id})),
        )

    def reference_logits(self, model, prompt, output_ids):
        ids = torch.tensor([[*prompt.ids, *output_ids[:-1]]])
        return model(input_ids=ids).logits[0, len(prompt.ids) - 1 :]


def save_checkpoint(folder: Path, processor_folder: Path, vocabulary: int) -> Path:
    """Write a Llama of random weights into `folder`, with the processor of another checkpoint."""
    torch.manual_seed(3)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=HEADS * HEAD_DIM,
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=HEADS,
            num_key_value_heads=KV_HEADS,
            max_position_embeddings=512,
            attention_bias=True,
            eos_token_id=0,
        )
    )
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.4)
    model.save_pretrained(folder)
    for file in processor_folder.glob("*"):
        if "token" in file.name or "processor" in file.name or "template" in file.name:
            shutil.copy(file, folder)
    assert json.loads((folder / "config.json").read_text("utf-8"))["model_type"] == "llama"
    return folder
