"""What a classifier gets wrong, counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tuner.reporting.mistakes import Mistakes, shown_rows
from tuner.trial.row_arrays import encoded_array


def model(trial: int, chosen: list[int], confidence: list[float]) -> dict[str, Any]:
    stored = {"class": np.array(chosen, dtype=np.uint32), "confidence": np.array(confidence, dtype=np.float16)}
    return {"trial": trial, "predictions": {name: encoded_array(values) for name, values in stored.items()}}


def judged(*models: dict[str, Any]) -> dict[str, Any]:
    targets = encoded_array(np.array([0, 0, 0, 1, 1, 2], dtype=np.uint32))
    return {"labels": ["a", "b", "c", "d"], "targets": targets, "models": list(models)}


RECIPE = model(0, [0, 1, 0, 1, 0, 0], [0.9] * 6)
WINNER = model(7, [0, 0, 1, 1, 0, 1], [0.5, 1.0, 0.75, 1.0, 0.5, 1.0])


def test_scores_of_classes_and_confusion_are_those_of_the_last_model() -> None:
    told = Mistakes.of(judged(RECIPE, WINNER))
    assert (told.rows, told.right) == (6, 3)
    assert told.confusion == ((2, 1, 0, 0), (1, 1, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0))
    a, b, c, d = told.classes
    assert (a.label, a.rows, a.precision, a.recall, a.f1) == ("a", 3, 2 / 3, 2 / 3, pytest.approx(2 / 3))
    assert (b.precision, b.recall, b.f1) == (pytest.approx(1 / 3), 0.5, pytest.approx(0.4))
    assert (c.precision, c.recall, c.f1) == (None, 0.0, 0.0)
    assert (d.rows, d.precision, d.recall, d.f1) == (0, None, None, 0.0)


def test_calibration_is_the_difference_of_confidence_and_hits_over_parts_of_the_range() -> None:
    told = Mistakes.of(judged(WINNER))
    # Half of the two rows at 0.5 are right, none at 0.75, and two of three at 1.
    assert told.calibration_error == pytest.approx(2 / 6 * 0 + 1 / 6 * 0.75 + 3 / 6 * (1 / 3))
    assert told.confidence == pytest.approx(4.75 / 6)


def test_rows_that_tell_most_are_those_where_the_model_is_most_confident() -> None:
    told = Mistakes.of(judged(RECIPE, WINNER))
    assert told.confident == (5, 2, 4)
    assert (told.only_winner, told.winner_alone) == ((1,), 1)
    assert (told.only_recipe, told.recipe_alone) == ((2,), 1)
    alone = Mistakes.of(judged(WINNER))
    assert (alone.only_winner, alone.only_recipe, alone.winner_alone) == ((), (), 0)


def test_a_row_is_shown_with_what_each_model_takes_it_for() -> None:
    described = {2: {"place": "a.csv, line 4", "text": "x", "label": "a"}}
    assert shown_rows(judged(RECIPE, WINNER), [2], described) == [
        {
            "row": 2,
            "place": "a.csv, line 4",
            "text": "x",
            "label": "a",
            "predictions": [
                {"trial": 0, "label": "a", "confidence": 0.8999},
                {"trial": 7, "label": "b", "confidence": 0.75},
            ],
        }
    ]
