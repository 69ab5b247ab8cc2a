"""The trial that a search has come to: the one that a confirmation puts first, else the one with the best value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import History, PlanPart, Plans
from tuner.study.children import CONFIRMS, children_of, is_child
from tuner.study.confirmation import Plan, Standing
from tuner.study.leaders import study_leaders
from tuner.study.retention import kept_trials
from tuner.study.verdict import opened_trials
from tuner.trial.result import TWIN

if TYPE_CHECKING:
    from storage import Database, StudyRecord


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The trial that `tuner best` names, `tuner export` writes, and the test split judges."""

    number: int
    value: float
    #: The study in which it was ahead with other seeds; None where it is the trial with the best value.
    confirmation: str | None = None


def chosen_trial(database: Database, study: StudyRecord) -> Chosen | None:
    """Return the trial that a search has come to; None where no trial is complete.

    A confirmation counts once it is done, while the trial with the best value is among its leaders, and where the
    weights of the trial that it puts first are kept.
    """
    ranking = History(database, study).top()
    if not ranking:
        return None
    best, values = ranking[0], dict(ranking)
    for record in reversed(children_of(database, study, CONFIRMS)):
        plan = Plan.parse(record.facts)
        if plan is None or not is_child(record, study) or best[0] not in plan.leaders:
            continue
        number = first_confirmed(database, record)
        if number in values and number in kept_numbers(database, study):
            return Chosen(number=number, value=values[number], confirmation=record.name)
    return Chosen(number=best[0], value=best[1])


def first_confirmed(database: Database, record: StudyRecord) -> int | None:
    """Return the trial that a confirmation puts first; None before it is done.

    Args:
        database: The database.
        record: The study of the confirmation.
    """
    plan, history = Plan.parse(record.facts), History(database, record)
    if plan is None:
        return None
    trials = history.trials()
    standing = Standing.of(plan, trials, history.direction)
    if standing is None or not standing.leaders:
        return None
    over = sum(trial.state.is_over for trial in trials)
    is_done = standing.is_settled or over >= plan.seeds * len(plan.leaders)
    return standing.leaders[0].trial if is_done else None


def kept_numbers(database: Database, study: StudyRecord) -> list[int]:
    """Return the numbers of the complete trials whose weights stay, as a study is stored."""
    confirm = study.config.get("confirm")
    top = int(confirm["top"]) if confirm else None
    return numbers_kept(database, study, keep=int(study.config["keep"]), leaders=top)


def numbers_kept(database: Database, study: StudyRecord, *, keep: int, leaders: int | None) -> list[int]:
    """Return the numbers of the complete trials whose weights stay, the best first.

    Args:
        database: The database.
        study: The study.
        keep: How many of the best trials keep their weights.
        leaders: How many are to be confirmed beside trial 0; None where none are.
    """
    history = History(database, study)
    others = set(opened_trials(Plans(database, study.id, PlanPart.TEST).content()))
    if leaders is not None:
        others |= {*study_leaders(history, study, history.trials(), leaders)}
    return kept_trials(history.top(), keep, others=others, twins=history.labelled(TWIN))
