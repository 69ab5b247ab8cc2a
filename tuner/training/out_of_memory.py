"""Recovery after memory ran out: memory is freed, and the same random numbers are drawn again."""

from __future__ import annotations

import gc
import random
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from tuner.machine.memory import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

Made = TypeVar("Made")


def free_memory() -> None:
    """Free the memory of objects without references, so that a smaller attempt can use it.

    Call it outside of the `except` block: the error refers to its frames, and so to the graph that did not fit.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def rewinder() -> Callable[[], None]:
    """Return a function that resets all generators of random numbers to their present state. Takes some 10 µs."""
    torch_, python, numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def rewind() -> None:
        torch.set_rng_state(torch_)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        random.setstate(python)
        np.random.set_state(numpy)

    return rewind


def in_parts(work: Callable[[npt.NDArray[np.int64]], Made], indices: npt.NDArray[np.int64]) -> list[Made]:
    """Return what a function makes of some examples: of all at once, or of halves where memory runs out.

    Raises:
        Exception: One that says that memory ran out, where a single example does not fit.
    """
    try:
        return [work(indices)]
    except Exception as error:
        if not is_out_of_memory(error) or len(indices) == 1:
            raise
    free_memory()
    middle = len(indices) // 2
    return [*in_parts(work, indices[:middle]), *in_parts(work, indices[middle:])]
