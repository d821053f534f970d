"""Device: what a model computes on. Waits for it, frees its memory, and recognises its failures."""

from __future__ import annotations

import gc
from types import TracebackType

import torch

from webui.errors import DeviceMemoryError


class Device:
    """One device by torch's name for it, such as "cpu" or "cuda:1".

    As a context it becomes the current device of the thread, which streams, graphs and some
    kernels use, and it turns torch's errors for a lack of memory into DeviceMemoryError.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_cuda = name.startswith("cuda")

    def make_current(self) -> None:
        """Make a GPU the current device of this thread, for all that names no device."""
        if self.is_cuda:
            torch.cuda.set_device(self.name)

    def __enter__(self) -> None:
        # Not restored on exit: the engine's threads use no other device.
        self.make_current()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and is_out_of_memory(error):
            raise DeviceMemoryError() from error

    def synchronize(self) -> None:
        """Wait until all queued work is done."""
        if self.is_cuda:
            torch.cuda.synchronize(self.name)

    def release_cached_memory(self) -> int:
        """Return unused memory of torch's allocator to the device; the number of bytes.

        0 on a CPU, where freed memory belongs to the process and torch keeps no cache.
        """
        if not self.is_cuda:
            return 0
        before = torch.cuda.memory_reserved(self.name)
        torch.cuda.empty_cache()
        return before - torch.cuda.memory_reserved(self.name)

    def is_alive(self) -> bool:
        """Return whether the device still computes.

        After an illegal memory access, for example, a GPU fails every later operation of the
        process. A lack of memory is no sign of that.
        """
        try:
            return torch.ones(2, device=self.name).sum().item() == 2
        except RuntimeError as error:
            return is_out_of_memory(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means a lack of memory. On a CPU only its text says so."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def release_unused_memory() -> None:
    """Return the memory of tensors that nothing refers to any more, on all devices.

    The layers of a model refer to each other, so only the garbage collector finds them.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
