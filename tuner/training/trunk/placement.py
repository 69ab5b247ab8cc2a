"""Chooses where a trial reads the frozen layers' hidden states from: device, memory or disk, or recomputes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tuner.machine.memory import host_memory_bytes

Place: TypeAlias = Literal["device", "memory", "disk", "recompute"]

#: Share of a device's free memory that the states may take; training needs the rest.
DEVICE_SHARE = 0.3
#: Share of a host's available memory up to which a mapped file is expected to stay in memory.
MEMORY_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The decision for a trial."""

    place: Place
    #: The reason, in a few words with numbers.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs measured on the machine that computed the states."""

    #: Seconds in which the frozen layers compute a token's states.
    compute_s: float
    #: Bytes a second at which the disk is read, without the page cache.
    disk_bytes_s: float


def choose_place(
    *, size: int, tokens: int, costs: Costs, device_free: int | None, memory_available: int | None
) -> Placement:
    """Choose the place for one trial.

    Reads are not overlapped with computing. So the disk is chosen where it delivers a token's states in less time than
    the frozen layers take to compute them.

    Args:
        size: Bytes of all states that the trial reads.
        tokens: Number of tokens that these states belong to.
        costs: Measured costs of computing and reading.
        device_free: Free bytes on a GPU; None on a processor.
        memory_available: Available bytes on the host; None if unknown.
    """
    needed = shown(size)
    if device_free is not None and size <= DEVICE_SHARE * device_free:
        return Placement(place="device", reason=f"{needed} of {shown(device_free)} free on the device")
    if memory_available is None or size <= MEMORY_SHARE * memory_available:
        free = "unknown" if memory_available is None else shown(memory_available)
        return Placement(place="memory", reason=f"{needed} of {free} available memory")
    read_s = size / max(tokens, 1) / costs.disk_bytes_s
    compared = f"a token is read in {read_s * 1e6:.3g} us and computed in {costs.compute_s * 1e6:.3g} us"
    return Placement(place="disk" if read_s < costs.compute_s else "recompute", reason=f"{needed}; {compared}")


def available_memory() -> int | None:
    """Return the available bytes of memory of this host, within its control group; None if the host does not tell."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return min(int(line.split()[1]) * 1024, host_memory_bytes())
    return None


def shown(size: float) -> str:
    """Return a number of bytes as text, with a unit."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"
