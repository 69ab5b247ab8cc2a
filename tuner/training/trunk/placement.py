"""Where a trial takes from what frozen layers make of its examples: the cheapest place that holds them, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tuner.machine.memory import host_memory_bytes

Place: TypeAlias = Literal["device", "memory", "disk", "recompute"]

#: Share of a device's free memory that the states may take: the rest is for training itself.
DEVICE_SHARE = 0.3
#: Share of a host's available memory in which a mapped file is expected to stay.
MEMORY_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What was decided for a trial."""

    place: Place
    #: Why, in a few words with numbers.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What was measured where the states were computed."""

    #: Seconds that the frozen layers take for a token, when they are computed anew.
    compute_s: float
    #: Bytes a second that come from the disk, past what memory holds.
    disk_bytes_s: float


def choose_place(
    *, size: int, tokens: int, costs: Costs, device_free: int | None, memory_available: int | None
) -> Placement:
    """Decide for one trial.

    Reading while computing would hide the disk; without it, the disk pays where it gives a token's states in less time
    than the frozen layers take to compute them.

    Args:
        size: Bytes of all states that the trial reads.
        tokens: Tokens that they are of.
        costs: What computing and reading takes here.
        device_free: Bytes that are free on a GPU; None on a processor.
        memory_available: Bytes that are available on the host; None if unknown.
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
    """Return the bytes of memory that this host can give, within its control group; None if it does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return min(int(line.split()[1]) * 1024, host_memory_bytes())
    return None


def shown(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} GiB"
