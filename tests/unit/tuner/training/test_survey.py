from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces import GRADUAL
from tuner.training.loop import train
from tuner.training.survey import survey
from tuner.trial.looks import LOOKS
from tuner.trial.run import TrialRun, TrunkHome
from tuner.trial.work import Survey


def home(folder: Path, *shares: float | str, limit: int | None = None) -> TrunkHome:
    return TrunkHome(folder=folder, weights="w", shares=shares, limit=limit)


def test_rows_are_counted_by_the_layers_that_are_frozen_while_they_are_trained(
    make_run: Callable[..., TrialRun],
) -> None:
    # 32 training rows in batches of 8: 4 optimiser steps an epoch; 16 validation rows.
    unfrozen = make_run(num_train_epochs=2.5, looks=LOOKS[2])
    frozen = make_run(num_train_epochs=1.0, frozen_layers=0.5, looks=LOOKS[1])
    gradual = make_run(num_train_epochs=2.0, frozen_layers=GRADUAL, looks=LOOKS[5])
    works = survey([unfrozen, frozen, gradual]).trials
    assert [work.trained_rows for work in works] == [{0: 80}, {2: 32}, {2: 32, 0: 32}]
    assert [work.evaluated_rows for work in works] == [32, 16, 80]


def test_the_last_batch_of_an_epoch_has_fewer_rows(make_run: Callable[..., TrialRun]) -> None:
    (work,) = survey([make_run(batch_size=24, num_train_epochs=1.5)]).trials
    assert work.trained_rows == {0: 24 + 8 + 24}


def test_bytes_on_disk_are_those_that_a_trial_writes(
    make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run(frozen_layers=0.5, num_train_epochs=1.0)
    run = replace(run, trunk=home(tmp_path / "trunk", 0.5, 1.0))
    found: Survey = survey([run])
    attempt(run, tmp_path / "saved", at=[2], leave=True)
    written = sum(path.stat().st_size for path in (tmp_path / "saved" / "step-00002").iterdir())
    assert found.trials[0].checkpoint_bytes == pytest.approx(written, rel=0.5)
    assert found.trials[0].checkpoint_bytes > 0
    list(train(run))
    kept = sum(path.stat().st_size for path in (tmp_path / "trunk").rglob("*.bin"))
    assert found.trunk_bytes == kept


def test_nothing_is_cached_where_the_cache_is_off_or_has_no_room(
    make_run: Callable[..., TrialRun], tmp_path: Path
) -> None:
    run = make_run(frozen_layers=0.5)
    cached = replace(run, trunk=home(tmp_path, 0.5, limit=1000))
    assert survey([run]).trunk_bytes == 0
    assert survey([cached]).trunk_bytes == 1000
    assert survey([replace(cached, speed=replace(run.speed, trunk_cache=False))]).trunk_bytes == 0
    assert survey([replace(cached, trunk=home(tmp_path, 0.0))]).trunk_bytes == 0
