"""The state of a training: model, auxiliary heads, optimizers and how far it has come."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from transformers import Glm4vForConditionalGeneration, Glm4vProcessor

from recipe.training.distributed import DataParallel
from recipe.training.model import HIDDEN_SIZE, build_model, build_processor, save
from recipe.training.muon import Muon
from recipe.training.vision_pretraining import AuxiliaryHeads

SEED = 1
MATRIX_RATE, OTHER_RATE = 2e-3, 1e-3  # peak learning rates of Muon and of AdamW
RECENT_STEPS = 20


@dataclass
class Training:
    """The state of one training, which `work` keeps on disk."""

    model: Glm4vForConditionalGeneration
    heads: AuxiliaryHeads
    processor: Glm4vProcessor
    optimizers: list[torch.optim.Optimizer]
    work: Path
    device: str
    group: DataParallel
    step: int = 0
    vision_steps: int = 0
    elapsed_s: float = 0.0
    losses: list[float] = field(default_factory=list)

    def save(self) -> None:
        """Write the state to resume from, and the checkpoint as it is now.

        All processes have the same state; the first one writes it.
        """
        if self.group.rank:
            return
        state = {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "vision_steps": self.vision_steps,
            "elapsed_s": self.elapsed_s,
            "losses": self.losses,
        }
        part = self.work / "state.part"
        torch.save(state, part)
        os.replace(part, self.work / "state.pt")
        save(self.model, self.processor, self.work / "model")

    def resume(self) -> None:
        """Load the state that `work` has, if there is one."""
        file = self.work / "state.pt"
        if not file.is_file():
            return
        state = torch.load(file, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.vision_steps = state["step"], state["vision_steps"]
        self.elapsed_s, self.losses = state["elapsed_s"], state["losses"]

    def recent_loss(self) -> float:
        losses = self.losses[-RECENT_STEPS:]
        return sum(losses) / max(len(losses), 1)


def start_training(
    work: Path, device: str, weights: Path | None = None, group: DataParallel | None = None
) -> Training:
    """Resume from `work`, or else start from the checkpoint `weights` or from random weights."""
    torch.manual_seed(SEED)
    processor = build_processor()
    model = build_model(processor.tokenizer)
    if weights:
        model.load_state_dict(load_file(weights / "model.safetensors"))
    nn.Module.to(model, device).train()
    use_linear_patches(model)
    heads = AuxiliaryHeads(HIDDEN_SIZE).to(device)
    work.mkdir(parents=True, exist_ok=True)
    optimizers = build_optimizers(model, heads)
    training = Training(model, heads, processor, optimizers, work, device, group or DataParallel())
    training.resume()
    return training


def use_linear_patches(model: Glm4vForConditionalGeneration) -> None:
    """Compute patch embeddings as one matrix product.

    The result is that of the convolution, three times faster on a CPU.
    """
    patches = model.model.visual.patch_embed
    patches.forward = lambda pixels: functional.linear(
        pixels, patches.proj.weight.flatten(1), patches.proj.bias
    )


def build_optimizers(model: nn.Module, heads: nn.Module) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices between layers, and AdamW for all other weights.

    The others are embeddings, the output layer, vectors and the auxiliary heads.
    """
    matrices: list[nn.Parameter] = []
    others = list(heads.parameters())
    for name, weight in model.named_parameters():
        is_inner_matrix = weight.ndim == 2 and "embed" not in name and "lm_head" not in name
        (matrices if is_inner_matrix else others).append(weight)
    return [
        Muon(matrices, MATRIX_RATE, weight_decay=0.01),
        torch.optim.AdamW(others, OTHER_RATE, betas=(0.9, 0.95), weight_decay=0.01),
    ]
