"""What a trial of an arm costs before any has been trained, in full runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.trial.anatomy import frozen_count
from tuner.trial.looks import TRAINED_LAYER_COST

if TYPE_CHECKING:
    from tuner.study.arms import ArmKey
    from tuner.study.local import LocalStudy

#: What the head alone costs at least: evaluations, and building the model. Measured with MiniLM, a hundredth.
LEAST = 0.01


def planned_cost(local_study: LocalStudy, arm: ArmKey) -> float:
    """Return what a trial of an arm costs that is as long as trial 0, as far as it follows from the layers it trains.

    Layers that are frozen cost nothing where their hidden states are cached, and a forward pass where they are not.
    """
    assert local_study.prepared is not None
    is_cached = local_study.config.speed.trunk_cache and local_study.prepared.anatomy.trunk.complaint is None
    layers = local_study.prepared.anatomy.count
    # A share is rounded to whole layers.
    frozen = frozen_count(arm.frozen_share, layers) / layers if layers else arm.frozen_share
    passes = (1 - frozen) * TRAINED_LAYER_COST + (0.0 if is_cached else frozen)
    return max(LEAST, passes / TRAINED_LAYER_COST)
