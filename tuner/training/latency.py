"""How long a model takes for one example."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from tuner.training.data.examples import Examples

#: Examples whose forward passes are timed, and those before them that are not: the first ones allocate memory.
TIMED, UNTIMED = 32, 3


def latency_ms(model: Any, examples: Examples) -> float:
    """Return the milliseconds that a forward pass of one example takes: the median over some of the examples.

    Args:
        model: The model, as transformers has loaded it, on the processor.
        examples: The examples; those that are timed are spread over them evenly.
    """
    chosen = np.linspace(0, len(examples) - 1, min(len(examples), TIMED)).astype(np.int64)
    seconds = []
    model.eval()
    with torch.inference_mode():
        for number in (*chosen[:UNTIMED], *chosen):
            inputs = examples.inputs(np.array([number]))
            begin = time.perf_counter()
            model(**inputs)
            seconds.append(time.perf_counter() - begin)
    return 1e3 * median(seconds[-len(chosen) :])
