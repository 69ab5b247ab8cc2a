"""The run that the trainer of a trial is started with."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attempts import SLOT, attempt_at, evaluated

from search_spaces import Hyperparameters, load_space, recipe_for
from tuner.machine.devices import CPU, Lane
from tuner.study.config import StudyConfig
from tuner.study.local import LocalStudy
from tuner.supervisor.attempt import Attempt
from tuner.supervisor.lanes import Lanes
from tuner.supervisor.launch import Launcher
from tuner.supervisor.transfers import Restored
from tuner.trial.looks import LOOKS
from tuner.trial.run import TrialRun

RECIPE = recipe_for("bert", "", 768)
POINT = Hyperparameters.from_values(RECIPE.defaults)
STUDY = LocalStudy(
    config=StudyConfig.model_validate({"name": "s", "train": "training:train"}),
    model=None,
    recipe=RECIPE,
    space=load_space({}, preset="text-classification", recipe=RECIPE, folder=Path(), source="s"),
    looks=LOOKS[10],
    prepared=None,
    data=None,
    fingerprints={},
)


class Started:
    """The run that the trainer of an interrupted trial is started with, in a study with ten looks.

    Args:
        effective: The effective configuration that earlier attempts have recorded.
        curve: Their evaluations by step.
        optimiser_steps: Optimiser steps of the checkpoint that the trial goes on from.
    """

    def __init__(
        self,
        effective: dict[str, Any] | None,
        curve: dict[int, dict[str, Any]] | None = None,
        optimiser_steps: int = 0,
    ) -> None:
        self.arguments: list[dict[str, Any]] = []
        self._optimiser_steps = optimiser_steps
        attempt = attempt_at()
        open_trial = replace(attempt.open_trial, hyperparameters=POINT, effective=effective, curve=curve or {})
        ledger = SimpleNamespace(claim=lambda _: (attempt.lease, SLOT), begin=lambda _: open_trial)
        edges = SimpleNamespace(
            ledger=ledger,
            judge=SimpleNamespace(begin=lambda _: 100, before_training=lambda _: None),
            twins=SimpleNamespace(take_over=lambda _: None),
            watch=lambda _: None,
            changed=lambda: None,
            micro_batches=SimpleNamespace(start=lambda _: {}),
            fork_server=SimpleNamespace(start=self._start),
        )
        lifecycle = SimpleNamespace(
            dropping=nullcontext,
            checkpointing=SimpleNamespace(restore=self._restore, begin=self._begin),
            restores=SimpleNamespace(is_over=lambda _: True, worked=lambda: None),
        )
        launcher = Launcher(
            Lanes((Lane(index=0, device=CPU, threads=1),)),
            cast(Any, SimpleNamespace(current=STUDY.config)),
            STUDY,
            cast(Any, edges),
            cast(Any, lifecycle),
        )
        launcher.fill_lanes()
        (arguments,) = self.arguments
        self.run: TrialRun = arguments["run"]

    def _restore(self, attempt: Attempt, then: Any) -> None:
        then(attempt, Restored(folder=Path("restored"), checkpoints=SLOT.checkpoints, optimiser_steps=0))

    def _begin(self, attempt: Attempt, _: Restored) -> None:
        attempt.saving.restored_optimiser_steps = self._optimiser_steps

    def _start(self, _: str, arguments: dict[str, Any], __: dict[str, str]) -> Any:
        self.arguments.append(arguments)
        return SimpleNamespace(connection=None)


def test_an_interrupted_trial_keeps_the_looks_that_it_began_with() -> None:
    # One of version 0.1 has those that were chosen for it alone.
    assert Started({"evaluations": [40, 100]}).run.looks == (40, 100)


@pytest.mark.parametrize(
    "effective", [None, {}, {"evaluations": 5}, {"evaluations": [40.0, 100.0]}, {"evaluations": [0, True, 101]}]
)
def test_a_trial_that_has_recorded_no_looks_has_those_of_the_study(effective: dict[str, Any] | None) -> None:
    assert Started(effective).run.looks == LOOKS[10]


def test_a_trial_is_told_of_the_evaluations_before_its_checkpoint_in_order() -> None:
    curve = {step: evaluated(step, step / 100).to_dict() for step in (100, 20, 30)}
    assert [each.step for each in Started({}, curve, optimiser_steps=30).run.earlier] == [20, 30]
