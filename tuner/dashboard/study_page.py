"""What a study's page is told: optuna-dashboard's own answer, with the note, names and figures of tuner's studies."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from storage import Studies
from storage.belonging import study_identities
from tuner.dashboard.controls import hiding_style
from tuner.dashboard.trial_files import FILES, trial_file
from tuner.reporting.study_note import study_attributes
from tuner.search.study_note import merged
from tuner.security.redaction import storable

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.dashboard.overviews import Overviews
    from tuner.dashboard.shown_storage import ShownStorage

#: Routes of optuna-dashboard.
_INDEX, _META, _LIST = "/dashboard<:re:(/.*)?>", "/api/meta", "/api/studies"
_DETAIL = "/api/studies/<study_id:int>"
_IMPORTANCE = "/api/studies/<study_id:int>/param_importances"
_FILE = "/artifacts/<study_id:int>/<trial_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"
#: Shared by all trials, since a large study has thousands.
_LISTED = tuple(file.listed() for file in FILES)


class StudyPage:
    """A plugin of Bottle that completes the answers of optuna-dashboard about a study.

    All is read from the database when a page asks: nothing is written for it. So a dashboard that may only read shows
    the same, and studies that plain Optuna has made stay as they are.

    Args:
        database: The database.
        storage: Optuna's storage on it, from which optuna-dashboard reads.
        overviews: The notes and the figures of its studies.
        writes: Whether the page may change data.
        files: Whether there is a folder of Optuna's artifacts.
    """

    #: Of Bottle: the plugin's name, and the version of the interface.
    name, api = "tuner", 2

    def __init__(
        self, database: Database, storage: ShownStorage, overviews: Overviews, *, writes: bool, files: bool
    ) -> None:
        self._database = database
        self._storage = storage
        self._overviews = overviews
        self._writes = writes
        self._files = files

    def apply(self, callback: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """Return the function that answers a route; the same one for routes that are of no study."""
        if route.method != "GET":
            return callback
        wraps: dict[str, Callable[..., Any]] = {
            _INDEX: self._index,
            _META: self._meta,
            _LIST: self._list,
            _DETAIL: self._detail,
            _FILE: self._file,
            _IMPORTANCE: self._importance,
        }
        wrap = wraps.get(route.rule)
        return callback if wrap is None else partial(wrap, callback)

    def _index(self, callback: Callable[..., Any], **arguments: Any) -> Any:
        """Answer with the page itself, on which controls that are refused are hidden."""
        response = callback(**arguments)
        if response.status_code != HTTPStatus.OK or not hasattr(response.body, "read"):
            return response
        with response.body as file:
            text = file.read().decode()
        ours = [number for number, _, created in study_identities(self._database) if created is not None]
        style = hiding_style(writes=self._writes, files=self._files, ours=sorted(ours))
        response.body = text.replace("</head>", f"{style}</head>", 1)
        for header in ("Content-Length", "Last-Modified", "ETag"):
            response.headers.pop(header, None)
        return response

    def _meta(self, callback: Callable[..., Any]) -> Any:
        """Answer what the dashboard can do: trials of tuner have files even where Optuna has none."""
        meta = callback()
        return {**meta, "artifact_is_available": True} if isinstance(meta, dict) else meta

    def _list(self, callback: Callable[..., Any]) -> Any:
        """Answer with all studies. A study's page shows the attributes that the list has told of it."""
        found = callback()
        if isinstance(found, dict):
            for summary in found.get("study_summaries", ()):
                if (record := self._record(summary["study_name"], summary["study_id"])) is not None:
                    summary["user_attrs"] = _with_attributes(record, summary["user_attrs"])
        return found

    def _file(self, callback: Callable[..., Any], study_id: int, trial_id: int, artifact_id: str) -> Any:
        """Answer with a file of a trial."""
        import bottle

        file = trial_file(artifact_id)
        if file is None:
            return callback(study_id=study_id, trial_id=trial_id, artifact_id=artifact_id)
        found = self._trial_of(study_id, trial_id)
        if found is None:
            return bottle.HTTPResponse("Not Found", status=HTTPStatus.NOT_FOUND)
        return bottle.HTTPResponse(file.make(self._database, *found), headers={"Content-Type": file.mimetype})

    def _importance(self, callback: Callable[..., Any], study_id: int) -> Any:
        """Answer with the importance of hyperparameters that vary. That of others is zero, and says nothing."""
        found = callback(study_id=study_id)
        if not isinstance(found, dict) or "param_importances" not in found:
            return found
        values: dict[str, set[Any]] = {}
        for trial in self._storage.get_all_trials(study_id, deepcopy=False):
            for name, value in trial.params.items():
                values.setdefault(name, set()).add(value)
        varying = {name for name, known in values.items() if len(known) > 1}
        lists = [[each for each in entry if each["name"] in varying] for entry in found["param_importances"]]
        return {**found, "param_importances": lists}

    def _trial_of(self, study_id: int, trial_id: int) -> tuple[StudyRecord, int] | None:
        try:
            record = self._record(self._storage.get_study_name_from_id(study_id), study_id)
            number = self._storage.get_trial_number_from_id(trial_id)
        except KeyError:
            return None
        if record is None or self._storage.get_trial_id_from_study_id_trial_number(study_id, number) != trial_id:
            return None
        return record, number

    def _record(self, name: str, study_id: int) -> StudyRecord | None:
        """Return a study of tuner; None where it is of plain Optuna."""
        record = Studies(self._database).find(name) if self._database.has_own_tables else None
        return record if record is not None and record.id == study_id else None

    def _detail(self, callback: Callable[..., Any], study_id: int) -> Any:
        """Answer with all that a study's page shows."""
        detail = callback(study_id=study_id)
        # Where it fails, optuna-dashboard returns a text or a reason alone.
        if isinstance(detail, dict) and "trials" in detail:
            self._complete(study_id, detail)
        return detail

    def _complete(self, study_id: int, detail: dict[str, Any]) -> None:
        notes = self._storage.trial_notes(study_id)
        for trial in (*detail["trials"], *detail["best_trials"]):
            if (note := notes.get(trial["trial_id"])) is not None:
                trial["note"] = note
        record = self._record(detail["name"], study_id)
        if record is not None:
            self._complete_ours(record, detail)

    def _complete_ours(self, study: StudyRecord, detail: dict[str, Any]) -> None:
        detail["objective_names"] = [study.config["metric"]["name"]]
        detail["user_attrs"] = _with_attributes(study, detail["user_attrs"])
        for trial in (*detail["trials"], *detail["best_trials"]):
            _round(trial)
            trial["artifacts"] = [*trial["artifacts"], *_LISTED]
        overview = self._overviews.of(study)
        if overview is None:
            return
        detail["note"] = {**detail["note"], "body": merged(detail["note"]["body"], overview.note)}
        # A study may have graphs of a person's own beside these.
        own = {each["id"] for each in overview.graphs}
        others = [each for each in detail["plotly_graph_objects"] if each["id"] not in own]
        detail["plotly_graph_objects"] = [*overview.graphs, *others]


def _with_attributes(study: StudyRecord, attributes: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the attributes of a study with those that tell its question. Those that it has already stay."""
    known = {each["key"] for each in attributes}
    further = {name: value for name, value in study_attributes(study).items() if name not in known}
    return attributes + [{"key": name, "value": storable(str(value))} for name, value in further.items()]


def _round(trial: dict[str, Any]) -> None:
    """Round what a person reads of a trial."""
    if "values" in trial:
        trial["values"] = [_rounded(value) for value in trial["values"]]
    for parameter in trial["params"]:
        parameter["param_external_value"] = _rounded_text(parameter["param_external_value"])
    trial["user_attrs"] = [{**each, "value": _rounded_text(each["value"])} for each in trial["user_attrs"]]


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
