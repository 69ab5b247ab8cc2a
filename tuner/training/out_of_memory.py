"""What training does when memory has run out: give it back, and draw the same random numbers again."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable

import numpy as np
import torch


def free_memory() -> None:
    """Give back what nothing refers to any more, so that a smaller attempt finds it.

    Not while an error is being handled: it refers to all that its frames hold, such as the graph that did not fit.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def rewinder() -> Callable[[], None]:
    """Return what takes every generator of random numbers back to where it is now. Costs some ten microseconds."""
    torch_, python, numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def rewind() -> None:
        torch.set_rng_state(torch_)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        random.setstate(python)
        np.random.set_state(numpy)

    return rewind
