"""Device: what a model computes on. Waits for it, frees its memory, and knows a lack of memory and a lost device."""

from __future__ import annotations

from types import TracebackType

import torch

from webui.errors import DeviceMemoryError


class Device:
    """As a context, it is the current one of the thread, whose streams, graphs and allocations are then on it; and it
    turns the errors of torch for a lack of memory into DeviceMemoryError."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_cuda = name.startswith("cuda")

    def __enter__(self) -> None:
        # Not set back: the engine's threads use no other.
        if self.is_cuda:
            torch.cuda.set_device(self.name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and lacks_memory(error):
            raise DeviceMemoryError() from error

    def wait(self) -> None:
        """Until what was queued is done."""
        if self.is_cuda:
            torch.cuda.synchronize(self.name)

    def free(self) -> None:
        """Give back what torch keeps for later."""
        if self.is_cuda:
            torch.cuda.empty_cache()

    def alive(self) -> bool:
        """Whether it still computes: after an illegal access, say, a GPU refuses everything that follows."""
        try:
            return torch.ones(2, device=self.name).sum().item() == 2
        except RuntimeError as error:
            return lacks_memory(error)


def lacks_memory(error: BaseException) -> bool:
    """A CPU's allocator says so in words only."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
