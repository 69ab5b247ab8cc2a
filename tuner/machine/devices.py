"""Which devices this process may use, and which lane trains on which device.

A trainer is given its GPU by UUID, never by index: the same index means another GPU as soon as CUDA_VISIBLE_DEVICES
or the order of enumeration differs. Nothing here starts CUDA.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tuner.errors import DeviceError
from tuner.machine.memory import host_memory_bytes
from tuner.machine.nvml import installed_gpus

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from tuner.machine.nvml import Gpu, Nvml, Unit


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device that a trainer trains on: a GPU, a MIG device of a divided GPU, or the CPU."""

    kind: Literal["cuda", "cpu"]
    #: CUDA's UUID (`GPU-…`, `MIG-…`), the same for every process of the machine; `cpu` for the CPU.
    id: str
    #: The name in messages and in `--devices`: `cpu`, or `cuda:0` by position among the visible GPUs.
    label: str
    #: Product name.
    name: str
    #: Total memory of the device in bytes; None for the CPU and where the driver does not report it.
    memory_bytes: int | None

    @property
    def memory_class(self) -> str:
        """Kind, product name and memory of the device, such as `cuda NVIDIA A2 15.7 GiB`.

        On devices of one class the same micro-batch fits in memory.
        """
        size = self.memory_bytes if self.kind == "cuda" else host_memory_bytes()
        name = f" {self.name[:80]}" if self.kind == "cuda" else ""
        return f"{self.kind}{name}" + (f" {size / 2**30:.1f} GiB" if size is not None else "")

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which CUDA shows a trainer this device alone.

        They must be set before CUDA starts.
        """
        visible = self.id if self.kind == "cuda" else ""
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": visible}


CPU = Device(kind="cpu", id="cpu", label="cpu", name="CPU", memory_bytes=None)


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A device, or a share of the CPU, that trains at most one trial at a time."""

    #: Position among the lanes of this supervisor, from 0.
    index: int
    device: Device
    #: CPU threads that the lane's trainer may use, at least 1.
    threads: int


def visible_gpus(environ: Mapping[str, str], nvml: Nvml) -> tuple[Device, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves to this process, in its order.

    The variable is read as CUDA reads it. Where it is not set, all GPUs are visible; where it is empty, none is. The
    first entry that names no GPU hides itself and all entries after it. There is one difference: a CUDA process sees a
    single MIG device, but each trainer is a process of its own, so a divided GPU stands for all of its MIG devices.

    Args:
        environ: Environment of this process. Indices always count in PCI order; CUDA_DEVICE_ORDER is ignored.
        nvml: The driver.

    Raises:
        DeviceError: The variable names a device twice (CUDA then shows no GPU at all), or the driver fails.
    """
    value = environ.get("CUDA_VISIBLE_DEVICES")
    gpus = installed_gpus(nvml) if value != "" else ()
    units = [unit for gpu in gpus for unit in gpu.units] if value is None else _named_units(value, gpus)
    return tuple(
        Device(kind="cuda", id=unit.id, label=f"cuda:{index}", name=unit.name, memory_bytes=unit.memory_bytes)
        for index, unit in enumerate(units)
    )


def select_devices(spec: str, environ: Mapping[str, str], nvml: Nvml) -> tuple[Device, ...]:
    """Return the devices that `--devices` asks for, at least one.

    Args:
        spec: `auto` (all visible GPUs, or the CPU where there is none), `cpu`, `cuda` (all visible GPUs) or
            `cuda:0,1` (positions among the visible GPUs; the devices are returned in this order).
        environ: Environment of this process.
        nvml: The driver; not used for `cpu`.

    Raises:
        DeviceError: The specification is not one of these, names a GPU that is not visible, or names a GPU twice.
    """
    if spec == "cpu":
        return (CPU,)
    positions = re.fullmatch(r"cuda:([0-9]{1,6}(?:,[0-9]{1,6})*)", spec)
    if spec not in {"auto", "cuda"} and not positions:
        raise DeviceError(f"--devices {spec}: not one of auto, cpu, cuda, or GPUs such as cuda:0,1")
    gpus = visible_gpus(environ, nvml)
    if spec == "auto":
        return gpus or (CPU,)
    chosen = [int(position) for position in positions[1].split(",")] if positions else range(len(gpus))
    if not gpus or max(chosen) >= len(gpus):
        raise DeviceError(f"--devices {spec}: this machine shows {_shown(gpus, environ)}")
    if repeated := _repeated(chosen):
        raise DeviceError(f"--devices {spec}: names cuda:{repeated[0]} more than once")
    return tuple(gpus[position] for position in chosen)


def lanes(
    devices: Sequence[Device], workers: int | None = None, *, cores: int | None = None, most: int | None = None
) -> tuple[Lane, ...]:
    """Divide devices and CPU cores among lanes: each lane gets a GPU of its own, or the lanes share the CPU.

    Args:
        devices: GPUs, or the CPU alone.
        workers: Number of lanes. By default one for each GPU, or one on the CPU.
        cores: CPU cores to divide among the lanes as threads; the first lanes get the remainder. By default the cores
            that this process may run on. Each lane gets at least one thread, even with more lanes than cores.
        most: Most threads of a lane; by default the value of OMP_NUM_THREADS.

    Raises:
        DeviceError: There is no device, fewer than one worker, or more workers than GPUs.
    """
    if not devices:
        raise DeviceError("no device to work on")
    gpus = [device for device in devices if device.kind == "cuda"]
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    most = _threads_asked(os.environ) if most is None else most
    count = (len(gpus) or 1) if workers is None else workers
    if count < 1:
        raise DeviceError(f"--workers {count}: at least 1 is needed")
    if gpus and count > len(gpus):
        raise DeviceError(f"--workers {count}: one trial runs on a GPU, and there are {listed(gpus)} to use")
    share, rest = divmod(cores, count)
    return tuple(
        Lane(
            index=index,
            device=gpus[index] if gpus else devices[0],
            threads=min(most or cores, max(1, share + (1 if index < rest else 0))),
        )
        for index in range(count)
    )


def _threads_asked(environ: Mapping[str, str]) -> int | None:
    """Return the threads that OMP_NUM_THREADS allows; None where it holds no number, which OpenMP ignores too."""
    first = environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # later numbers are for nested parallel regions
    return int(first) or None if first.isascii() and first.isdigit() else None


def _named_units(value: str, gpus: Sequence[Gpu]) -> list[Unit]:
    entries = [entry.strip() for entry in value.split(",")]
    # CUDA reads all entries as indices or all as UUIDs; an entry of the other kind is invalid.
    find = _by_index if re.match(r"[+-]?[0-9]", entries[0]) else _by_uuid
    found: list[Unit] = []
    for entry in entries:
        units = find(entry, gpus)
        if units is None:
            break
        found.extend(units)
    if repeated := _repeated([unit.id for unit in found]):
        raise DeviceError(f"CUDA_VISIBLE_DEVICES={value}: names {repeated[0]} twice, so that CUDA shows no GPU")
    return found


def _by_index(entry: str, gpus: Sequence[Gpu]) -> tuple[Unit, ...] | None:
    # CUDA reads the number at the start of an entry and ignores the rest of the entry, as strtoul does.
    number = re.match(r"\+?[0-9]{1,9}", entry)
    index = int(number[0]) if number else len(gpus)
    return gpus[index].units if index < len(gpus) else None


def _by_uuid(entry: str, gpus: Sequence[Gpu]) -> tuple[Unit, ...] | None:
    if entry.startswith("MIG-") and not entry.startswith("MIG-GPU-"):
        return tuple(unit for gpu in gpus for unit in gpu.units if unit.id == entry) or None
    prefix, _, instance = entry.removeprefix("MIG-").partition("/")
    matching = [gpu for gpu in gpus if prefix.startswith("GPU-") and gpu.uuid.startswith(prefix)]
    if len(matching) != 1:
        return None
    if not entry.startswith("MIG-"):
        return matching[0].units if not instance else None
    return tuple(unit for unit in matching[0].units if instance and unit.instance == instance) or None


def _repeated(values: Sequence[Hashable]) -> list[Hashable]:
    return [value for value, count in Counter(values).items() if count > 1]


def listed(gpus: Sequence[Device]) -> str:
    """Return the number and the labels of GPUs for a message, such as `2 GPUs (cuda:0, cuda:1)`."""
    return f"{len(gpus)} GPU{'s' * (len(gpus) != 1)} ({', '.join(device.label for device in gpus)})"


def _shown(gpus: Sequence[Device], environ: Mapping[str, str]) -> str:
    value = environ.get("CUDA_VISIBLE_DEVICES")
    because = "" if value is None else f" with CUDA_VISIBLE_DEVICES={value or repr(value)}"
    return (listed(gpus) if gpus else "no GPU") + because
