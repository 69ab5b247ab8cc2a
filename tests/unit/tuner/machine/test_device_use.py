from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tuner.machine import device_use
from tuner.machine.device_use import DeviceUse
from tuner.machine.devices import CPU, Device

GPU = Device(kind="cuda", id="GPU-1", label="cuda:0", name="NVIDIA A2", memory_bytes=1 << 34)


def test_the_lanes_of_the_cpu_share_its_load() -> None:
    (text,) = DeviceUse((CPU, CPU)).texts()
    assert re.fullmatch(r"cpu: 2 lanes, load \d+\.\d of \d+ cores", text)
    assert DeviceUse((CPU,)).texts()[0].startswith("cpu: 1 lane, ")


def test_a_gpu_whose_driver_does_not_tell_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: str) -> str:
        raise RuntimeError("no driver")

    use = DeviceUse((GPU, replace(GPU, id="GPU-2", label="cuda:1")))
    monkeypatch.setattr(use, "_of_gpu", fails)
    assert use.texts() == ("cuda:0 NVIDIA A2", "cuda:1 NVIDIA A2")
    use.close()


def test_devices_are_read_anew_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now, loads = [100.0], iter([1.0, 2.0])
    monkeypatch.setattr(device_use.time, "monotonic", lambda: now[0])
    load: Callable[[], tuple[float, float, float]] = lambda: (next(loads), 0.0, 0.0)  # noqa: E731
    monkeypatch.setattr(device_use.os, "getloadavg", load)
    use = DeviceUse((CPU,))
    first = use.texts()
    assert use.texts() == first
    now[0] += device_use.FRESH_S
    assert "load 2.0" in use.texts()[0]
