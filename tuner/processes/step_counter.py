"""Counts the optimiser steps of a trainer in memory that stays readable after the trainer is dead."""

from __future__ import annotations

import mmap
import os
import struct

_COUNT = struct.Struct("=Q")


class StepCounter:
    """A counter in memory that processes share. Counting takes less than a microsecond.

    Args:
        descriptor: The memory, as `share` made it in another process; None makes memory that forked children share.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._memory = mmap.mmap(-1 if descriptor is None else descriptor, _COUNT.size)

    @staticmethod
    def share() -> int:
        """Return the descriptor of new memory for a counter, which other processes may be sent. The caller closes it.

        Raises:
            OSError: The machine has no memory, or this process has too many open files.
        """
        descriptor = os.memfd_create("steps", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, _COUNT.size)
        return descriptor

    @property
    def done(self) -> int:
        """Optimiser steps counted so far."""
        found: tuple[int] = _COUNT.unpack_from(self._memory)
        return found[0]

    def count(self) -> None:
        """Count one more optimiser step."""
        _COUNT.pack_into(self._memory, 0, self.done + 1)

    def close(self) -> None:
        """Release the memory."""
        self._memory.close()


#: The counter of this process. In a trainer, the fork server replaces it by one that the fork server can read.
mine = StepCounter()
