"""The search over depths: one plan, whatever ends on the way, and no more full runs than it was given."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Records, Tuner, records_of

pytestmark = pytest.mark.rest

NAME = "thawing"
STUDY: dict[str, Any] = {
    "search_space": {
        "learning_rate": {"low": 3e-5, "high": 3e-3, "log": True},
        "batch_size": [8, 16],
        "num_train_epochs": {"low": 80, "high": 100},
        "dropout": 0.1,
        "lr_scheduler_type": "linear",
        "frozen_layers": [0, 0.5, 1],
    },
    "budget": {"runs": 4},  # the heads of this tiny model cost nearly as much as its deeper trials
    "stop": "none",
    "keep": 100,
    "checkpoints": "store",
    "seed": 1,
}
LEASE = ("--lease", "2s")
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def database_of(tuner: Tuner) -> str:
    return f"sqlite:///{tuner.folder}/tuner.db"


def decided(records: Records) -> list[dict[str, Any]]:
    """Return the decisions that trials begin or go on, and that the search ends."""
    kinds = ("decided", "promoted")
    return [event for event in records.events if event["kind"] in kinds and "head on frozen" not in event["detail"]]


def check(records: Records, *, ends: int = 1) -> None:
    """Check that each trial was decided on once and is over, and that it is of its arm."""
    begun = Counter(event["trial"] for event in records.events if event["kind"] == "decided" and event["trial"])
    assert sorted(begun) == list(range(1, len(records.trials))), "each trial but the first is decided on"
    # A slot that was removed as the search ended is made again where it goes on.
    assert ends > 1 or set(begun.values()) == {1}, "once"
    assert {slot.state for slot in records.slots} == {"finished"}
    assert [slot.trial_number for slot in sorted(records.slots, key=lambda each: each.trial_number or 0)] == [
        *range(len(records.trials))
    ]
    for slot in records.slots:
        point = records.trials[slot.trial_number or 0]["hyperparameters"]
        assert slot.arm == f"{point['frozen_layers']:g}/{point['head_init']}"
    told = [event for event in decided(records) if event["detail"].startswith("the search ends: ")]
    assert len(told) == ends
    assert decided(records)[-1] == told[-1]


def test_a_search_spends_the_full_runs_that_it_was_given_and_says_why_at_each_stage(tuner: Tuner) -> None:
    done = tuner.ok("start", tuner.study(NAME, **STUDY))
    records = records_of(NAME, database_of(tuner))
    check(records)
    status = tuner.json("status", NAME)
    assert status["state"] == "finished"
    # What is left is less than a further trial costs; how much is over depends on how busy the machine was.
    assert 1.5 < status["spent"]["runs"] < 6
    assert status["budget"]["trials"] is None
    assert status["search"]["over"]
    arms = Counter(slot.arm for slot in records.slots)
    assert arms["1/random"] >= 2
    assert arms["0.5/fitted"] >= 1
    assert {trial["state"] for trial in records.trials} <= {"complete", "pruned"}
    details = [event["detail"] for event in decided(records)]
    assert "with the head alone, which costs little" in details[0]
    assert any("to tell what training layers brings" in detail for detail in details)
    assert f"The search ended: {status['search']['reason']}." in done.stdout
    assert " of 4 runs" in done.stderr
    assert f"search ended: {status['search']['reason']}" in tuner.ok("status", NAME).stdout
    assert tuner.ok("resume", NAME).stdout.startswith("Study thawing is finished: ")


def test_a_trial_of_the_plan_has_the_values_that_it_has_by_itself(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **STUDY))
    records = records_of(NAME, database_of(tuner))
    deep = max(
        (trial for trial in records.trials[1:] if trial["hyperparameters"]["frozen_layers"] < 1),
        key=lambda trial: len(trial["steps"]),
    )
    assert deep["hyperparameters"]["head_init"] == "fitted"
    assert len(deep["steps"]) > 1
    alone = {**STUDY, "search_space": deep["hyperparameters"], "search": {"promotion": "none"}, "stop": None}
    tuner.ok("start", tuner.study("alone", **{**alone, "budget": {"trials": 1}}))
    (trial,) = records_of("alone", database_of(tuner)).trials
    assert trial["hyperparameters"] == deep["hyperparameters"]
    # By itself it is evaluated more often.
    alone_at = {each["step"]: each["value"] for each in trial["steps"]}
    assert [alone_at[each["step"]] for each in deep["steps"]] == [each["value"] for each in deep["steps"]]


@pytest.mark.parametrize(
    ("backend", "points"),
    [
        ("sqlite", (("planning", 1), ("planned", 1), ("planned", 1), ("over", 1))),
        ("postgresql", (("planning", 2), ("planned", 1))),
        ("mariadb", (("planned", 1), ("over", 1))),
    ],
)
def test_no_decision_is_lost_or_made_twice_though_machines_are_killed_at_each_hand_over(
    tuner: Tuner, backend: str, points: tuple[tuple[str, int], ...], request: pytest.FixtureRequest
) -> None:
    url = database_of(tuner)
    if backend != "sqlite":
        url = request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[backend])
    where = (*LEASE, "--storage", url)
    # With a number of trials each moment is reached: what trials of a tiny model cost is mostly what it takes to begin.
    command = ("start", tuner.study(NAME, **{**STUDY, "budget": {"trials": 7}, "stop": None}))
    for point, count in points:
        crashed = replace(tuner, command=(*CRASHING, point, str(count), "SIGKILL")).run(*command, *where)
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
        command = ("resume", NAME)
    machine = ("worker", NAME, *where)
    with tuner.running(*machine) as one, tuner.running(*machine) as other:
        assert (one.wait(), other.wait()) == (0, 0), one.stderr + other.stderr
    records = records_of(NAME, url)
    check(records)
    assert {trial["state"] for trial in records.trials} <= {"complete", "pruned"}
    heads = [event for event in records.events if "head on frozen" in (event["detail"] or "")]
    assert len(heads) == 1, "it is fitted once"


def test_with_a_number_of_trials_that_many_begin(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **{**STUDY, "budget": {"trials": 7}, "stop": None}))
    records = records_of(NAME, database_of(tuner))
    assert len(records.trials) == 7
    check(records)
    deeper = {slot.arm for slot in records.slots[1:]} - {"1/random"}
    assert deeper, "not all of them are heads"


def test_a_search_that_has_ended_goes_on_where_it_is_given_more(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **{**STUDY, "budget": {"runs": 1.5}}))
    before = records_of(NAME, database_of(tuner))
    spent = tuner.json("status", NAME)["spent"]["runs"]
    assert "budget.runs: 1.5 -> 3" in tuner.ok("edit", NAME, "--runs", "3").stdout
    assert not tuner.json("status", NAME)["search"]["over"]
    tuner.ok("resume", NAME)
    after = records_of(NAME, database_of(tuner))
    check(after, ends=2)
    assert after.trials[: len(before.trials)] == before.trials
    assert len(after.trials) > len(before.trials)
    assert tuner.json("status", NAME)["spent"]["runs"] > spent


def test_an_edit_of_something_else_does_not_open_a_search_that_has_ended(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **{**STUDY, "budget": {"runs": 1.2, "trials": 50}}))
    total = tuner.json("status", NAME)["trials"]["total"]
    assert total < 50
    tuner.ok("edit", NAME, "--keep", "3")
    status = tuner.json("status", NAME)
    assert (status["state"], status["trials"]["total"]) == ("finished", total)
    assert tuner.ok("resume", NAME).stdout.startswith("Study thawing is finished: ")


def test_full_runs_are_refused_for_a_study_that_is_no_search_over_depths(tuner: Tuner) -> None:
    plain = {**STUDY, "search": "plain", "pruner": "none", "budget": {"trials": 1}, "stop": None}
    tuner.ok("start", tuner.study(NAME, **plain))
    for command in (("edit", NAME, "--runs", "2"), ("resume", NAME, "--runs", "2")):
        refused = tuner.run(*command)
        assert refused.returncode != 0
        assert "budget.runs: is for a search over depths" in refused.stderr
    assert tuner.json("status", NAME)["budget"]["runs"] is None
