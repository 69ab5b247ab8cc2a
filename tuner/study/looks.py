"""Which looks the trials of a study have: at which percents of its schedule each one is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces import Hyperparameters
from tuner.trial.looks import LOOKS, affordable_looks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tuner.study.config import StudyConfig
    from tuner.study.prepared import Prepared


def looks_of(config: StudyConfig, prepared: Prepared | None, first_point: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the percents after which every trial of a study is evaluated.

    They are the same for all trials. With more looks at one trial than at another, the first would more often be worth
    a high value by chance: a trial is worth its best evaluation.

    Args:
        config: The study. Its `evaluations` is a number of looks, or `auto`: as many as the first trial can afford.
        prepared: The data; None where the study has its own training function, which decides itself when it evaluates.
        first_point: The values of trial 0.
    """
    if config.evaluations != "auto":
        return LOOKS[config.evaluations]
    if prepared is None:
        return LOOKS[10]
    hyperparameters = Hyperparameters.from_values(first_point)
    frozen = hyperparameters.frozen_layers
    return affordable_looks(
        train_tokens=prepared.tokens["train"],
        validation_tokens=prepared.tokens["validation"],
        epochs=hyperparameters.num_train_epochs,
        # Gradual unfreezing ends with all layers trained.
        trained_share=1.0 if isinstance(frozen, str) else 1.0 - frozen,
    )
