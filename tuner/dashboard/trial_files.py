"""The files that a trial's page offers: its configuration, its metrics and its log, made when they are asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import Events, History
from tuner.reporting.event_lines import event_line, schedules_of
from tuner.reporting.views import show_view
from tuner.security.redaction import storable, storable_json

if TYPE_CHECKING:
    from storage import Database, StudyRecord

#: Lines of the log.
LAST_LINES = 500


@dataclass(frozen=True, kw_only=True)
class TrialFile:
    """A file of a trial, as optuna-dashboard lists artifacts."""

    #: The same for all trials. The path of a request names the trial too.
    artifact_id: str
    filename: str
    mimetype: str
    make: Callable[[Database, StudyRecord, int], str]

    def listed(self) -> dict[str, str | None]:
        """Return the entry in the list of a trial's artifacts."""
        return {
            "artifact_id": self.artifact_id,
            "filename": self.filename,
            "mimetype": self.mimetype,
            "encoding": None,
        }


def _configuration(database: Database, study: StudyRecord, number: int) -> str:
    view = show_view(study, History(database, study).trial(number))
    names = ("study", "number", "state", "value", "reason", "hyperparameters", "effective", "started", "ended")
    found = {**{name: view[name] for name in names}, "study_file": dict(study.config)}
    return json.dumps(storable_json(found), indent=2, default=str) + "\n"


def _metrics(database: Database, study: StudyRecord, number: int) -> str:
    evaluations = History(database, study).trial(number).evaluations
    metrics = list(dict.fromkeys(name for each in evaluations for name in each.get("metrics") or ()))
    columns = ["step", "value", "epoch", "optimiser_steps", "train_loss", "validation_loss", "learning_rate"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["percent", study.config["metric"]["name"], *columns[2:], *metrics])
    for each in evaluations:
        others = each.get("metrics") or {}
        table.writerow([*(each.get(name) for name in columns), *(others.get(name) for name in metrics)])
    return storable(text.getvalue())


def _log(database: Database, study: StudyRecord, number: int) -> str:
    schedules = schedules_of([History(database, study).trial(number)])
    lines = [event_line(event, schedules) for event in Events(database, study.id).all(trial=number)]
    return storable("".join(f"{line}\n" for line in lines[-LAST_LINES:]))


_PREFIX = "00000000-7475-6e65-7200-00000000000"
FILES = (
    TrialFile(
        artifact_id=f"{_PREFIX}1", filename="configuration.json", mimetype="application/json", make=_configuration
    ),
    TrialFile(artifact_id=f"{_PREFIX}2", filename="metrics.csv", mimetype="text/csv", make=_metrics),
    TrialFile(artifact_id=f"{_PREFIX}3", filename="log.txt", mimetype="text/plain", make=_log),
)


def trial_file(artifact_id: str) -> TrialFile | None:
    """Return the file with an id; None where it is none of tuner's."""
    return next((each for each in FILES if each.artifact_id == artifact_id), None)
