"""The trial that a search has come to: the one that a confirmation puts first, else the one with the best value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage import History, PlanPart, Plans
from tuner.errors import NoBestTrial
from tuner.study.leaders import study_leaders
from tuner.study.retention import kept_trials
from tuner.study.verdict import opened_trials
from tuner.trial.result import TWIN

if TYPE_CHECKING:
    from storage import Database, StudyRecord


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a confirmation has decided, as the plan of its study has it."""

    #: The trial that it puts first. Its weights stay.
    trial: int
    #: The study of the confirmation.
    confirmation: str
    #: The trial that had the best value then. The choice holds until another one has.
    best: int

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Choice | None:
        """Return the choice; None where there is none, or another program has written something else.

        Args:
            content: The plan's part with the choice.
        """
        trial, confirmation, best = (content.get(name) for name in ("trial", "confirmation", "best"))
        if type(trial) is not int or type(best) is not int or not isinstance(confirmation, str):
            return None
        return cls(trial=trial, confirmation=confirmation, best=best)

    def to_content(self) -> dict[str, Any]:
        """Return the plan's part."""
        return {"trial": self.trial, "confirmation": self.confirmation, "best": self.best}


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The trial that `tuner best` names, `tuner export` writes, and the test split judges."""

    number: int
    value: float
    #: The study in which it was ahead with other seeds; None where it is the trial with the best value.
    confirmation: str | None = None


def chosen_trial(database: Database, study: StudyRecord) -> Chosen | None:
    """Return the trial that a search has come to; None where no trial is complete. Cheap."""
    ranking = History(database, study).top()
    if not ranking:
        return None
    best, values = ranking[0], dict(ranking)
    choice = Choice.parse(Plans(database, study.id, PlanPart.CHOSEN).content())
    if choice is not None and choice.best == best[0] and choice.trial in values:
        return Chosen(number=choice.trial, value=values[choice.trial], confirmation=choice.confirmation)
    return Chosen(number=best[0], value=best[1])


def needed_chosen(database: Database, study: StudyRecord) -> Chosen:
    """Return the trial that a search has come to, for what cannot do without one.

    Raises:
        NoBestTrial: No trial is complete.
    """
    chosen = chosen_trial(database, study)
    if chosen is None:
        raise NoBestTrial(f"study {study.name!r} has no complete trial yet")
    return chosen


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
    choice = Choice.parse(Plans(database, study.id, PlanPart.CHOSEN).content())
    if choice is not None:
        others.add(choice.trial)
    if leaders is not None:
        others |= {*study_leaders(history, study, history.trials(), leaders)}
    return kept_trials(history.top(), keep, others=others, twins=history.labelled(TWIN))
