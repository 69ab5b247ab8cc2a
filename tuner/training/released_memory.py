"""Memory that this process has freed and not yet given back to the system."""

from __future__ import annotations

import ctypes
import gc

import pyarrow as pa


def release_memory() -> None:
    """Give freed memory back to the system, after work that took a lot of it for a moment.

    The allocators of Python's objects and of Arrow keep freed memory for their next objects. Trainers do their next
    work in other processes.
    """
    gc.collect()
    pa.default_memory_pool().release_unused()
    # A C library other than glibc has no such function; its allocator is left alone then.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
