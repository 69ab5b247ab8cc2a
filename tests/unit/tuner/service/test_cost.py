from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces import Hyperparameters, recipe_for
from search_spaces.loading import load_space
from tuner.processes.messages import Measured
from tuner.service.cost import cost_of, depths_of
from tuner.service.smoke import SmokeRun
from tuner.study.data_report import DataReport, RowCounts
from tuner.study.local import LocalStudy
from tuner.study.prepared import Prepared
from tuner.study.study_file import parse_config
from tuner.trial.anatomy import Anatomy
from tuner.trial.result import Outcome, TrialResult
from tuner.trial.work import Survey, TrialWork

RECIPE = recipe_for("bert", "", 768)


def study(folder: Path, frozen_layers: Any) -> LocalStudy:
    """Return a study of a model of four layers, with 100 training and 40 validation rows."""
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}}
    (folder / "encoded").mkdir()
    (folder / "encoded" / "rows").write_bytes(b"12345")
    sizes = {"train": 100, "validation": 40}
    rows = RowCounts(read=140, left_out=(), splits=sizes, classes={})
    prepared = Prepared(
        folder=folder / "encoded",
        fingerprint="f",
        tokenizer="t",
        weights="w",
        versions={},
        sizes=sizes,
        tokens=sizes,
        labels=("a", "b"),
        anatomy=Anatomy(layers=(("0",), ("1",), ("2",), ("3",))),
        report=DataReport(reading=(), rows=rows, guess=0.5, lengths=None, warnings=()),
    )
    return LocalStudy(
        config=parse_config(document, source="s.yaml", folder=folder),
        model=None,
        recipe=RECIPE,
        space=load_space(
            {"frozen_layers": frozen_layers}, preset="text-classification", recipe=RECIPE, folder=folder, source="s"
        ),
        prepared=prepared,
        data=None,
        looks=(100,),
        fingerprints={},
    )


def smoke(
    frozen: float | str, layers: int, steps: tuple[float, ...], *, batch: int = 16, evaluation: float = 1.6
) -> Any:
    """Return a smoke run with so many frozen layers, whose optimiser steps took so many seconds."""
    point = {**RECIPE.defaults, "frozen_layers": frozen, "batch_size": batch}
    return SmokeRun(
        hyperparameters=Hyperparameters.from_values(point),
        result=TrialResult(state=Outcome.COMPLETE),
        seconds=9.0,
        frozen_layers=layers,
        measured=Measured(optimiser_steps_s=steps, evaluation_s=evaluation),
    )


def survey(*rows: dict[int, int]) -> Survey:
    """Return a survey of trials that train so many rows by frozen layers, and evaluate 40."""
    works = [
        TrialWork(trained_rows=each, evaluated_rows=40, checkpoint_bytes=10 - place) for place, each in enumerate(rows)
    ]
    return Survey(trials=tuple(works), parameters=1, trunk_bytes=7)


def test_seconds_follow_from_the_second_optimiser_step_and_the_evaluation(tmp_path: Path) -> None:
    local = study(tmp_path, 0.0)
    # Of 16 rows, a batch of 12 leaves 4 to the second optimiser step.
    cost = cost_of(local, survey({0: 100}), [smoke(0.0, 0, (9.0, 0.8), batch=12)])
    assert cost.trial_s == {0.0: pytest.approx(100 * 0.8 / 4 + 40 * 1.6 / 16)}


def test_disk_is_that_of_the_largest_checkpoint_the_encoded_data_and_the_cache(tmp_path: Path) -> None:
    local = study(tmp_path, [0.0, 0.5])
    cost = cost_of(local, survey({0: 100}, {2: 100}), [])
    assert cost.to_dict() == {
        "trial_s": [],
        "disk": {"checkpoint_bytes": 10, "data_bytes": 5, "trunk_bytes": 7},
    }


def test_a_first_optimiser_step_counts_only_where_there_is_no_second(tmp_path: Path) -> None:
    local = study(tmp_path, [0.0, 0.5])
    works = survey({0: 100}, {2: 100})
    cold = smoke(0.5, 2, (9.6,), evaluation=0.0)
    warm = smoke(0.5, 2, (9.6, 1.6), evaluation=0.0)
    full = smoke(0.0, 0, (9.6, 3.2), evaluation=0.0)
    assert cost_of(local, works, [full, cold, warm]).trial_s == {0.0: pytest.approx(20), 0.5: pytest.approx(10)}
    assert cost_of(local, works, [cold]).trial_s == {0.5: pytest.approx(60)}


def test_depths_between_the_measured_ones_lie_on_a_line_and_a_busy_moment_counts_for_nothing(tmp_path: Path) -> None:
    local = study(tmp_path, [0.0, 0.5, 1.0, "gradual"])
    assert depths_of(local) == [0.0, 0.5, 1.0, "gradual"]
    runs = [
        smoke(0.0, 0, (9.0, 3.2), evaluation=0.0),
        smoke(0.0, 0, (9.0, 99.0), evaluation=5.0),
        smoke(0.5, 2, (9.0, 2.4), evaluation=5.0),
        smoke(1.0, 4, (9.0, 1.6), evaluation=5.0),
        smoke("gradual", 2, (9.0, 99.0), evaluation=5.0),
    ]
    cost = cost_of(local, survey({0: 100}, {2: 100}, {4: 100}, {3: 50, 0: 50}), runs)
    assert cost.trial_s == {
        0.0: pytest.approx(20),
        0.5: pytest.approx(15),
        1.0: pytest.approx(10),
        "gradual": pytest.approx(50 * 0.125 + 50 * 0.2),
    }


def test_a_depth_that_one_measurement_says_nothing_of_has_no_estimate(tmp_path: Path) -> None:
    local = study(tmp_path, [0.0, 0.5])
    diverged = replace(smoke(0.5, 2, ()), measured=None)
    cost = cost_of(local, survey({0: 100}, {2: 100}), [smoke(0.0, 0, (9.0, 3.2), evaluation=0.0), diverged])
    assert cost.trial_s == {0.0: pytest.approx(20)}
