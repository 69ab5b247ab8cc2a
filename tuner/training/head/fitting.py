"""Fitting a head on the hidden states of the pretrained layers.

A deeper trial that begins with a fitted head does not have to learn one while its layers change: on tasks near the
pretraining it is good from its first steps on, and everywhere its early values say more about it. It is linear probing
before fine-tuning (Kumar et al., ICLR 2022, arXiv 2202.10054).

Learning rate and length are chosen by cross-validation on the training split, so that the validation split has no part
in the head. The same model, data and seed give the same weights.

Where a model's layers cannot be run apart, the inputs of its classifier take the place of hidden states. They come from
one forward pass of each example.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tuner.errors import ModelError
from tuner.training.data.batches import training_batches
from tuner.training.data.encoded import EncodedData
from tuner.training.head.classifier_inputs import ClassifierInputs
from tuner.training.head.depth_scores import DepthScore, depth_scores
from tuner.training.model.freezing import Freezing, possible_depths
from tuner.training.model.trial_model import base_model
from tuner.training.model.weights import trained_state
from tuner.training.optimisation.roles import decaying
from tuner.training.out_of_memory import in_parts
from tuner.training.precision import forbid_tf32, mixed_precision
from tuner.training.tasks import get_task
from tuner.training.tasks.base import Predictions
from tuner.training.trunk.forward import ForwardPasses
from tuner.training.trunk.placement import available_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from tuner.training.data.examples import Indices
    from tuner.training.tasks.base import Task
    from tuner.trial.run import TrialRun

#: Candidates, and the lengths in optimiser steps. The rate is constant after a short warm-up, so that a longer training
#: contains the shorter ones.
LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2)
LENGTHS = (20, 40, 80, 160)
#: Epochs that the longest candidate has at least, however many rows there are.
LEAST_EPOCHS = 4
#: Examples per optimiser step, and optimiser steps of the warm-up.
BATCH_SIZE, WARM_UP = 32, 10
#: Weight decay of the head's matrices.
WEIGHT_DECAY = 0.01
#: Parts of the training split, each of which judges heads that were fitted on the others.
FOLDS = 3
#: Examples per forward pass of a judgement.
_JUDGED = 256
_STAGE = "fitting a head"
#: Share of the free memory that hidden states may take which the trunk cache does not keep.
HELD_SHARE = 0.25
#: Rows that choose rate and length, at most, and optimiser steps of the fit on all rows, at most.
MOST_ROWS, MOST_OPTIMISER_STEPS = 2000, 2000


@dataclass(frozen=True, kw_only=True)
class FittedHead:
    """A head that was fitted on the training split."""

    #: The weights and buffers of the head, by their name in the model.
    weights: dict[str, torch.Tensor]
    learning_rate: float
    epochs: float
    #: Value of the study's metric, and mean loss, of rows of the training split for which each head was not fitted.
    value: float
    loss: float
    #: What the hidden states of each depth tell; empty where targets are no classes.
    depths: tuple[DepthScore, ...] = ()

    def facts(self) -> dict[str, Any]:
        """Return what is known of the head besides its weights, as JSON values."""
        return {
            "learning_rate": self.learning_rate,
            "epochs": round(self.epochs, 3),
            # Some metrics have no value where a class is rare. A database takes no NaN.
            "value": round(self.value, 6) if math.isfinite(self.value) else None,
            "loss": round(self.loss, 6),
            "depths": [each.to_dict() for each in self.depths],
        }


def fit_head(
    run: TrialRun, *, shares: Collection[float] = (), progress: Callable[[str, int, int], None] = lambda *_: None
) -> FittedHead:
    """Fit the head of a trial's model on the hidden states of its pretrained layers.

    Args:
        run: A trial of the study. Its seed decides the initial head and the order of the examples; of its
            hyperparameters only the dropout has a part.
        shares: Shares of the layers that trials freeze, whose hidden states are scored.
        progress: Receives a stage, the amount done and the whole amount.

    Raises:
        ModelError: The model has nothing that its head can be fitted on, or no head has a finite loss.
    """
    progress(_STAGE, 0, len(LEARNING_RATES) + 1)
    head = _Head(run)
    rows = head.rows
    chosen = head.passes.chosen("train", min(len(rows), MOST_ROWS))
    candidates: list[FittedHead] = []
    for number, rate in enumerate(LEARNING_RATES):
        progress(_STAGE, number, len(LEARNING_RATES) + 1)
        candidates += _cross_validated(head, chosen, run, rate)
    finite = [each for each in candidates if math.isfinite(each.loss)]
    if not finite:
        raise ModelError("", "model", "no head on its frozen layers has a finite loss; write `head_init: random`")
    best = min(finite, key=lambda each: each.loss)
    length = min(math.ceil(best.epochs * _per_epoch(rows)), MOST_OPTIMISER_STEPS)
    for _ in head.fit(rows, best.learning_rate, [length]):
        pass
    return replace(best, weights=head.weights(), depths=tuple(head.depth_scores(chosen, shares)))


def _cross_validated(head: _Head, rows: Indices, run: TrialRun, rate: float) -> list[FittedHead]:
    """Judge each length at a rate by heads that are fitted on a part of the rows."""
    folds = np.array_split(np.random.default_rng(run.seed).permutation(rows), min(FOLDS, len(rows)))
    fitted_on = [np.concatenate(folds[:number] + folds[number + 1 :]) for number in range(len(folds))]
    per_epoch = _per_epoch(fitted_on[0])
    lengths = [*LENGTHS]
    while lengths[-1] < LEAST_EPOCHS * per_epoch:
        lengths.append(2 * lengths[-1])
    kept: dict[int, list[Predictions]] = {length: [] for length in lengths}
    for held, rest in zip(folds, fitted_on, strict=True):
        for length in head.fit(rest, rate, lengths):
            kept[length].append(head.predictions(held))
    found = []
    for length, parts in kept.items():
        predictions = Predictions.joined(parts)
        loss = head.task.mean_loss(predictions)
        with warnings.catch_warnings():
            # scikit-learn warns of classes that a fold lacks, or that a bad head never predicts.
            warnings.filterwarnings("ignore", module="sklearn")
            value = head.task.score(run.metric, predictions, loss)
        found.append(FittedHead(weights={}, learning_rate=rate, epochs=length / per_epoch, value=value, loss=loss))
    return found


def _per_epoch(rows: Indices) -> int:
    return math.ceil(len(rows) / BATCH_SIZE)


def _memory(device: torch.device) -> float:
    """Return the bytes that are free on a device; where that is not known, none are."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return float(available_memory() or 0)


class _Head:
    """A model whose head alone is trained.

    Args:
        run: The trial.

    Raises:
        ModelError: The model has neither hidden states nor a classifier that takes one input an example.
    """

    def __init__(self, run: TrialRun) -> None:
        assert run.model is not None
        assert run.data is not None
        assert run.anatomy is not None
        self._anatomy = anatomy = run.anatomy
        if not anatomy.can_fit_head:
            raise ModelError("", "model", f"no head can be fitted on frozen layers: {anatomy.trunk.complaint}")
        forbid_tf32()  # the states are those of the trials
        self.task: Task = get_task(run.task)
        data = EncodedData.open(run.data, self.task.examples, anatomy.padding)
        if run.threads is not None:
            torch.set_num_threads(run.threads)
        random.seed(run.seed)
        np.random.seed(run.seed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        blueprint = self.task.blueprint(run.model, data.labels, run.seed, anatomy.padding)
        self._model: nn.Module = base_model(run, blueprint).to(device)
        self._seed = run.seed
        self._freezing = Freezing(self._model, anatomy, {0: anatomy.count})
        self._freezing.begin_optimiser_step(0)
        self._decaying = decaying(self._model)
        # Without hidden states, all of the model is computed, once.
        self._has_states = anatomy.trunk.complaint is None
        depths = [anatomy.count] if self._has_states else []
        self.passes = ForwardPasses(self._model, anatomy, data, device, depths=depths, speed=run.speed)
        self.passes.take_states(
            run.trunk if run.speed.trunk_cache else None,
            {"data": run.data.name},
            # In another precision, trials need other states.
            possible_depths(run.trunk.shares, layers=anatomy.count)
            if run.trunk and mixed_precision(run.precision) == "no"
            else (),
            cached=None,
        )
        #: The examples that it is fitted on.
        self.rows = self.passes.chosen("train", run.max_rows)
        if len(self.rows) < 2:
            raise ModelError("", "model", "no head can be judged on a single row; write `head_init: random`")
        if self._has_states:
            self.passes.depth = anatomy.count
        # Where memory is short, the states are computed again for each batch.
        if self._has_states and not self.passes.cached and self.passes.state_bytes() <= HELD_SHARE * _memory(device):
            self.passes.hold_states("train", self.rows)
        self._inputs: ClassifierInputs | None = None
        if not self._has_states:
            assert anatomy.classifier is not None
            self._model.eval()
            self._inputs = ClassifierInputs(self._model, anatomy.classifier, self.passes, self.rows)
        torch.set_num_threads(1)  # the weights are the same however many threads a machine has
        self._initial = self.weights()

    def weights(self) -> dict[str, torch.Tensor]:
        """Return copies of the weights that are fitted: those of the head, or of its classifier alone."""
        head = trained_state(self._model, self._anatomy, frozen_layers=self._anatomy.count)
        return {name: value for name, value in head.items() if self._is_fitted(name)}

    def depth_scores(self, rows: Indices, shares: Collection[float]) -> list[DepthScore]:
        """Score what the head is fitted on, and the hidden states of other depths where there are any."""
        if self._inputs is not None:
            return depth_scores(self._inputs, rows, (), self._anatomy.count)
        return depth_scores(self.passes, rows, shares, self._anatomy.count)

    def fit(self, rows: Indices, learning_rate: float, lengths: Sequence[int]) -> Iterator[int]:
        """Fit the head anew, and yield after each of some lengths.

        Args:
            rows: Examples of the training split.
            learning_rate: The rate after the warm-up.
            lengths: Optimiser steps, rising.
        """
        self._model.load_state_dict(self._initial, strict=False)
        torch.manual_seed(self._seed)  # it decides what dropout draws
        optimizer = torch.optim.AdamW(self._groups(), lr=learning_rate, fused=True)
        warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / WARM_UP))
        order = training_batches(len(rows), BATCH_SIZE, self._seed)
        done = 0
        for length in lengths:
            self._freezing.set_training_mode()
            while done < length:
                batch = rows[next(order)]
                loss = self.task.loss(*self._forward(batch)) / self.passes.loss_terms("train", batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                warm_up.step()
                done += 1
            yield length

    def _groups(self) -> list[dict[str, object]]:
        trained = [
            (name, each)
            for name, each in self._model.named_parameters()
            if each.requires_grad and self._is_fitted(name)
        ]
        decayed = [each for name, each in trained if name in self._decaying]
        others = [each for name, each in trained if name not in self._decaying]
        groups: list[dict[str, object]] = [{"params": decayed, "weight_decay": WEIGHT_DECAY}]
        return [*groups, {"params": others, "weight_decay": 0.0}]

    def _is_fitted(self, name: str) -> bool:
        """Return whether a weight of the head is fitted."""
        return self._has_states or name.startswith(f"{self._anatomy.classifier}.")

    def _forward(self, rows: Indices) -> tuple[torch.Tensor, torch.Tensor]:
        return self.passes.forward("train", rows) if self._inputs is None else self._inputs.forward(rows)

    @torch.no_grad()
    def predictions(self, rows: Indices) -> Predictions:
        """Return what the head says of examples of the training split. Draws no random number."""
        self._model.eval()
        kept: list[Predictions] = []
        for start in range(0, len(rows), _JUDGED):
            kept += in_parts(lambda part: self.task.predictions(*self._forward(part)), rows[start : start + _JUDGED])
        return Predictions.joined(kept)
