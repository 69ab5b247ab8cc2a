"""What a study's page is told: optuna-dashboard's own answer, with the note, names and figures of tuner's studies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from storage import EFFECTIVE_ATTR, EVALUATION_ATTR, Studies
from tuner.reporting.study_note import study_attributes
from tuner.search.study_note import merged
from tuner.security.redaction import storable

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.dashboard.overviews import Overviews
    from tuner.dashboard.shown_storage import ShownStorage

_DETAIL = "/api/studies/<study_id:int>"


class StudyPage:
    """A plugin of Bottle that completes the answers of optuna-dashboard about a study.

    All is read from the database when a page asks: nothing is written for it. So a dashboard that may only read shows
    the same, and studies that plain Optuna has made stay as they are.

    Args:
        database: The database.
        storage: Optuna's storage on it, from which optuna-dashboard reads.
        overviews: The notes and the figures of its studies.
    """

    #: Of Bottle: the plugin's name, and the version of the interface.
    name, api = "tuner", 2

    def __init__(self, database: Database, storage: ShownStorage, overviews: Overviews) -> None:
        self._database = database
        self._storage = storage
        self._overviews = overviews

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """Return the function that answers a route; the same one for routes that are of no study."""
        if (route.method, route.rule) != ("GET", _DETAIL):
            return callback

        def completed(study_id: int) -> Any:
            detail = callback(study_id=study_id)
            # Where it fails, optuna-dashboard returns a text or a reason alone.
            if isinstance(detail, dict) and "trials" in detail:
                self._complete(study_id, detail)
            return detail

        return completed

    def _complete(self, study_id: int, detail: dict[str, Any]) -> None:
        notes = self._storage.trial_notes(study_id)
        for trial in (*detail["trials"], *detail["best_trials"]):
            if (note := notes.get(trial["trial_id"])) is not None:
                trial["note"] = note
        record = Studies(self._database).find(detail["name"])
        if record is not None and record.id == study_id:
            self._complete_ours(record, detail)

    def _complete_ours(self, study: StudyRecord, detail: dict[str, Any]) -> None:
        detail["objective_names"] = [study.config["metric"]["name"]]
        known = {each["key"] for each in detail["user_attrs"]}
        detail["user_attrs"] = detail["user_attrs"] + [
            {"key": name, "value": storable(str(value))}
            for name, value in study_attributes(study).items()
            if name not in known
        ]
        detail["union_user_attrs"] = [each for each in detail["union_user_attrs"] if not _is_hidden(each["key"])]
        for trial in (*detail["trials"], *detail["best_trials"]):
            _round(trial)
        overview = self._overviews.of(study)
        if overview is None:
            return
        detail["note"] = {**detail["note"], "body": merged(detail["note"]["body"], overview.note)}
        # A study may have graphs of a person's own beside these.
        own = {each["id"] for each in overview.graphs}
        others = [each for each in detail["plotly_graph_objects"] if each["id"] not in own]
        detail["plotly_graph_objects"] = [*overview.graphs, *others]


def _round(trial: dict[str, Any]) -> None:
    """Round what a person reads of a trial, and leave out attributes whose content its note has as tables."""
    if "values" in trial:
        trial["values"] = [_rounded(value) for value in trial["values"]]
    for entry in trial["intermediate_values"]:
        entry["value"] = _rounded(entry["value"])
    for parameter in trial["params"]:
        parameter["param_external_value"] = _rounded_text(parameter["param_external_value"])
    trial["user_attrs"] = [
        {**each, "value": _rounded_text(each["value"])} for each in trial["user_attrs"] if not _is_hidden(each["key"])
    ]


def _is_hidden(name: str) -> bool:
    return name == EFFECTIVE_ATTR or name.startswith(EVALUATION_ATTR)


def _rounded(value: Any) -> Any:
    """Return a number with six digits. Infinity and NaN, which come as texts, stay."""
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else value


def _rounded_text(text: str) -> str:
    """Return the text of a number with six digits, and any other text as it is."""
    if "." not in text and "e" not in text:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.6g}" if math.isfinite(number) else text
