"""Whether a model computes rows that are packed into one sequence as it computes each alone."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tuner.errors import ConfigError, first_line
from tuner.training.data.token_examples import TokenExamples
from tuner.training.model.evaluation_mode import evaluating
from tuner.training.model.token_head import keep_no_cache

if TYPE_CHECKING:
    from torch import nn

    from tuner.training.data.examples import Examples

#: The largest difference of a logit, as a multiple of the largest logit: other shapes round otherwise.
_CLOSE = 1e-4


@torch.no_grad()
def check_packing(model: nn.Module, examples: Examples) -> None:
    """Compute a few rows alone and packed, and compare what the model makes of each token.

    Args:
        model: The model.
        examples: The rows of the training split.

    Raises:
        ConfigError: The task has no rows of tokens, or the model computes packed rows otherwise. It names `packing`.
    """
    if not isinstance(examples, TokenExamples):
        raise ConfigError("", "packing", "is for language models; leave it out")
    name = type(model).__name__
    if "position_ids" not in inspect.signature(model.forward).parameters:
        raise ConfigError("", "packing", f"{name} takes no positions, so that it cannot tell rows apart; leave it out")
    keep_no_cache(model)
    order = np.argsort(examples.lengths, kind="stable")
    rows = order[[len(order) // 2, 0, -1]]
    inputs, _ = examples.packed([rows, rows[:1]])
    with evaluating(model):
        alone = [_logits(model, examples.inputs(rows[place : place + 1]))[0] for place in range(len(rows))]
        try:
            together = _logits(model, inputs)
        except Exception as error:  # the model's own code runs here and may raise anything
            reason = f"{name} cannot compute packed rows: {first_line(error)}; leave it out"
            raise ConfigError("", "packing", reason) from error
    found = torch.split(together[0], [len(each) for each in alone])
    largest = max(float(each.abs().max()) for each in alone)
    off = max(float((here - there).abs().max()) for here, there in zip(found, alone, strict=True))
    padded = float((together[1, : len(alone[0])] - alone[0]).abs().max())
    if not max(off, padded) <= _CLOSE * largest:
        reason = f"{name} has packed rows see each other: a logit is {max(off, padded):.2g} off; leave it out"
        raise ConfigError("", "packing", reason)


def _logits(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    logits: torch.Tensor = model(**inputs).logits
    return logits.float()
