"""What a person should know of a model before it is used: that it is of no use, or that its search is not over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.reporting.model_card import useless_words
from tuner.reporting.views import Standing, status_view, trials_over
from tuner.study.refit import Refit

if TYPE_CHECKING:
    from storage import Database, StudyRecord


def doubts(database: Database, study: StudyRecord, value: float | None, *, is_chosen: bool) -> list[str]:
    """Return what speaks against a model, each in words for a warning.

    Args:
        database: The database that holds the study.
        study: The study.
        value: The model's value of the study's metric; None where it has none.
        is_chosen: Whether the model is the one that the search has come to, so that it may come to another one.
    """
    found = []
    # A model that was trained again on the validation rows has no score there that could tell.
    words = useless_words(study, value) if Refit.parse(study.facts) is None else None
    if words is not None:
        found.append(f"this model is {words}")
    if is_chosen:
        status = status_view(database, study)
        if status["state"] not in (Standing.FINISHED, Standing.STOPPED):
            found.append(f"the study is not over: {trials_over(status)} of {status['trials']['total']} trials")
    return found
