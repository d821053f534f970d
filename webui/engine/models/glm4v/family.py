"""Glm4vFamily: GLM-4.1V and the checkpoints of its model_type, "glm4v".

Imports torch and transformers when a method needs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webui.engine.models.family import ModelParts
from webui.engine.models.glm4v.consistency import find_defect
from webui.engine.models.glm4v.control_tokens import TAGS, read_control_ids
from webui.engine.prompt import Prompt
from webui.engine.reasoning.tags import ReasoningTags
from webui.protocol import ModelInfo, PixelBudget
from webui.reasons import Reason

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Glm4vFamily:
    """The ModelFamily of Glm4vForConditionalGeneration.

    lm_head stays whole, as the authors of bitsandbytes advise, and so does the vision tower. The
    tower has 0.9 of the 10.3 billion weights of the 9B model: quantizing it would save little over
    a gigabyte and cost the reading of small print.
    """

    model_type: str = "glm4v"
    whole_modules: tuple[str, ...] = ("lm_head", "model.visual")
    tags: ReasoningTags = TAGS

    def model_class(self) -> Any:
        from transformers import Glm4vForConditionalGeneration

        return Glm4vForConditionalGeneration

    def load_processor(self, folder: Path) -> Any:
        from transformers import AutoProcessor

        return AutoProcessor.from_pretrained(folder)

    def describe(self, known: ModelInfo, config: Any, processor: Any) -> ModelInfo:
        """Read the limits of config.json and of the preprocessor files.

        Glm4v counts the pixels of an image twice, because its patches are two frames deep
        (temporal_patch_size; transformers: image_processing_glm4v.smart_resize).
        """
        images, videos = processor.image_processor, processor.video_processor
        unit = images.patch_size * images.merge_size
        image = PixelBudget(
            unit, images.size["shortest_edge"] // 2, images.size["longest_edge"] // 2
        )
        max_pixels = min(videos.size["longest_edge"] // known.max_frames, known.frame.max_pixels)
        min_pixels = min(videos.size["shortest_edge"] // 2, max_pixels)
        return replace(
            known,
            context_length=config.text_config.max_position_embeddings,
            image=image,
            frame=PixelBudget(unit, min_pixels, max_pixels),
        )

    def find_defect(
        self,
        config: Mapping[str, Any],
        shapes: Mapping[str, tuple[int, ...]],
        added_tokens: Mapping[str, int],
    ) -> Reason | None:
        return find_defect(config, shapes, added_tokens)

    def take_apart(self, model: Any, processor: Any, context_length: int) -> ModelParts:
        from webui.engine.models.glm4v.prompt_builder import PromptBuilder
        from webui.engine.models.glm4v.text import TextDecoder
        from webui.engine.models.glm4v.vision import VisionEncoder
        from webui.engine.models.layers import linear

        return ModelParts(
            decoder=TextDecoder(model.model.language_model),
            lm_head=linear(model.lm_head),
            encode_images=VisionEncoder(model),
            prompts=PromptBuilder(processor, model.model.get_rope_index, context_length),
            control=read_control_ids(processor.tokenizer, model.generation_config.eos_token_id),
        )

    def reference_logits(self, model: Any, prompt: Prompt, output_ids: Sequence[int]) -> Tensor:
        """Return logits of Glm4vForConditionalGeneration.forward for a prompt with images."""
        import torch

        ids = [*prompt.ids, *output_ids[:-1]]
        token_types = torch.zeros(1, len(ids), dtype=torch.int)
        for span in prompt.spans:
            token_types[0, span.start : span.end] = 1
        device = model.device
        output = model(
            input_ids=torch.tensor([ids], device=device),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long, device=device),
            mm_token_type_ids=token_types.to(device),
            pixel_values=torch.cat([span.pixels for span in prompt.spans]).to(device, model.dtype),
            image_grid_thw=torch.tensor([span.grid for span in prompt.spans], device=device),
        )
        logits: Tensor = output.logits[0, len(prompt.ids) - 1 :]
        return logits.float()
