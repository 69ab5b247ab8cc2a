"""Refitting the winner of a study: it is trained on the rows of the training and of the validation split together.

It is trained in a study of its own, so that it survives what a search does, on any machine. No row is left that could
tell how good it is: the trial that it repeats does, as far as more rows do no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage import History, Studies, TrialState
from tuner.errors import ConfigError, TunerError
from tuner.service.children import create_child
from tuner.service.existing import run_existing
from tuner.service.export import ExportForm, export
from tuner.study.children import REFITS, children_of, is_child, next_child
from tuner.study.chosen import needed_chosen
from tuner.study.parents import check_is_no_child
from tuner.study.refit import Refit
from tuner.trial.evaluation import LAST_STEP

if TYPE_CHECKING:
    from pathlib import Path

    from storage import Database, StudyRecord, TrialRecord
    from tuner.reporting.events import Watcher
    from tuner.service.run import Machine
    from tuner.study.overrides import MachineOverrides


def refit(
    database: Database,
    study: StudyRecord,
    folder: Path,
    machine: Machine,
    watch: Watcher,
    *,
    trial: int | None,
    overrides: MachineOverrides,
) -> dict[str, Any]:
    """Train a trial of a study on more rows, and write its model into a folder.

    Args:
        database: The database that holds the study.
        study: The study.
        folder: The folder to write; must be empty or new.
        machine: Where it is trained.
        watch: Receives every event.
        trial: The trial's number; None is the one that the search has come to.
        overrides: How this machine differs from the one on which the study was created.

    Returns:
        The study of the refit, the trial and the folder.

    Raises:
        ConfigError: The study trains with a function of its own.
        NoBestTrial: No trial is complete.
        TunerError: The folder is not empty, or training failed.
    """
    if study.config.get("train") is not None:
        source = f"study {study.name!r} in {database.url}"
        raise ConfigError(source, "train", "only the training function itself knows which rows it trains on")
    if folder.exists() and any(folder.iterdir()):
        raise TunerError(f"{folder} is not empty; give a new folder")
    check_is_no_child(study.facts, source=f"study {study.name!r} in {database.url}")
    history = History(database, study)
    if trial is None:
        trial = needed_chosen(database, study).number
    best = history.trial(trial)
    if best.state != TrialState.COMPLETE:
        raise TunerError(f"trial {best.number} is {best.state}; only a complete one can be trained again")
    plan = Refit(parent=study.name, trial=best.number, step=_best_step(best))
    record = _found(database, study, plan) or _create(database, study, plan, best)
    run_existing(
        database, record.name, machine, watch, lambda record, config: (config, record.facts), overrides, reopen=True
    )
    record = Studies(database).get(record.name)
    if History(database, record).best() is None:
        raise TunerError(f"trial {best.number} could not be trained again; `tuner trials {record.name}` says why")
    outcome = export(database, record, folder, ExportForm(), trial=0, overrides=overrides, debug=machine.debug)
    return {"study": study.name, "refit": record.name, "trial": best.number, "folder": outcome["folder"]}


def _best_step(trial: TrialRecord) -> int:
    """Return the percent of its schedule after which a trial was best."""
    found = [int(each["step"]) for each in trial.evaluations if each.get("value") == trial.value]
    return found[0] if found else LAST_STEP


def _found(database: Database, study: StudyRecord, plan: Refit) -> StudyRecord | None:
    found = children_of(database, study, REFITS)
    same = [each for each in found if Refit.parse(each.facts) == plan and is_child(each, study)]
    return same[-1] if same else None


def _create(database: Database, study: StudyRecord, plan: Refit, trial: TrialRecord) -> StudyRecord:
    name = next_child(database, study, REFITS)
    return create_child(database, study, name, [trial.hyperparameters], plan.to_facts(), trials=1)
