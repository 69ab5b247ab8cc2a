"""What a trial of an arm costs before any has been trained, in full runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.trial.looks import TRAINED_LAYER_COST

if TYPE_CHECKING:
    from tuner.study.arms import ArmKey
    from tuner.study.local import LocalStudy

#: What the head alone costs at least: evaluations, and building the model. Measured with MiniLM, a hundredth.
LEAST = 0.01


def planned_cost(local_study: LocalStudy, arm: ArmKey) -> float:
    """Return the cost of a trial of an arm from beginning to end, as far as it follows from the layers that it trains.

    Layers that are frozen cost nothing where their hidden states are cached, and a forward pass where they are not.
    """
    assert local_study.prepared is not None
    is_cached = local_study.config.speed.trunk_cache and local_study.prepared.anatomy.trunk.complaint is None
    passes = (1 - arm.frozen_share) * TRAINED_LAYER_COST + (0.0 if is_cached else arm.frozen_share)
    return max(LEAST, passes / TRAINED_LAYER_COST * _mean_epochs(local_study))


def _mean_epochs(local_study: LocalStudy) -> float:
    """Return the mean number of epochs that the space draws, over those of trial 0."""
    epochs = [each for each in local_study.space.parameters["num_train_epochs"].extremes() if not isinstance(each, str)]
    first = local_study.first_point()["num_train_epochs"]
    return sum(epochs) / len(epochs) / first if epochs and not isinstance(first, str) else 1.0
