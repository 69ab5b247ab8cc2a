from __future__ import annotations

import os
import pickle
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner, PercentilePruner, SuccessiveHalvingPruner
from optuna.trial import TrialState

from storage import Database
from tuner.search.optuna_study import load_optuna_study
from tuner.search.pruners import make_pruner
from tuner.search.samplers import SeededPerTrial, make_sampler
from tuner.study.config import StudyConfig
from tuner.study.search_config import PrunerConfig
from tuner.study.study_file import parse_config

optuna.logging.set_verbosity(optuna.logging.WARNING)


def config(**changes: Any) -> StudyConfig:
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}, "search": "plain", **changes}
    return parse_config(document, source="s.yaml", folder=Path("/nowhere"))


def in_memory(**changes: Any) -> optuna.Study:
    chosen = config(**changes)
    return optuna.create_study(
        direction="maximize",
        sampler=make_sampler(chosen, conditional=True),
        pruner=make_pruner(chosen.pruner),
    )


def draw(trial: optuna.Trial) -> dict[str, float]:
    trial.suggest_float("rate", 1e-5, 1e-2, log=True)
    if trial.suggest_categorical("schedule", ["linear", "constant"]) == "linear":
        trial.suggest_float("warmup", 0.0, 0.2)
    return dict(trial.params)


def history(study: optuna.Study, count: int) -> list[dict[str, float]]:
    drawn = []
    for _ in range(count):
        trial = study.ask()
        drawn.append(draw(trial))
        study.tell(trial, -abs(trial.params["rate"] - 1e-3))
    return drawn


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "cmaes", "qmc"])
def test_the_seed_decides_every_draw(sampler: str) -> None:
    first = history(in_memory(sampler=sampler, seed=3), 12)
    assert history(in_memory(sampler=sampler, seed=3), 12) == first
    assert history(in_memory(sampler=sampler, seed=4), 12) != first
    assert len({point["rate"] for point in first[:4]}) == 4  # later ones may be at the end of a range


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "cmaes", "qmc"])
def test_a_draw_depends_on_the_trials_number_and_not_on_what_its_process_drew_before(sampler: str) -> None:
    chosen = config(sampler=sampler)
    whole = history(in_memory(sampler=sampler), 8)
    resumed = in_memory(sampler=sampler)
    before = history(resumed, 5)
    resumed.sampler = make_sampler(chosen, conditional=True)  # as in a process that begins anew
    assert before + history(resumed, 3) == whole


def test_two_trials_asked_for_at_once_are_not_alike() -> None:
    study = in_memory()
    one, other = study.ask(), study.ask()
    assert draw(one) != draw(other)


def test_a_resumed_trial_keeps_its_draw() -> None:
    study = in_memory()
    trial = study.ask()
    drawn = draw(trial)
    again = optuna.Trial(study, trial._trial_id)
    assert draw(again) == drawn
    assert again.number == trial.number


def test_a_quarter_of_the_budget_but_at_least_four_trials_are_drawn_at_random() -> None:
    for trials, startup in [(1, 4), (16, 4), (40, 10)]:
        sampler = make_sampler(config(budget={"trials": trials}), conditional=False)
        assert isinstance(sampler, SeededPerTrial)
        inner = sampler._sampler
        assert isinstance(inner, optuna.samplers.TPESampler)
        assert inner._n_startup_trials == startup


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "cmaes", "qmc"])
def test_building_a_sampler_warns_of_nothing(sampler: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_sampler(config(sampler=sampler), conditional=True)


@pytest.mark.parametrize("name", ["tpe", "gp", "cmaes"])
def test_a_sampler_draws_as_many_trials_at_random_as_it_is_told(name: str) -> None:
    alone = history(in_memory(sampler={"name": name, "n_startup_trials": 50}), 8)
    told = history(in_memory(sampler={"name": name, "n_startup_trials": 5}), 8)
    assert told[:5] == alone[:5]
    assert told[5:] != alone[5:]


def test_a_quasi_random_sequence_is_whole_however_often_and_by_whom_its_points_are_drawn() -> None:
    study, chosen = in_memory(sampler="qmc"), config(sampler="qmc")
    study.tell(study.ask({"x": FloatDistribution(0, 1)}), 0)
    drawn = []
    for _ in range(16):
        study.sampler = make_sampler(chosen, conditional=True)  # as on another machine
        trial = study.ask()
        again = optuna.Trial(study, trial._trial_id)  # as in a process that begins where another one has ended
        drawn.append(again.suggest_float("x", 0, 1))
        study.tell(trial, 0)
    # Trials 1 to 16: of those, 8 to 15 are an aligned part of the sequence, with one point in each eighth of the range.
    assert sorted(int(8 * x) for x in drawn[7:15]) == [*range(8)]


def test_cmaes_leaves_a_pickle_in_the_database_and_no_other_sampler_does() -> None:
    for name in ("tpe", "random", "gp", "cmaes", "qmc"):
        study = in_memory(sampler={"name": name, "n_startup_trials": 1} if name in ("tpe", "gp", "cmaes") else name)
        history(study, 12)
        keys = {key.split(":")[0] for trial in study.trials for key in trial.system_attrs}
        assert ("cma" in keys) == (name == "cmaes"), (name, keys)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


@pytest.mark.parametrize("name", ["tpe", "random", "gp", "qmc", "cmaes"])
def test_a_pickle_that_somebody_has_planted_is_unpickled_by_cmaes_alone(tmp_path: Path, name: str) -> None:
    study = in_memory(sampler={"name": name, "n_startup_trials": 1} if name in ("tpe", "gp", "cmaes") else name)
    history(study, 2)
    trial = study.ask()
    draw(trial)
    planted = pickle.dumps(Evil(tmp_path / "evil")).hex()
    for key, value in (("cma:optimizer:0", planted), ("cma:generation", 0), ("planted", planted)):
        study._storage.set_trial_system_attr(trial._trial_id, key, value)
    study.tell(trial, 0.0)
    with suppress(AttributeError):  # what it unpickled is no optimiser
        draw(study.ask())
    # That it does is why it is refused on a server: see tuner.consent.
    assert (tmp_path / "evil").exists() == (name == "cmaes")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("none", NopPruner),
        ("percentile", PercentilePruner),
        ("median", MedianPruner),
        ("successive_halving", SuccessiveHalvingPruner),
        ("hyperband", HyperbandPruner),
    ],
)
def test_each_pruner_can_be_chosen(name: Any, kind: type) -> None:
    assert type(make_pruner(PrunerConfig(name=name))) is kind


def told(study: optuna.Study, curve: list[float]) -> list[bool]:
    """Report a curve of ten values, the first at 10 %; return what the pruner says after each."""
    trial = study.ask()
    draw(trial)
    said = []
    for step, value in enumerate(curve, start=1):
        trial.report(value, 10 * step)
        said.append(trial.should_prune())
    study.tell(trial, max(curve))
    return said


def test_the_default_pruner_stops_the_weakest_quarter_once_five_trials_are_complete() -> None:
    study = in_memory()
    for level in (0.9, 0.8, 0.7, 0.6):
        assert told(study, [level] * 10) == [False] * 10
    assert told(study, [0.1] * 10) == [False] * 10
    # Five are complete: 0.55 is below the best three quarters, and at 10 % none is judged.
    assert told(study, [0.55] * 10) == [False] + [True] * 9
    assert told(study, [0.85] * 10) == [False] * 10


def test_settings_of_a_pruner_reach_it() -> None:
    pruner = {"name": "percentile", "percentile": 50, "n_startup_trials": 1, "n_warmup_steps": 50, "n_min_trials": 1}
    study = in_memory(pruner=pruner)
    told(study, [0.9] * 10)
    assert told(study, [0.1] * 10) == [False] * 4 + [True] * 6


def test_a_study_is_loaded_with_its_sampler_and_pruner(tmp_path: Path) -> None:
    chosen = config(pruner="median")
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        optuna.create_study(study_name="s", storage=database.optuna_storage, direction="minimize")
        study = load_optuna_study(database, chosen, conditional=True)
        assert isinstance(study.sampler, SeededPerTrial)
        assert isinstance(study.pruner, MedianPruner)
        trial = study.ask()
        draw(trial)
        study.tell(trial, state=TrialState.FAIL)
        assert [found.state for found in study.trials] == [TrialState.FAIL]
