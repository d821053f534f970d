"""Reasons: why a model cannot be loaded or has stopped, as values.

Each class is one kind of failure, and its fields are the numbers and names that belong to it.
`str()` gives the English text for logs, /health and the API; webui/ui/i18n makes the text of each
language from the class and the fields.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Reason:
    """`template` is the English text, with the names of the fields as placeholders.

    A field called `detail` holds the message of a library, which translations leave out.
    """

    template: ClassVar[str] = ""

    @property
    def params(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        return self.template.format(**self.params)


@dataclass(frozen=True, slots=True)
class Unexpected(Reason):
    """A failure that has no class of its own. `text` is shown as it is in every language."""

    template = "{text}"
    text: str


@dataclass(frozen=True, slots=True)
class HubUnreachable(Reason):
    template = "the hub cannot be reached ({detail}). Check the network, or give a folder."
    detail: str


@dataclass(frozen=True, slots=True)
class NotOnHub(Reason):
    template = "the hub has no model {source}, or it needs a token (HF_TOKEN)."
    source: str


@dataclass(frozen=True, slots=True)
class DiskTooSmall(Reason):
    """The disk of the hub's cache, measured before a download."""

    template = (
        "its files need {needed_gb:.1f} GB and the disk of {folder} has {free_gb:.1f} GB left. "
        "Free some space, or set HF_HOME to a larger disk."
    )
    needed_gb: float
    free_gb: float
    folder: str


@dataclass(frozen=True, slots=True)
class FilesTooLarge(Reason):
    """A planned machine whose disk has no folder name, such as one that `--plan-for` describes."""

    template = "its files need {needed_gb:.1f} GB and the disk has {free_gb:.1f} GB."
    needed_gb: float
    free_gb: float


@dataclass(frozen=True, slots=True)
class DiskFull(Reason):
    template = "the disk of {folder} is full. Free some space, or set HF_HOME."
    folder: str


@dataclass(frozen=True, slots=True)
class MissingFiles(Reason):
    template = "{folder} has no {files}. Copy or download the whole checkpoint."
    folder: str
    files: str


@dataclass(frozen=True, slots=True)
class DamagedFile(Reason):
    template = "{file} is damaged ({detail}). Delete it and download it again."
    file: str
    detail: str


@dataclass(frozen=True, slots=True)
class UnreadableFile(Reason):
    template = "{file} cannot be read ({detail}). Delete it and download it again."
    file: str
    detail: str


@dataclass(frozen=True, slots=True)
class WrongModelType(Reason):
    template = "its type is {model_type}; this demo runs {accepted} checkpoints."
    model_type: str
    accepted: str


@dataclass(frozen=True, slots=True)
class FilesDisagree(Reason):
    """A field of one file that does not fit another field or file. All values are shown as text."""

    template = (
        "{file} has {field} = {found}, and {source} gives {expected}. "
        "Use the files of one checkpoint."
    )
    file: str
    field: str
    found: str
    source: str
    expected: str


@dataclass(frozen=True, slots=True)
class MisplacedField(Reason):
    template = "{file} has {field} at its top level, where it is not read. Move it into {place}."
    file: str
    field: str
    place: str


@dataclass(frozen=True, slots=True)
class MissingTokens(Reason):
    template = "{file} has no {tokens}. Use the files of one checkpoint."
    file: str
    tokens: str


@dataclass(frozen=True, slots=True)
class SelfTestFailed(Reason):
    template = (
        "its self-test failed ({detail}). "
        "Its config or its files do not fit a {model_type} checkpoint."
    )
    detail: str
    model_type: str


@dataclass(frozen=True, slots=True)
class CannotPack(Reason):
    template = "bitsandbytes does not pack to {quantization} here ({detail}); accepted: none."
    quantization: str
    detail: str


@dataclass(frozen=True, slots=True)
class WeightsTooLarge(Reason):
    template = (
        "its weights take {needed_gb:.1f} GB of memory and {free_gb:.1f} GB are free on {device}. "
        "Use --quantization 4bit, a smaller model, or free some memory."
    )
    needed_gb: float
    free_gb: float
    device: str


@dataclass(frozen=True, slots=True)
class PackedWeightsTooLarge(Reason):
    """As WeightsTooLarge, for weights that are packed to 4 bit already."""

    template = (
        "its weights take {needed_gb:.1f} GB of memory and {free_gb:.1f} GB are free on {device}. "
        "Use a smaller model, or free some memory."
    )
    needed_gb: float
    free_gb: float
    device: str


@dataclass(frozen=True, slots=True)
class NoMemoryForConversation(Reason):
    template = (
        "no memory is left for a conversation of {tokens:,} tokens. "
        "Use --quantization 4bit or a smaller --context-length."
    )
    tokens: int


@dataclass(frozen=True, slots=True)
class DeviceOutOfMemory(Reason):
    template = "the memory of {device} ran out. Use --quantization 4bit, or free some memory."
    device: str


@dataclass(frozen=True, slots=True)
class CardTooSmall(Reason):
    template = (
        "{card} has {free_gb:.1f} GB free of {total_gb:.1f} GB; {precision} with {slots} "
        "conversation{plural} of {tokens:,} tokens needs {needed_gb:.1f} GB."
    )
    card: str
    free_gb: float
    total_gb: float
    precision: str
    slots: int
    tokens: int
    needed_gb: float

    @property
    def params(self) -> dict[str, object]:
        plural = "s" if self.slots > 1 else ""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {
            "plural": plural
        }


@dataclass(frozen=True, slots=True)
class NoSuchDevice(Reason):
    template = (
        "--device is {device} and this machine has {count} CUDA devices. "
        "Use --device cpu or another."
    )
    device: str
    count: int


@dataclass(frozen=True, slots=True)
class NoCudaDevice(Reason):
    template = "no CUDA device was found."


@dataclass(frozen=True, slots=True)
class CpuChosen(Reason):
    template = "--device is cpu."


@dataclass(frozen=True, slots=True)
class DriverTooOld(Reason):
    template = (
        "the NVIDIA driver {driver} is too old for CUDA {cuda}, which needs {needed} or later. "
        "Update the driver, or install a torch that is built for CUDA 12: "
        'pip install "torch>=2.8,<2.11" torchvision'
    )
    driver: int
    cuda: str
    needed: int


@dataclass(frozen=True, slots=True)
class TorchWithoutCuda(Reason):
    template = (
        "the NVIDIA driver {driver} is there, but this torch is built without CUDA. "
        "Install torch as requirements.txt says."
    )
    driver: int


@dataclass(frozen=True, slots=True)
class StoppedRepeatedly(Reason):
    template = (
        "it stopped {times} times in a row without an answer, at last because of this: {detail}"
    )
    times: int
    detail: str


@dataclass(frozen=True, slots=True)
class EngineStoppedBefore(Reason):
    """`reason` is why the model cannot be loaded again after its engine stopped."""

    template = (
        "{reason} Its engine stopped before. If the GPU is lost to this process, start it again."
    )
    reason: Reason


@dataclass(frozen=True, slots=True)
class EngineClosed(Reason):
    """The server is shutting down, or the model makes room for another."""

    template = "it was closed"
