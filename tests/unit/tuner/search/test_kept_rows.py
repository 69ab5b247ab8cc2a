from __future__ import annotations

import pytest

from tuner.search.kept_rows import BEST_ROWS_ATTR, LAST_ROWS_ATTR, MOST, kept_rows
from tuner.trial.evaluation import Evaluation


def evaluation(value: float, rows: str | None = "8A==") -> Evaluation:
    losses = {"train_loss": 0.5, "validation_loss": 0.5}
    return Evaluation(step=40, value=value, epoch=1.0, optimiser_steps=10, **losses, learning_rate=1e-5, rows=rows)


@pytest.mark.parametrize(
    ("value", "before", "direction", "best"),
    [
        (0.7, [], "maximize", True),
        (0.7, [0.6, 0.65], "maximize", True),
        (0.7, [0.6, 0.75], "maximize", False),
        (0.7, [0.6, 0.75], "minimize", False),
        (0.5, [0.6, 0.75], "minimize", True),
        (0.7, [float("nan")], "maximize", True),
    ],
)
def test_the_rows_of_the_last_evaluation_are_kept_and_those_of_the_best_one(
    value: float, before: list[float], direction: str, best: bool
) -> None:
    found = kept_rows(evaluation(value), before, direction)
    assert found[LAST_ROWS_ATTR] == {"step": 40, "rows": "8A=="}
    assert (BEST_ROWS_ATTR in found) is best


@pytest.mark.parametrize("rows", [None, "A" * (MOST + 1)])
def test_rows_that_are_not_known_or_too_many_are_not_kept(rows: str | None) -> None:
    assert kept_rows(evaluation(0.7, rows), [], "maximize") == {}
