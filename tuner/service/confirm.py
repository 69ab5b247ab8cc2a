"""Confirming the leaders of a study: each is trained again with other seeds, in a study of its own.

That study has the same leases, checkpoints and fences as any other, so that a confirmation survives what a search does,
on any machine. Its trials are none of the search's: they do not count in its budget, and its sampler never sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from storage import EventKind, History, PlanPart, Plans, Studies, new_owner
from tuner.errors import ConfigError, NoBestTrial
from tuner.reporting.events import Notice
from tuner.service.children import create_child
from tuner.service.existing import run_existing
from tuner.study.children import CONFIRMS, children_of, is_child, next_child
from tuner.study.chosen import Choice
from tuner.study.confirmation import Plan, Standing
from tuner.study.full_runs import device_kind_of, prices_of
from tuner.study.leaders import study_leaders
from tuner.study.locations import checkpoint_store
from tuner.study.parents import check_is_no_child
from tuner.study.study_file import stored_config
from tuner.trial.evaluation import LAST_STEP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage import Database, StudyRecord, TrialRecord
    from tuner.reporting.events import Watcher
    from tuner.service.run import Machine
    from tuner.study.config import StudyConfig
    from tuner.study.full_runs import Prices
    from tuner.study.overrides import MachineOverrides


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a confirmation costs at most."""

    leaders: tuple[int, ...]
    seeds: int
    #: Full runs; None where they are not known.
    runs: float | None

    def plan(self, study: StudyRecord) -> Plan:
        """Return the plan of the confirmation of a study."""
        return Plan(parent=study.name, leaders=self.leaders, seeds=self.seeds)


def price(database: Database, study: StudyRecord, *, top: int, seeds: int) -> Price:
    """Return the leaders of a study, and what it costs to train each with so many seeds.

    Raises:
        ConfigError: The study follows from another one, or trains with a function of its own.
        NoBestTrial: No trial is complete.
    """
    source = f"study {study.name!r} in {database.url}"
    check_is_no_child(study.facts, source=source)
    if study.config.get("train") is not None:
        raise ConfigError(source, "train", "a training function of its own is not told another seed")
    history = History(database, study)
    trials = history.trials()
    leaders = study_leaders(history, study, trials, top)
    if not leaders:
        raise NoBestTrial(f"study {study.name!r} has no complete trial yet")
    prices = prices_of(history, study)
    runs = [_runs(prices, each) for each in trials if each.number in leaders]
    known = [each for each in runs if each is not None]
    return Price(leaders=leaders, seeds=seeds, runs=seeds * sum(known) if len(known) == len(runs) else None)


def _runs(prices: Prices, trial: TrialRecord) -> float | None:
    """Return the full runs of a trial that is trained to its end, as one that was stopped early would be."""
    runs = prices.runs(device_kind_of(trial.effective), trial.device_s)
    last = max((step for step, _ in trial.steps), default=LAST_STEP)
    return None if runs is None else runs * LAST_STEP / last


def confirm(
    database: Database,
    study: StudyRecord,
    machine: Machine,
    watch: Watcher,
    found: Price,
    *,
    overrides: MachineOverrides,
) -> StudyRecord:
    """Train the leaders of a study with other seeds, until their order is settled; return the confirmation's study.

    One that has begun with the same leaders and seeds goes on.

    Args:
        database: The database that holds the study.
        study: The study.
        machine: Where they are trained.
        watch: Receives every event.
        found: The leaders and the seeds.
        overrides: How this machine differs from the one on which the study was created.

    Raises:
        TunerError: See `tuner.errors`.
    """
    plan = found.plan(study)
    record = begun(database, study, found) or _create(database, study, plan)
    for done in range(1, plan.seeds + 1):
        trials = done * len(plan.leaders)
        run_existing(database, record.name, machine, watch, partial(_with_trials, trials), overrides, reopen=True)
        record = Studies(database).get(record.name)
        standing = standing_of(database, record)
        if standing is not None and standing.is_settled:
            seeds = min(len(each.values) for each in standing.leaders)
            watch(Notice(text=f"after {seeds} seeds the order of the leaders is settled"))
            break
    _choose(database, study, record, machine)
    return record


def _choose(database: Database, study: StudyRecord, record: StudyRecord, machine: Machine) -> None:
    """Write which trial a study has come to by its confirmation, where that is told and its weights are there."""
    plans = Plans(database, study.id, PlanPart.CHOSEN)
    standing, best = standing_of(database, record), next(iter(History(database, study).top(1)), None)
    first = standing.first if standing is not None and standing.is_done else None
    if best is None or first is None:
        return
    store = checkpoint_store(stored_config(study, database), database.path)
    kept = History(database, study).trial(first).checkpoints.best
    choice = None
    if kept is not None and kept.key in store.keys(first):
        choice = Choice(trial=first, confirmation=record.name, best=best[0])
    if Choice.parse(plans.content()) == choice:
        return
    # Where another machine has the lease, it writes the same.
    if (lease := plans.take(new_owner(), machine.timing.lease_s)) is not None:
        told = None if choice is None else f"{record.name} puts trial {first} first"
        plans.commit(lease, content={} if choice is None else choice.to_content(), decided=told, kind=EventKind.JUDGED)


def begun(database: Database, study: StudyRecord, found: Price) -> StudyRecord | None:
    """Return the confirmation that has begun with the same leaders and seeds; None without one."""
    plan = found.plan(study)
    same = [each for each in children_of(database, study, CONFIRMS) if Plan.parse(each.facts) == plan]
    return next((each for each in reversed(same) if is_child(each, study)), None)


def standing_of(database: Database, record: StudyRecord) -> Standing | None:
    """Return what a confirmation has told so far; None before each leader has a value."""
    plan = Plan.parse(record.facts)
    history = History(database, record)
    return None if plan is None else Standing.of(plan, history.trials(), history.direction)


def _with_trials(trials: int, record: StudyRecord, config: StudyConfig) -> tuple[StudyConfig, Mapping[str, Any]]:
    more = max(trials, config.budget.trials or 0)
    return config.with_budget({"trials": more}), record.facts


def _create(database: Database, study: StudyRecord, plan: Plan) -> StudyRecord:
    history = History(database, study)
    points = [history.trial(number).hyperparameters for number in plan.leaders]
    name = next_child(database, study, CONFIRMS)
    return create_child(database, study, name, points * plan.seeds, plan.to_facts(), trials=len(points))
