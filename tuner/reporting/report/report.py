"""The content of a report: what the reading commands tell of a study, with its cost, its data and how to repeat it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage import History, TrialState
from tuner.errors import NoBestTrial
from tuner.reporting.model_card import shown_source, study_file_again
from tuner.reporting.pictures import Pictures, read_pictures
from tuner.reporting.result import result_sentences, scored
from tuner.reporting.views import Standing, best_view, show_view, status_view
from tuner.study.full_runs import device_kind_of

if TYPE_CHECKING:
    from storage import Database, StudyRecord

#: By this word a file is known as a report that may be written again.
GENERATOR = "shichimi report"


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What reading the data and judging the models has told; nothing where that was not done."""

    #: How the data were read, as `tuner.study.data_report.DataReport.to_dict` returns it.
    account: Mapping[str, Any] | None = None
    #: What the best trial gets wrong, as `tuner errors --json` prints it.
    mistakes: Mapping[str, Any] | None = None
    #: Why one of the two is missing: a sentence.
    missing: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a study has cost."""

    #: Seconds during which some worker held a trial.
    wall_s: float
    #: Device seconds of all trials.
    device_s: float
    #: Full runs; None where their price is not known.
    runs: float | None
    #: Whether that price was projected.
    projected: bool
    #: Device seconds by the state of the trials.
    by_state: Mapping[str, float]
    #: Device seconds by kind of device, as trials have recorded it; `unknown` of those that have not.
    by_device: Mapping[str, float]

    @property
    def pruned_share(self) -> float | None:
        """The share of the device time that pruned trials took; None where no trial took any."""
        total = math.fsum(self.by_state.values())
        return self.by_state.get(TrialState.PRUNED, 0.0) / total if total > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**vars(self), "pruned_share": self.pruned_share}


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data of a study."""

    #: Where they come from, without folders of a machine; None where a study names none.
    source: str | None
    #: Rows by split.
    sizes: Mapping[str, int]
    labels: tuple[str, ...]
    #: Hash of the rows and of how they are read.
    fingerprint: str | None
    #: As in `Examined`.
    account: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**vars(self), "labels": list(self.labels)}


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """How a study can be repeated."""

    #: The study file, YAML, without folders of a machine.
    study_file: str
    #: Commands, in order, each with what it does.
    commands: tuple[tuple[str, str], ...]
    #: Versions of the libraries that decide the bits of a trial, by name.
    versions: Mapping[str, str]
    #: Hashes of `data`, `tokenizer` and `weights`, as far as they are known.
    fingerprints: Mapping[str, str]
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        commands = [{"command": command, "does": does} for command, does in self.commands]
        return {**vars(self), "commands": commands}


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that a report tells of a study. Its numbers are those that the reading commands print with `--json`."""

    #: Version of tuner, and the moment of the report, ISO 8601 in UTC.
    version: str
    written: str
    #: The result. The first sentence is the verdict.
    sentences: tuple[str, ...]
    #: As `tuner status --json` prints it.
    status: Mapping[str, Any]
    #: As `tuner best --json` prints it; None before a trial is complete.
    best: Mapping[str, Any] | None
    #: Each trial as `tuner show --json` prints it.
    trials: tuple[Mapping[str, Any], ...]
    #: What the figures show.
    pictures: Pictures
    cost: Cost
    data: Data
    repeat: Repeat
    examined: Examined

    @property
    def study(self) -> str:
        """The name of the study."""
        return str(self.status["study"])

    @property
    def varied(self) -> tuple[str, ...]:
        """The names of the hyperparameters of which trials have different values, in order."""
        return tuple(axis.name for axis in self.pictures.points.axes)

    @property
    def complete(self) -> int:
        """The number of complete trials."""
        return int(self.status["trials"][TrialState.COMPLETE])

    def trial(self, number: int | None) -> Mapping[str, Any] | None:
        """Return a trial; None where there is none of that number."""
        return next((each for each in self.trials if each["number"] == number), None)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "generator": GENERATOR,
            "version": self.version,
            "written": self.written,
            "study": self.study,
            "sentences": list(self.sentences),
            "status": dict(self.status),
            "best": None if self.best is None else dict(self.best),
            "trials": [dict(each) for each in self.trials],
            "cost": self.cost.to_dict(),
            "data": self.data.to_dict(),
            "repeat": self.repeat.to_dict(),
            "errors": None if self.examined.mistakes is None else dict(self.examined.mistakes),
            "missing": self.examined.missing,
        }


def report_of(database: Database, study: StudyRecord, examined: Examined, *, version: str, written: str) -> Report:
    """Return the report of a study.

    Args:
        database: The database that holds the study.
        study: The study.
        examined: What its data and its models tell.
        version: Version of tuner.
        written: The moment of the report.
    """
    status = status_view(database, study)
    records = History(database, study).trials()
    trials = tuple(show_view(study, record) for record in records)
    try:
        best: dict[str, Any] | None = best_view(database, study)
    except NoBestTrial:
        best = None
    return Report(
        version=version,
        written=written,
        sentences=tuple(_sentences(status, best)),
        status=status,
        best=best,
        trials=trials,
        pictures=read_pictures(database, study, records),
        cost=_cost(status, trials),
        data=_data(study, examined),
        repeat=_repeat(study, best),
        examined=examined,
    )


def _sentences(status: Mapping[str, Any], best: Mapping[str, Any] | None) -> list[str]:
    if best is None:
        begun = sum(count for state, count in status["trials"].items() if state != "total")
        return [f"No trial is complete yet; {begun:,} of {status['trials']['total']:,} have begun."]
    told = result_sentences(best, best["guess"])
    if best["verdict"] is not None or best["parent"] is not None:
        return told
    seen = best["validation"]
    reached = scored(best["metric"], best["value"], seen["right"], seen["rows"])
    so_far = "" if status["state"] in (Standing.FINISHED, Standing.STOPPED) else " so far"
    return [f"Trial {best['trial']} is the best{so_far}: {reached}.", *told]


def _cost(status: Mapping[str, Any], trials: Iterable[Mapping[str, Any]]) -> Cost:
    by_state: dict[str, float] = defaultdict(float)
    by_device: dict[str, float] = defaultdict(float)
    for each in trials:
        by_state[str(each["state"])] += each["device_s"]
        by_device[device_kind_of(each["effective"]) or "unknown"] += each["device_s"]
    spent = status["spent"]
    return Cost(
        wall_s=status["budget"]["spent_s"],
        device_s=spent["device_s"],
        runs=spent["runs"],
        projected=spent["projected"],
        by_state={state: round(seconds, 1) for state, seconds in sorted(by_state.items())},
        by_device={kind: round(seconds, 1) for kind, seconds in sorted(by_device.items())},
    )


def _data(study: StudyRecord, examined: Examined) -> Data:
    named = study.config.get("data")
    return Data(
        source=shown_source(str(named["source"])) if named else None,
        sizes=dict(study.facts.get("sizes") or {}),
        labels=tuple(study.facts.get("labels") or ()),
        fingerprint=study.facts.get("data"),
        account=examined.account,
    )


def _repeat(study: StudyRecord, best: Mapping[str, Any] | None) -> Repeat:
    name = study.name
    commands = [(f"tuner start {name}.yaml", "searches again, with the study file below saved under that name")]
    if best is not None:
        number = best["trial"]
        if study.config.get("train") is None:
            commands.append((f"tuner script {name} {number}", "prints a script that trains the best trial again"))
            commands.append((f"tuner refit {name} DIR", "trains the best trial again, on more rows"))
        commands.append((f"tuner export {name} DIR", "writes the model of the best trial"))
    return Repeat(
        study_file=study_file_again(study),
        commands=tuple(commands),
        versions=dict(study.facts.get("versions") or {}),
        fingerprints={key: study.facts[key] for key in ("data", "tokenizer", "weights") if study.facts.get(key)},
        seed=int(study.config["seed"]),
    )
