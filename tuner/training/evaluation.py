"""Evaluating a model on the validation split."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tuner.training.metrics import score
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.run import TrialRun

#: Examples per forward pass of an evaluation, and at most how many times as many as of training: where these had to
#: be few for want of memory, what keeps nothing for a backward pass has room for more, but not for any number.
EVALUATION_BATCH = 64


@torch.no_grad()
def evaluate(
    model: nn.Module, passes: ForwardPasses, run: TrialRun, *, size: int = EVALUATION_BATCH
) -> tuple[float, float] | None:
    """Evaluate a model on the validation split, so many examples at a time. Draws no random number.

    Returns:
        The metric of the study and the mean loss per example; None where it was broken off, because the trial is about
        to be moved.
    """
    model.eval()
    chosen = passes.chosen("validation", run.max_rows)
    logits, order = [], []
    for part in passes.evaluation_parts("validation", chosen, size):
        if run.saver.leaving:
            return None
        logits.append(passes.logits("validation", part, exact=True).float().cpu())
        order.append(part)
    indices = np.concatenate(order)
    scores, classes = torch.cat(logits), passes.labels("validation", indices).cpu()
    loss = cross_entropy(scores, classes).item()
    back = np.argsort(indices)
    return score(run.metric, scores.numpy()[back], classes.numpy()[back], loss), loss
