from __future__ import annotations

from dataclasses import replace

import pytest
from live_states import ABOUT, BEGAN, POINT, ended, evaluated, started

from storage import TrialState
from tuner.processes.messages import Progressed
from tuner.reporting.events import Decided, Edited, Event, Notice, Ranked, Standings, TrialAdvanced, TrialDropped
from tuner.reporting.live.model import LiveModel
from tuner.reporting.live.state import LiveState


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def after(*events: Event, clock: Clock | None = None) -> LiveState:
    model = LiveModel(clock=clock or Clock(), wall=lambda: 0.0)
    for event in events:
        model.take(event)
    return model.state()


def test_a_resumed_trial_begins_with_its_whole_curve_where_it_goes_on() -> None:
    curve = [{"step": 20, "value": 0.5}, {"step": 40, "value": 0.75}]
    (trial,) = after(ABOUT, BEGAN, replace(started(3, at=42), curve=curve)).running
    assert trial.curve == ((20, 0.5), (40, 0.75))
    assert (trial.percent, trial.resumed_at) == (42, 42)


def test_progress_between_evaluations_moves_a_trial_on_and_never_back() -> None:
    model = LiveModel(clock=Clock())
    seen = []
    for event in (ABOUT, BEGAN, started(1), TrialAdvanced(number=1, done=30, total=100), evaluated(1, 20, 0.5)):
        model.take(event)
        seen += [each.percent for each in model.state().running]
    assert seen == [0, 30, 30]


def test_the_scale_takes_in_every_value_but_those_that_are_no_numbers() -> None:
    events = [ABOUT, BEGAN, started(1), evaluated(1, 20, 0.4), evaluated(1, 40, float("nan")), evaluated(1, 60, 0.9)]
    assert after(*events).scale == (0.4, 0.9)


def test_leaders_follow_the_direction_and_are_complete_trials_alone() -> None:
    events: list[Event] = [replace(ABOUT, direction="minimize"), BEGAN]
    ends = [(TrialState.COMPLETE, 0.5), (TrialState.PRUNED, 0.1), (TrialState.COMPLETE, 0.4), (TrialState.FAILED, None)]
    for number, (state, value) in enumerate(ends):
        events += [started(number), ended(number, state, value, finished=number + 1)]
    found = after(*events)
    assert [each.number for each in found.leaders] == [2, 0]
    assert found.recipe == Ranked(number=0, value=0.5, device_s=25.0)
    assert [each.number for each in found.ended] == [3, 2, 1, 0]
    assert (found.finished, found.running) == (4, ())


def test_trial_0_of_a_confirmation_is_no_recipe() -> None:
    about = replace(ABOUT, has_recipe=False)
    found = after(about, BEGAN, started(0), ended(0, TrialState.COMPLETE, 0.5, finished=1))
    assert (found.recipe, found.leaders[0].number) == (None, 0)


def test_what_other_machines_did_comes_with_the_standings() -> None:
    standings = Standings(
        counts={TrialState.COMPLETE: 5, TrialState.RUNNING: 3},
        waiting=8,
        leaders=(Ranked(number=4, value=0.9),),
        recipe=None,
    )
    found = after(ABOUT, BEGAN, started(1), ended(1, TrialState.COMPLETE, 0.5, finished=1), standings)
    assert found.finished == 5
    assert found.leaders[0].number == 4
    assert found.counts[TrialState.COMPLETE] == 5


def test_reasons_that_version_0_1_stored_do_not_say_the_state_twice() -> None:
    reason = "pruned: 0.5 at 20 % was among the weakest so far"
    (trial,) = after(ABOUT, BEGAN, ended(1, TrialState.PRUNED, 0.5, finished=1, reason=reason)).ended
    assert trial.reason == "0.5 at 20 % was among the weakest so far"


def test_stages_are_listed_with_the_seconds_that_each_took_until_trials_run() -> None:
    clock = Clock()
    model = LiveModel(clock=clock)
    for seconds, event in (
        (0, Progressed(stage="loading libraries")),
        (5, Progressed(stage="encoding", done=1, total=4)),
        (2, Progressed(stage="encoding", done=2, total=4)),
    ):
        clock.now += seconds
        model.take(event)
    clock.now += 1
    found = [(each.name, each.done, each.seconds) for each in model.state().stages]
    assert found == [("loading libraries", 0, 5), ("encoding", 2, 3)]
    model.take(BEGAN)
    assert model.state().stages == ()


def test_notices_are_messages_with_a_time_but_decisions_are_what_the_search_does() -> None:
    decided = Decided(text="search: 3 trials begin", spent=1.5, runs=4.0)
    found = after(ABOUT, BEGAN, Notice(text="the store is full"), decided)
    assert [each.text for each in found.messages] == ["the store is full"]
    assert (found.search, found.spent) == ("3 trials begin", 1.5)


def test_an_edit_changes_the_budget_and_a_dropped_trial_runs_here_no_longer() -> None:
    dropped = TrialDropped(number=1, text="trial 1: another worker has taken it over, it is dropped here")
    found = after(ABOUT, BEGAN, started(1), dropped, Edited(text="the study was edited", trials=24))
    assert (found.trials, found.running) == (24, ())
    assert len(found.messages) == 2


@pytest.mark.parametrize(("effective", "frozen"), [({"frozen_layers": 0, "layers": 6}, "0"), (None, None), ({}, None)])
def test_frozen_layers_are_those_that_were_built(effective: dict[str, int] | None, frozen: str | None) -> None:
    (trial,) = after(ABOUT, BEGAN, replace(started(1), effective=effective)).running
    assert trial.frozen == frozen
    assert trial.hyperparameters == POINT
