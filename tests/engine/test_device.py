"""What a lack of memory and a lost device look like."""

import pytest
import torch

from webui.engine.execution.device import Device
from webui.errors import DeviceMemoryError


def test_what_no_machine_can_allocate_is_a_lack_of_memory():
    with pytest.raises(DeviceMemoryError), Device("cpu"):
        torch.empty(2**50)


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="size"), Device("cpu"):
        torch.ones(2) + torch.ones(3)


def test_a_device_that_computes_is_alive_and_one_that_does_not_is_not():
    assert Device("cpu").is_alive()
    # "meta" computes shapes only, and refuses to say what the sum is.
    assert not Device("meta").is_alive()


@pytest.mark.gpu
def test_a_gpu_without_memory_is_alive():
    device = Device("cuda")
    with pytest.raises(DeviceMemoryError), device:
        torch.empty(2**50, device="cuda")
    device.release_cached_memory()
    device.synchronize()
    assert device.is_alive()
