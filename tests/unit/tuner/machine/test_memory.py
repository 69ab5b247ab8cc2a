from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tuner.machine import memory
from tuner.machine.memory import OutOfMemoryKills, host_memory_bytes, is_out_of_memory

HUGE = 1 << 55


def raised(make: str) -> BaseException:
    import numpy as np
    import torch

    try:
        if make == "torch":
            torch.empty(HUGE, dtype=torch.uint8)
        elif make == "numpy":
            np.empty(HUGE, dtype=np.uint8)
        else:
            bytearray(HUGE)
    except Exception as error:
        return error
    raise AssertionError("there is that much memory")


@pytest.mark.parametrize("make", ["torch", "numpy", "python"])
def test_what_libraries_raise_where_the_host_has_no_more_is_known(make: str) -> None:
    assert is_out_of_memory(raised(make))


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "MPS backend out of memory (MPS allocated: 9.05 GB, max allowed: 9.07 GB).",
        "HIP out of memory. Tried to allocate 2.00 GiB.",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to ...",
    ],
)
def test_what_libraries_say_of_devices_without_an_error_of_their_own_is_known(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    wrapped = ValueError("the step failed")
    wrapped.__cause__ = RuntimeError(text)
    assert is_out_of_memory(wrapped)
    assert not is_out_of_memory(ValueError(text)), "libraries raise none such"


def test_a_gpus_own_error_is_known() -> None:
    import torch

    assert is_out_of_memory(torch.OutOfMemoryError("no words of any kind"))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered"),
        OSError(errno.ENOSPC, "No space left on device"),
        ValueError("bad"),
    ],
)
def test_nothing_else_is_taken_for_it(error: Exception) -> None:
    assert not is_out_of_memory(error)
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))


# ---- control groups


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files as the kernel would show them."""
    (tmp_path / "self").mkdir()
    monkeypatch.setattr(memory, "_PROC", tmp_path)
    return tmp_path


def mounted(proc: Path, *lines: str) -> None:
    (proc / "self" / "mountinfo").write_text("\n".join(lines), encoding="utf-8")


def test_kills_are_counted_in_the_group_of_version_2_or_in_the_nearest_around_it_that_counts(proc: Path) -> None:
    group = proc / "fs" / "user.slice" / "session"
    group.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("0::/user.slice/session\n", encoding="utf-8")
    mounted(proc, f"35 31 0:32 / {proc}/fs rw,relatime - cgroup2 cgroup2 rw")
    events = group.parent / "memory.events"
    events.write_text("low 0\noom 5\noom_kill 2\noom_group_kill 0\n", encoding="utf-8")
    kills = OutOfMemoryKills()
    assert kills.take() is False
    events.write_text("low 0\noom 9\noom_kill 4\noom_group_kill 0\n", encoding="utf-8")
    assert [kills.take(), kills.take(), kills.take()] == [True, True, False]
    (group / "memory.max").write_text("max\n", encoding="utf-8")
    (group.parent / "memory.max").write_text("1048576\n", encoding="utf-8")
    assert host_memory_bytes() == 1 << 20


@pytest.mark.parametrize(("root", "mount"), [("/", "/docker/one"), ("/docker/one", "")])
def test_kills_are_counted_in_the_group_of_version_1_wherever_it_is_mounted(proc: Path, root: str, mount: str) -> None:
    group = Path(f"{proc}/memory{mount}")
    group.mkdir(parents=True)
    (proc / "self" / "cgroup").write_text("9:name=systemd:/\n4:memory:/docker/one\n0::/\n", encoding="utf-8")
    mounted(
        proc,
        f"32 31 0:29 / {proc}/cpu rw - cgroup cgroup rw,cpu",
        f"35 31 0:32 {root} {proc}/memory rw,relatime - cgroup cgroup rw,memory",
    )
    control = group / "memory.oom_control"
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", encoding="utf-8")
    kills = OutOfMemoryKills()
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", encoding="utf-8")
    assert [kills.take(), kills.take()] == [True, False]


def test_where_no_group_counts_the_machine_does_and_where_it_does_not_nothing_is_known(proc: Path) -> None:
    (proc / "self" / "cgroup").write_text("0::/\n", encoding="utf-8")
    (proc / "fs").mkdir()
    mounted(proc, f"35 31 0:32 / {proc}/fs rw,relatime - cgroup2 cgroup2 rw")
    assert OutOfMemoryKills().take() is None
    (proc / "vmstat").write_text("nr_free_pages 7\noom_kill 3\n", encoding="utf-8")
    kills = OutOfMemoryKills()
    (proc / "vmstat").write_text("nr_free_pages 7\noom_kill 4\n", encoding="utf-8")
    assert kills.take() is True
    assert host_memory_bytes() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
