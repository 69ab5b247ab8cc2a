"""How much of its devices this machine uses now: of GPUs as the driver tells, of the CPU as its load."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.machine.devices import Device

#: Seconds for which what was read counts as new.
FRESH_S = 2.0


class DeviceUse:
    """Reads the use of devices, at most every `FRESH_S`. Only one thread may call it.

    Args:
        devices: The device of each lane.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = tuple(dict.fromkeys(devices))
        self._lanes = len(devices)
        self._texts: tuple[str, ...] = ()
        self._read_at = float("-inf")
        self._nvml: Any = None

    def texts(self) -> tuple[str, ...]:
        """Return a text for each device, such as `cuda:0 97 % busy, 12.3 of 139.8 GiB`."""
        now = time.monotonic()
        if now - self._read_at >= FRESH_S:
            self._read_at, self._texts = now, tuple(self._text(each) for each in self._devices)
        return self._texts

    def close(self) -> None:
        """Give the driver's library back."""
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._nvml = None

    def _text(self, device: Device) -> str:
        if device.kind == "cpu":
            lanes = "1 lane" if self._lanes == 1 else f"{self._lanes} lanes"
            return f"cpu: {lanes}, load {os.getloadavg()[0]:.1f} of {len(os.sched_getaffinity(0))} cores"
        with contextlib.suppress(Exception):  # a view must not end a search: the driver may fail, or not tell
            return f"{device.label} {self._of_gpu(device.id)}"
        return f"{device.label} {device.name}"

    def _of_gpu(self, uuid: str) -> str:
        import pynvml

        if self._nvml is None:
            pynvml.nvmlInit()
            self._nvml = pynvml
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        held = f"{memory.used / 2**30:.1f} of {memory.total / 2**30:.1f} GiB"
        with contextlib.suppress(pynvml.NVMLError):  # a MIG device tells its memory alone
            return f"{pynvml.nvmlDeviceGetUtilizationRates(handle).gpu} % busy, {held}"
        return held
