"""What the winner of a study gets wrong: on the test split once that is opened, before on the validation split."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storage import History, PlanPart, Plans
from tuner.errors import ConfigError
from tuner.processes.trainers import ForkServer
from tuner.reporting.mistakes import Mistakes, shown_rows
from tuner.service.candidates import compared_trials, fetched
from tuner.service.stored import set_up_stored
from tuner.study.chosen import needed_chosen
from tuner.study.locations import checkpoint_store
from tuner.study.setup import preparation_request
from tuner.study.study_file import stored_config
from tuner.study.verdict import tested_models

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from storage import Database, StudyRecord
    from tuner.machine.devices import Device
    from tuner.processes.messages import Progressed
    from tuner.study.config import StudyConfig
    from tuner.study.local import LocalStudy
    from tuner.study.overrides import MachineOverrides


def mistakes(
    database: Database,
    study: StudyRecord,
    device: Device,
    *,
    overrides: MachineOverrides,
    log: Path | None,
    progress: Callable[[Progressed], None],
) -> dict[str, Any]:
    """Return what the winner of a study gets wrong, as JSON values.

    Args:
        database: The database that holds the study.
        study: The study.
        device: Where models are run, if their predictions are not stored.
        overrides: How this machine differs from the one on which the study was created.
        log: Takes the output of trainers; None shows it.
        progress: Receives the progress of the slow parts.

    Raises:
        ConfigError: The study is no classification.
        NoBestTrial: No trial is complete.
        CheckpointMissing: The store does not have the winner's weights.
        TunerError: See `tuner.errors`.
    """
    config = stored_config(study, database)
    if not has_classes(study):
        raise _no_classes(database, study)
    with ForkServer(log) as fork_server:
        local_study = set_up_stored(study, config, database, fork_server, overrides, progress=progress)
        return judged_mistakes(database, study, local_study, fork_server, device, progress)


def has_classes(study: StudyRecord) -> bool:
    """Return whether the rows of a study have classes, as far as its record tells."""
    return study.config.get("train") is None and bool(study.facts.get("labels"))


def judged_mistakes(
    database: Database,
    study: StudyRecord,
    local_study: LocalStudy,
    fork_server: ForkServer,
    device: Device,
    progress: Callable[[Progressed], None],
) -> dict[str, Any]:
    """Return the same as `mistakes`, of a study that is set up on this machine."""
    config = local_study.config
    stored = tested_models(Plans(database, study.id, PlanPart.TEST).content())
    split = "validation" if stored is None else "test"
    with ExitStack() as stack:
        if stored is None:
            history, store = History(database, study), checkpoint_store(config, database.path)
            best = needed_chosen(database, study)
            numbers = compared_trials(history, store, best.number)
            candidates = stack.enter_context(fetched(history, store, local_study, numbers))
            arguments = {"candidates": candidates, "split": split}
            stored = fork_server.call("tuner.training.calls:judge", arguments, device.environment(), progress=progress)
        if stored["targets"] is None or "class" not in stored["models"][-1]["predictions"]:
            raise _no_classes(database, study)
        told = Mistakes.of(stored)
        wanted = sorted({*told.confident, *told.only_winner, *told.only_recipe})
        described = _described(config, local_study.model, fork_server, split, wanted, progress)
    return _view(study, split, stored, told, described)


def _no_classes(database: Database, study: StudyRecord) -> ConfigError:
    source = f"study {study.name!r} in {database.url}"
    return ConfigError(source, "task", "has no classes whose mistakes could be counted")


def _described(
    config: StudyConfig,
    model: Any,
    fork_server: ForkServer,
    split: str,
    numbers: list[int],
    progress: Callable[[Progressed], None],
) -> dict[int, Mapping[str, str]]:
    """Return place, text and label of rows, by their numbers."""
    if not numbers:
        return {}
    rows = fork_server.call(
        "tuner.training.calls:describe_rows",
        {"request": preparation_request(config, model), "split": split, "numbers": numbers},
        {"CUDA_VISIBLE_DEVICES": ""},
        progress=progress,
    )
    return dict(zip(numbers, rows, strict=True))


def _view(
    study: StudyRecord,
    split: str,
    found: Mapping[str, Any],
    told: Mistakes,
    described: Mapping[int, Mapping[str, str]],
) -> dict[str, Any]:
    models = found["models"]
    return {
        "study": study.name,
        "split": split,
        "trial": models[-1]["trial"],
        "recipe_trial": models[0]["trial"] if len(models) > 1 else None,
        "rows": told.rows,
        "right": told.right,
        "labels": list(found["labels"]),
        "classes": [asdict(each) for each in told.classes],
        "confusion": [list(row) for row in told.confusion],
        "calibration": {"error": told.calibration_error, "confidence": told.confidence},
        "alone": {"winner": told.winner_alone, "recipe": told.recipe_alone},
        "confident_mistakes": shown_rows(found, told.confident, described),
        "only_winner": shown_rows(found, told.only_winner, described),
        "only_recipe": shown_rows(found, told.only_recipe, described),
    }
