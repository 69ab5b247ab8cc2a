"""How long a model takes for one example."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tuner.machine.processor import processor_name

if TYPE_CHECKING:
    from tuner.training.data.examples import Examples

#: Examples whose forward passes are timed, and those before them that are not: the first ones allocate memory.
TIMED, UNTIMED = 32, 3


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long a model takes for one example alone."""

    #: Milliseconds: the median over some examples.
    ms: float
    #: The processor, and how many of its threads computed.
    processor: str
    threads: int


def measure_latency(model: Any, examples: Examples) -> Latency:
    """Time forward passes of one example each.

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
    ms = 1e3 * median(seconds[-len(chosen) :])
    return Latency(ms=ms, processor=processor_name(), threads=torch.get_num_threads())
