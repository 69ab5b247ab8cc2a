"""A trainer sees the GPU that it was given and no other; the process that forks it opens none."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from gpu_support import Trainers, opened_devices

from tuner.errors import DeviceError, DevicesBusy
from tuner.machine.device_locks import DeviceLocks
from tuner.machine.device_use import DeviceUse
from tuner.machine.devices import lanes, select_devices
from tuner.machine.nvml import DriverNvml

Measured = Callable[[str, str], None]


def test_a_trainer_sees_its_own_device_alone_and_its_parent_has_opened_none(
    trainers: Trainers, measured: Measured
) -> None:
    seen = trainers.call("describe_device")
    assert seen["kind"] == trainers.device.kind
    assert seen["opened_by_parent"] == []
    assert opened_devices(os.getpid()) == [], "neither has the process that asked NVML"
    assert bool(seen["opened"]) == trainers.on_gpu, "this way of looking would see it"
    if trainers.on_gpu:
        device = trainers.device
        assert seen["count"] == 1
        assert seen["visible"] == device.id
        if device.id.startswith("GPU-"):  # of a MIG device, drivers give a process one UUID or the whole GPU's
            assert f"GPU-{seen['uuid']}" == device.id
        assert device.memory_bytes is not None
        # NVML also counts what the driver keeps for itself.
        assert 0.85 * device.memory_bytes < seen["memory_bytes"] <= device.memory_bytes
        major, minor = seen["capability"]
        measured(
            "machine",
            f"{seen['name']}, {seen['memory_bytes'] / 2**30:.1f} GiB, capability {major}.{minor}, "
            f"torch {seen['torch']}, CUDA {seen['cuda']}, transformers {seen['transformers']}",
        )
    else:
        measured("machine", f"torch {seen['torch']}, transformers {seen['transformers']}")


def test_a_trainer_after_a_trainer_finds_the_device_as_the_first_one_did(trainers: Trainers) -> None:
    first, second = trainers.call("describe_device"), trainers.call("describe_device")
    assert first == second


def test_the_first_visible_gpu_is_chosen_and_not_twice(trainers: Trainers) -> None:
    if not trainers.on_gpu:
        pytest.skip("needs a GPU")
    assert select_devices("cuda:0", os.environ, DriverNvml()) == (trainers.device,)
    assert trainers.device in select_devices("auto", os.environ, DriverNvml())
    alone = {"CUDA_VISIBLE_DEVICES": trainers.device.id}
    (by_uuid,) = select_devices("cuda", alone, DriverNvml())
    assert by_uuid.id == trainers.device.id
    with pytest.raises(DeviceError, match="names cuda:0 more than once"):
        select_devices("cuda:0,0", os.environ, DriverNvml())
    with pytest.raises(DeviceError, match="one trial runs on a GPU"):
        lanes((trainers.device,), 2)


def test_a_gpu_that_one_command_holds_no_other_takes(trainers: Trainers, tmp_path: Path) -> None:
    if not trainers.on_gpu:
        pytest.skip("needs a GPU")
    with DeviceLocks(tmp_path) as one, DeviceLocks(tmp_path) as other:
        assert one.acquire_free((trainers.device,)) == (trainers.device,)
        with pytest.raises(DevicesBusy, match=f"held by process {os.getpid()}"):
            other.acquire_free((trainers.device,))
        one.close()
        assert other.acquire_free((trainers.device,)) == (trainers.device,)


def test_the_live_view_is_told_how_busy_a_gpu_is(trainers: Trainers) -> None:
    use = DeviceUse((trainers.device,))
    (text,) = use.texts()
    use.close()
    assert re.fullmatch(r"cuda:\d+ (\d+ % busy, )?\d+\.\d of \d+\.\d GiB", text) or not trainers.on_gpu
