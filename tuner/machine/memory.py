"""Recognises that memory ran out, on a device or on the host, and reads the memory of the host.

It does not import torch, so that a study's own training can use it without torch.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

#: Out-of-memory messages of plain `RuntimeError`s, from libraries that have no error class for it: CUDA, HIP and MPS;
#: torch on the CPU; cuBLAS and cuDNN, which allocate their workspaces late.
_WORDS = re.compile(
    r"out of memory|can't allocate memory|not enough memory|(CUBLAS|CUDNN|CUSOLVER|CUSPARSE)_STATUS_ALLOC_FAILED",
    re.IGNORECASE,
)
_PROC = Path("/proc")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error, or an error that it was raised from, says that a device or the host is out of memory."""
    seen: BaseException | None = error
    while seen is not None:
        named = any(each.__name__ == "OutOfMemoryError" for each in type(seen).__mro__)  # torch's
        no_memory = isinstance(seen, OSError) and seen.errno == errno.ENOMEM
        worded = isinstance(seen, RuntimeError) and _WORDS.search(str(seen)) is not None
        if isinstance(seen, MemoryError) or named or no_memory or worded:
            return True
        seen = seen.__cause__
    return False


class OutOfMemoryKills:
    """Counts the processes that the kernel killed for lack of memory in this process's control group.

    The children of this process are in the same group. The kernel counts out-of-memory kills without naming the victim.
    Each increase is credited to one trainer that ended by SIGKILL.
    """

    def __init__(self) -> None:
        self._seen = _count()

    def take(self) -> bool | None:
        """Take one kill from the count.

        Returns:
            Whether there was a kill that has not been taken before; None where the kernel's count is not known.
        """
        now = _count()
        if now is None:
            return None
        if self._seen is None or now < self._seen:  # this process was moved to another group
            self._seen = now
            return None
        if now == self._seen:
            return False
        self._seen += 1
        return True


def host_memory_bytes() -> int:
    """Return the memory of this machine in bytes, or the limit of this process's control group where that is lower."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    bounds = [total]
    for folder, version in _groups():
        written = _read(folder / ("memory.limit_in_bytes" if version == 1 else "memory.max"))
        if written is not None and written.strip().isdigit():  # `max` means no limit
            bounds.append(int(written))
    return min(bounds)


def _count() -> int | None:
    for folder, version in _groups():
        found = _oom_kills(_read(folder / ("memory.oom_control" if version == 1 else "memory.events")))
        if found is not None:
            return found
    # Where no group counts kills, the count of the whole machine is the only one.
    return _oom_kills(_read(_PROC / "vmstat"))


def _oom_kills(text: str | None) -> int | None:
    match = re.search(r"^oom_kill (\d+)$", text or "", re.MULTILINE)
    return int(match[1]) if match else None


def _groups() -> Iterator[tuple[Path, int]]:
    """Yield the folders of the control groups that account for this process's memory, and the cgroup version of each.

    The innermost group comes first, then the groups that contain it: in version 2 a group may have no memory files.
    """
    paths = {}
    for line in (_read(_PROC / "self" / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        paths[1 if "memory" in controllers.split(",") else 2 if not controllers else 0] = path
    for line in (_read(_PROC / "self" / "mountinfo") or "").splitlines():
        mounted, _, kind = line.partition(" - ")
        kind, _, options = kind.partition(" ")
        version = {"cgroup": 1, "cgroup2": 2}.get(kind, 0)
        if version == 0 or version not in paths or (version == 1 and "memory" not in re.split(r"[ ,]", options)):
            continue
        root, mount = mounted.split(" ")[3:5]
        path = paths[version]
        # In a container the mount may begin at the container's own group, or at a folder unrelated to this path.
        inside = path.removeprefix(root.rstrip("/")).strip("/") if path.startswith(root) else ""
        folder = Path(mount, inside)
        while not folder.is_dir():
            folder = folder.parent
        yield folder, version
        while folder != Path(mount) and len(folder.parts) > len(Path(mount).parts):
            folder = folder.parent
            yield folder, version


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
