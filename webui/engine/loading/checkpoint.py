"""The folder of a checkpoint: whether it is complete, what it holds, and what its weights take.

Reads the headers of safetensors files and no tensor. Such a file begins with the length of its
header in eight bytes, then the header: JSON with the type, shape and offsets of each tensor
(https://github.com/huggingface/safetensors, "Format").
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from webui.engine.models.families import FAMILIES, Families
from webui.engine.models.family import ModelFamily
from webui.engine.planning.needs import Needs
from webui.errors import ModelLoadError
from webui.reasons import (
    DamagedFile,
    MissingFiles,
    Reason,
    SelfTestFailed,
    UnreadableFile,
    WrongModelType,
)

NEEDED_FILES = ("config.json", "preprocessor_config.json", "tokenizer.json")
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
MAX_HEADER_BYTES = 100 * 1024**2


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """A tensor of a checkpoint, `file_bytes` long on disk."""

    shape: tuple[int, ...]
    file_bytes: int

    @property
    def element_count(self) -> int:
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    folder: Path
    config: dict[str, Any]
    tensors: dict[str, TensorHeader]
    family: ModelFamily

    @property
    def file_bytes(self) -> int:
        return sum(tensor.file_bytes for tensor in self.tensors.values())

    @property
    def needs(self) -> Needs:
        """The estimate of the config, with the exact counts of the tensors that are here."""
        weights = quantizable = 0
        for name, tensor in self.tensors.items():
            weights += tensor.element_count
            if is_quantized(name, tensor, self.family):
                quantizable += tensor.element_count
        needs = Needs.from_config(self.config, 0)
        return replace(needs, weights=weights, quantizable=quantizable)


def is_quantized(name: str, tensor: TensorHeader, family: ModelFamily) -> bool:
    """Return whether bitsandbytes packs a tensor: the weight of a linear layer of the decoder."""
    is_matrix = ".layers." in name and len(tensor.shape) == 2
    return is_matrix and not name.startswith(family.whole_modules)


def read_checkpoint(folder: Path, name: str, families: Families = FAMILIES) -> Checkpoint:
    """Return the checkpoint in a folder.

    Raises ModelLoadError if files are missing, shards are truncated, or no family knows its type.
    """

    def refuse(reason: Reason) -> ModelLoadError:
        return ModelLoadError(model=name, reason=reason)

    missing = [file for file in NEEDED_FILES if not (folder / file).is_file()]
    config: dict[str, Any] = {}
    if not missing:
        config = read_json(folder / "config.json", refuse)
        model_type = str(config.get("model_type"))
        if model_type not in families:
            raise refuse(WrongModelType(model_type, ", ".join(families)))
    shards = [SINGLE]
    if (folder / INDEX).is_file():
        weight_map = read_json(folder / INDEX, refuse).get("weight_map", {})
        shards = sorted(set(weight_map.values())) or shards
    missing += [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise refuse(MissingFiles(str(folder), ", ".join(missing)))
    tensors: dict[str, TensorHeader] = {}
    for shard in shards:
        try:
            tensors |= read_shard(folder / shard)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise refuse(DamagedFile(str(folder / shard), str(error))) from None
    return Checkpoint(folder, config, tensors, families[config["model_type"]])


def check_consistency(checkpoint: Checkpoint, name: str) -> None:
    """Raise ModelLoadError if the files of a checkpoint do not fit each other."""

    def refuse(reason: Reason) -> ModelLoadError:
        return ModelLoadError(model=name, reason=reason)

    tokenizer = read_json(checkpoint.folder / "tokenizer.json", refuse)
    shapes = {key: header.shape for key, header in checkpoint.tensors.items()}
    try:
        added_tokens = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
        defect = checkpoint.family.find_defect(checkpoint.config, shapes, added_tokens)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        # A field is missing, or of another type than transformers accepts.
        detail = f"{type(error).__name__}: {error}"
        raise refuse(SelfTestFailed(detail, checkpoint.family.model_type)) from None
    if defect is not None:
        raise refuse(defect)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if there is none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def read_json(path: Path, refuse: Callable[[Reason], ModelLoadError]) -> dict[str, Any]:
    """Return a JSON object; raise what `refuse` makes of the reason if the file holds none."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise refuse(UnreadableFile(str(path), str(error))) from None
    if not isinstance(content, dict):
        raise refuse(UnreadableFile(str(path), "it is not a JSON object"))
    return content


def read_shard(path: Path) -> dict[str, TensorHeader]:
    """Return the tensors of one safetensors file.

    Raises ValueError, KeyError or TypeError if the file is damaged or truncated.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
            raise ValueError("its header does not fit it")
        header = json.loads(file.read(length))
    rows = {name: row for name, row in header.items() if name != "__metadata__"}
    end = 8 + length + max((row["data_offsets"][1] for row in rows.values()), default=0)
    if end != size:
        raise ValueError(f"{size:,} bytes of {end:,}")
    tensors: dict[str, TensorHeader] = {}
    for name, row in rows.items():
        first, last = row["data_offsets"]
        tensors[name] = TensorHeader(tuple(row["shape"]), int(last - first))
    return tensors
