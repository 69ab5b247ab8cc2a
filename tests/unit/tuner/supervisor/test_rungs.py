"""How a supervisor judges trials at their rungs, promotes them, and ends those that do not go on."""

from __future__ import annotations

import math
from typing import Any

import pytest
from shelving import LOOKS, StudyInMemory, local_study, rungs_of

from storage import LeaseLost, PlanLease, SlotState
from tuner.reporting.events import TrialEnded
from tuner.supervisor.judging import Judgement, Moves
from tuner.trial.result import Verdict

RUNNING, SHELVED, FINISHED = SlotState.RUNNING, SlotState.SHELVED, SlotState.FINISHED
GO_ON = Judgement(verdict=Verdict.GO_ON)


def study_of(*values: float, trials: int = 8, state: SlotState = SHELVED) -> StudyInMemory:
    """Return a study whose trials have come to 4 %, trial 0 with the first value."""
    study = StudyInMemory(trials=trials)
    for value in values:
        study.add(value, state)
    return study


def judge(study: StudyInMemory, number: int, step: int, value: float, **config: Any) -> Judgement:
    """Have a trial report a value, and return the verdict about it."""
    study.values[number][step] = value
    return rungs_of(study, local_study(**config)).judge(study.attempt(number), step, value)


# ---- verdicts


def test_a_trial_whose_place_is_not_certain_is_put_aside() -> None:
    study = study_of(0.5, 0.4)
    found = judge(study, study.add(None, RUNNING), 4, 0.6)
    assert found == Judgement(verdict=Verdict.SHELVED, reason="0.6 at 4 %")
    assert study.told == []


def test_a_trial_that_cannot_keep_up_is_pruned_at_once_and_told_its_rank() -> None:
    # Of eight, four go on from 4 %; four are better.
    study = study_of(0.5, 0.6, 0.7, 0.8)
    found = judge(study, study.add(None, RUNNING), 4, 0.25)
    why = "0.25 at 4 %, needed 0.5: 5th of 5, 3 still to come, and 4 go on"
    assert found == Judgement(verdict=Verdict.PRUNED, reason=why)


def test_a_trial_that_keeps_its_place_in_any_case_goes_on_and_others_with_it() -> None:
    study = study_of(0.1, 0.2, 0.9, 0.8, trials=5)  # of five, three go on
    assert judge(study, study.add(None, RUNNING), 4, 0.7) == GO_ON
    assert study.told == [("promoted", 2, 8), ("promoted", 3, 8), ("promoted", 4, 8)]
    assert study.slots[4].state is RUNNING


def test_a_trial_is_put_aside_where_another_supervisor_decides_and_is_promoted_by_it() -> None:
    study = study_of(0.1, 0.2, 0.9, 0.8, trials=5)
    study.is_decided_elsewhere = True
    assert judge(study, study.add(None, RUNNING), 4, 0.7).verdict is Verdict.SHELVED
    assert study.told == []


def test_a_trial_with_a_smaller_value_is_better_where_the_metric_is_minimised() -> None:
    metric = {"name": "loss", "direction": "minimize"}
    study = study_of(0.5, 0.6, 0.7, 0.8)
    assert judge(study, study.add(None, RUNNING), 4, 0.9, metric=metric).verdict is Verdict.PRUNED
    study = study_of(0.5, 0.6, 0.7, 0.8)
    assert judge(study, study.add(None, RUNNING), 4, 0.4, metric=metric) == GO_ON


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_trial_without_a_number_at_its_rung_never_goes_on(value: float) -> None:
    study = study_of(0.5, 0.4)
    assert judge(study, study.add(None, RUNNING), 4, value).verdict is Verdict.PRUNED


def test_trial_0_is_neither_put_aside_nor_pruned_though_it_is_the_weakest() -> None:
    study = StudyInMemory(trials=8)
    study.add(None, RUNNING)
    for value in (0.5, 0.6, 0.7, 0.8):
        study.add(value)
    assert [judge(study, 0, step, -1.0) for step in LOOKS] == [GO_ON] * len(LOOKS)
    rungs_of(study).look(idle=True)
    assert study.slots[0].state is RUNNING


def test_trial_0_goes_on_to_its_end_though_another_version_has_put_it_aside() -> None:
    study = study_of(0.1, 0.5, 0.6, 0.7, trials=4)
    study.change(0, target=4)
    assert rungs_of(study).look(idle=True).started == 3
    assert (study.slots[0].state, study.slots[0].target) == (SlotState.INTERRUPTED, 100)


def test_a_trial_is_not_judged_at_its_last_step() -> None:
    study = study_of(0.5, 0.6, 0.7, 0.8)
    number = study.add({4: 0.9}, RUNNING, target=100)
    assert judge(study, number, 100, -1.0) == GO_ON


def test_a_trial_is_not_judged_where_the_study_has_no_rung() -> None:
    study = study_of(0.5, 0.6, 0.7, 0.8)
    number = study.add(None, RUNNING)
    assert [judge(study, number, step, -1.0) for step in (3, 5, 10, 99)] == [GO_ON] * 4


def test_a_trial_with_a_long_warm_up_is_not_judged_before_its_own_first_rung() -> None:
    study = study_of(0.5, 0.6, 0.7, 0.8)
    number = study.add(None, RUNNING, target=16)
    assert [judge(study, number, step, -1.0) for step in (4, 8)] == [GO_ON] * 2


def test_a_study_with_another_search_judges_nothing() -> None:
    study = study_of(0.5, 0.6, 0.7, 0.8)
    number = study.add(None, RUNNING)
    assert judge(study, number, 4, -1.0, search="plain") == GO_ON
    assert judge(study, number, 4, -1.0, search={"name": "auto", "promotion": "none"}) == GO_ON
    assert rungs_of(study, local_study(search="plain")).look(idle=True) == Moves()


def test_a_trial_that_is_another_workers_is_not_judged() -> None:
    study = study_of(0.5)
    number = study.add(None, RUNNING)
    study.lost.add(number)
    with pytest.raises(LeaseLost):
        judge(study, number, 4, 0.6)


def test_a_trial_among_the_weakest_is_pruned_by_the_rule_of_percentiles_and_others_go_on() -> None:
    study = StudyInMemory(trials=12)
    for number in range(6):
        study.add({32: number / 10, 100: number / 10}, FINISHED, target=100)
    search = {"name": "auto", "promotion": "percentile"}
    weak, fair = study.add(None, RUNNING, target=100), study.add(None, RUNNING, target=100)
    assert judge(study, weak, 32, -1.0, search=search).verdict is Verdict.PRUNED
    assert judge(study, fair, 32, 0.3, search=search) == GO_ON
    study = StudyInMemory(trials=12)
    for number in range(4):
        study.add({32: number / 10, 100: number / 10}, FINISHED, target=100)
    weak = study.add(None, RUNNING, target=100)
    assert judge(study, weak, 32, -1.0, search=search) == GO_ON, "too few are complete"


# ---- how far a trial may train


def test_a_new_trial_may_train_to_its_first_rung_and_trial_0_to_its_end() -> None:
    study = StudyInMemory(trials=4)
    for number, target in ((0, 100), (1, 4)):
        study.add(None, RUNNING)
        study.change(number, first_rung=None, target=None)
        assert rungs_of(study).begin(study.attempt(number)) == target
        assert (study.slots[number].first_rung, study.slots[number].target) == (4, target)


def test_a_trial_of_a_rule_without_rungs_may_train_to_its_end() -> None:
    for promotion in ("none", "percentile"):
        study = StudyInMemory(trials=4)
        study.add(None, RUNNING), study.add(None, RUNNING)
        study.change(1, target=None)
        rungs = rungs_of(study, local_study(search={"name": "auto", "promotion": promotion}))
        assert rungs.begin(study.attempt(1)) == 100


def test_a_trial_that_was_promoted_may_train_to_where_it_was_promoted() -> None:
    study = study_of(0.5)
    assert rungs_of(study).begin(study.attempt(study.add({4: 0.5}, target=16))) == 16


def test_a_trial_that_is_another_workers_is_told_no_rung() -> None:
    study = study_of(0.5)
    number = study.add(None, RUNNING)
    study.change(number, target=None)
    study.lost.add(number)
    with pytest.raises(LeaseLost):
        rungs_of(study).begin(study.attempt(number))


# ---- looks at the whole study


def test_a_look_promotes_and_ends_what_is_certain_and_says_so() -> None:
    study, watched = study_of(0.5, 0.4, 0.3, 0.6, trials=4), []
    moves = rungs_of(study, watch=watched.append).look(idle=True)
    assert moves == Moves(started=1, ended=(1, 2))  # two places; trial 0 has one of them and trains in any case
    assert [(slot.state, slot.target) for slot in study.slots.values()][1:] == [
        (FINISHED, 4),
        (FINISHED, 4),
        (SlotState.INTERRUPTED, 8),
    ]
    why = "0.4 at 4 %, needed 0.5: 3rd of 4, and 2 go on"
    assert study.told == [
        ("promoted", 3, 8),
        ("pruned", 1, 0.4, why),
        ("pruned", 2, 0.3, "0.3 at 4 %, needed 0.5: 4th of 4, and 2 go on"),
    ]
    (event, *_) = watched
    assert isinstance(event, TrialEnded)
    assert (event.number, event.state, event.value, event.reason, event.finished) == (1, "pruned", 0.4, why, 1)


def test_a_second_look_finds_nothing_more_to_do() -> None:
    study = study_of(0.5, 0.4, 0.3, 0.6, trials=4)
    assert rungs_of(study).look(idle=True)
    told = list(study.told)
    assert not rungs_of(study).look(idle=True)
    assert study.told == told


def test_a_look_leaves_trials_that_run_to_their_workers() -> None:
    study = study_of(0.5, 0.9, 0.8, trials=4)
    study.add(0.1, RUNNING)
    study.add(0.2, SlotState.INTERRUPTED)
    moves = rungs_of(study).look(idle=True)
    assert moves.ended == ()
    assert [study.slots[number].state for number in (3, 4)] == [RUNNING, SlotState.INTERRUPTED]


def test_a_look_while_another_supervisor_decides_writes_no_promotion_and_knows_that_there_is_one() -> None:
    study = study_of(0.5, 0.4, 0.3, 0.6, trials=4)
    study.is_decided_elsewhere = True
    moves = rungs_of(study).look(idle=True)
    assert moves.started == 1, "so that this supervisor does not take the study for over"
    assert study.slots[3].state is SHELVED
    assert [word for word, *_ in study.told] == ["pruned", "pruned"]


def test_a_shelved_trial_that_another_supervisor_ends_is_left_to_it() -> None:
    study = study_of(0.5, 0.4, 0.3, 0.6, trials=4)
    study.lost.add(1)
    assert rungs_of(study).look(idle=True).ended == (2,)


def test_trials_stay_shelved_where_the_study_keeps_them() -> None:
    study = study_of(0.5, 0.4, 0.3, 0.6, trials=4)
    moves = rungs_of(study, local_study(keep_shelved=True)).look(idle=True)
    assert moves == Moves(started=1)
    assert [study.slots[number].state for number in (1, 2)] == [SHELVED, SHELVED]


def test_a_promoted_trial_that_trains_to_its_rung_again_is_not_judged_by_its_earlier_value() -> None:
    study = study_of(0.5, 0.4, 0.3, 0.6, trials=4)
    rungs_of(study).look(idle=True)
    study.change(3, state=RUNNING)
    assert judge(study, 3, 4, 0.6) == GO_ON
    assert rungs_of(study).look(idle=True) == Moves()


# ---- a lower first rung

LOW = (2, *LOOKS)


def low_study(count: int, *, agree: bool) -> StudyInMemory:
    """Return a study of trials with values at 2 % and 4 %, which rank alike or the other way round."""
    study = StudyInMemory(trials=64)
    for number in range(count):
        study.add({2: number / 100, 4: (number if agree else -number) / 100})
    return study


@pytest.mark.parametrize(("agree", "first"), [(True, 2), (False, 4)])
def test_the_first_rung_is_decided_once_from_the_first_trials(agree: bool, first: int) -> None:
    study = low_study(15, agree=agree)
    rungs = rungs_of(study, local_study(LOW))
    rungs.look(idle=True)
    assert study.decisions == {}
    number = study.add({2: 0.5, 4: 0.5 if agree else -0.5}, RUNNING)
    assert rungs.judge(study.attempt(number), 4, 0.5).verdict is not Verdict.PRUNED
    assert study.decisions == {"first_rung": first}
    (decided,) = [words for word, *words in study.told if word == "decided"]
    assert decided[0].startswith(f"the first rung is {first} %: between 2 % and 4 % of 16 trials, rank correlation ")
    new = study.add(None, RUNNING)
    study.change(new, target=None)
    assert rungs.begin(study.attempt(new)) == first
    study.add({2: 9.0, 4: -9.0})
    rungs.look(idle=True)
    assert study.decisions == {"first_rung": first}


def test_one_percent_is_the_first_rung_where_all_three_rank_alike() -> None:
    study = StudyInMemory(trials=64)
    for number in range(16):
        study.add(dict.fromkeys((1, 2, 4), number / 100))
    rungs_of(study, local_study((1, *LOW))).look(idle=True)
    assert study.decisions == {"first_rung": 1}
    ((decided, *_),) = [words for word, *words in study.told if word == "decided"]
    assert decided.startswith("the first rung is 1 %: between 1 % and 2 % of 16 trials, rank correlation ")


def test_before_the_check_trials_train_to_the_higher_rung_and_are_not_judged_at_the_lower_one() -> None:
    study = low_study(8, agree=True)
    number = study.add(None, RUNNING)
    study.change(number, target=None)
    rungs = rungs_of(study, local_study(LOW))
    assert rungs.begin(study.attempt(number)) == 4
    study.values[number][2] = -1.0
    assert rungs.judge(study.attempt(number), 2, -1.0) == GO_ON


def test_what_another_supervisor_has_decided_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    study = low_study(16, agree=True)
    take = study.take

    def late(owner: str, lease_s: float) -> PlanLease | None:
        study.decisions = {"first_rung": 4}
        return take(owner, lease_s)

    monkeypatch.setattr(study, "take", late)
    rungs_of(study, local_study(LOW)).look(idle=True)
    assert study.decisions == {"first_rung": 4}
    assert not [words for word, *words in study.told if word == "decided"]
