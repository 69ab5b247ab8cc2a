"""Exporting a trial's stored weights as a model that transformers can load, and evaluating it again."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import NONE, Hyperparameters
from storage import CheckpointMissing, History, Studies, TrialNotFound
from storage.checkpoints import MANIFEST
from tuner.errors import NoBestTrial, TunerError
from tuner.machine.devices import CPU
from tuner.processes.trainers import ForkServer
from tuner.reporting.model_card import Made, model_card
from tuner.reporting.views import best_view
from tuner.service.candidates import fetched
from tuner.service.stored import set_up_stored
from tuner.study.chosen import kept_numbers, needed_chosen
from tuner.study.exported import Exported
from tuner.study.locations import checkpoint_store
from tuner.study.overrides import MachineOverrides
from tuner.study.refit import Refit
from tuner.study.study_file import stored_config
from tuner.trial.evaluation import is_better
from tuner.trial.result import TWIN

#: File of the model card.
CARD = "README.md"

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, StudyRecord, TrialRecord
    from storage.records import CheckpointRef
    from tuner.study.local import LocalStudy
    from tuner.trial.run import TrialRun


@dataclass(frozen=True, kw_only=True)
class ExportForm:
    """What is written of a trial."""

    #: Whether to evaluate the written model on the validation split.
    verify: bool = True
    #: How many of the best trials are averaged, as far as that makes a better model; None averages none.
    soup: int | None = None
    #: Whether adapters are written alone, instead of being merged into the weights.
    adapter: bool = False


def export(
    database: Database,
    study: StudyRecord,
    folder: Path,
    form: ExportForm,
    *,
    trial: int | None,
    overrides: MachineOverrides,
    debug: bool = False,
) -> dict[str, Any]:
    """Write a trial's model and tokenizer into a folder; or the mean of the weights of the best trials.

    For a study with its own training function, the files that the function saved are copied as they are.

    Args:
        database: The database that holds the study.
        study: The study.
        folder: The folder to write; must be empty or new.
        form: What is written.
        trial: The trial's number; None is the one that the search has come to.
        overrides: How this machine differs from the one on which the study was created.
        debug: Whether the output of the exporting process goes to this one's; else it is dropped.

    Returns:
        Trial, metric, recorded value, the value of the new evaluation and how long one example takes or None, and the
        trials of a soup or None.

    Raises:
        NoBestTrial: No trial is complete.
        CheckpointMissing: The store does not have the trial's weights.
        TunerError: The folder is not empty, the written model's value differs from the recorded one, or no mean of
            weights is better than the best trial alone.
    """
    history, config = History(database, study), stored_config(study, database)
    store = checkpoint_store(config, database.path)
    record, best = kept_trial(database, study, store, trial)
    if folder.exists() and any(folder.iterdir()):
        raise TunerError(f"{folder} is not empty; give a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The model is written beside `folder`, and renamed once it is complete and verified: `folder` never holds half a
    # model, or one that failed verification.
    scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
    weights, _ = store.fetch(best.key, best.sha256)
    written = _Written(value=record.value)
    try:
        if config.train is not None:
            if form.soup is not None:
                raise TunerError("weights of a study's own training cannot be averaged: only it knows their format")
            # Only the study's own function knows the format of these files.
            shutil.copytree(weights, scratch, ignore=shutil.ignore_patterns(MANIFEST))
        else:
            with ForkServer(None if debug else Path("/dev/null")) as fork_server:
                local_study = set_up_stored(study, config, database, fork_server, overrides)
                if form.soup is None:
                    written = _write_model(local_study, fork_server, record, weights, scratch, form)
                else:
                    members = soup_members(history, store, record, form.soup)
                    with fetched(history, store, local_study, members) as found:
                        written = _write_soup(local_study, fork_server, record, found, scratch, form)
            if not form.adapter:  # an adapter is no model that `tuner predict` could ask
                assert config.data is not None
                Exported.of(config.task, config.max_length, config.data).write(scratch)
        _write_card(database, study, record, written, scratch)
        _make_readable(scratch)
        scratch.rename(folder)
    finally:
        store.release(weights)
        shutil.rmtree(scratch, ignore_errors=True)
    return {
        "study": study.name,
        "trial": record.number,
        "metric": config.metric.name,
        "value": written.value,
        "verified": written.verified.value,
        "latency": written.verified.latency,
        "soup": list(written.members) or None,
        "folder": str(folder.absolute()),
    }


def kept_trial(
    database: Database, study: StudyRecord, store: CheckpointStore, number: int | None
) -> tuple[TrialRecord, CheckpointRef]:
    """Return a trial, and the pointer to its weights.

    Args:
        database: The database that holds the study.
        study: The study.
        store: Its checkpoints.
        number: The trial's number; None is the one that the search has come to.

    Raises:
        NoBestTrial: No trial is complete.
        CheckpointMissing: The store does not have the trial's weights.
    """
    chosen = needed_chosen(database, study).number if number is None else number
    record = History(database, study).trial(chosen)
    best = record.checkpoints.best
    if best is None or best.key not in store.keys(record.number):
        there = [each for each in kept_numbers(database, study) if each != record.number]
        shown = ", ".join(map(str, there)) or "none"
        if (record.reason or "").startswith(TWIN):
            shown += f" ({record.reason})"
        raise CheckpointMissing(f"no weights are kept for trial {record.number} in {store.url}; kept: {shown}")
    return record, best


@dataclass(frozen=True, kw_only=True)
class _Verified:
    """What was found as a written model was evaluated; None where it was not."""

    #: Value of the study's metric on the validation split.
    value: float | None = None
    #: How long one example takes: `ms`, `processor` and `threads`.
    latency: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A model that is written."""

    #: Value that is recorded of it, and value of a new evaluation; None without one.
    value: float | None
    verified: _Verified = field(default_factory=_Verified)
    #: Numbers of the trials whose weights are averaged; none where they are those of one trial.
    members: tuple[int, ...] = ()


def _write_card(database: Database, study: StudyRecord, record: TrialRecord, written: _Written, folder: Path) -> None:
    card = folder / CARD
    if card.exists():  # a study's own training has written one
        return
    refit = Refit.parse(study.facts)
    if refit is not None:  # the card tells of the trial that was trained again
        study = Studies(database).find(refit.parent) or study
        with contextlib.suppress(TrialNotFound):
            record = History(database, study).trial(refit.trial)
    best = None
    with contextlib.suppress(NoBestTrial):
        best = best_view(database, study)
    made = Made(members=written.members, value=written.value, refit=refit, latency=written.verified.latency)
    card.write_text(model_card(study, record, best, made), encoding="utf-8")


def _make_readable(folder: Path) -> None:
    """Let every user read the files: some libraries write weights for their owner alone."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def soup_members(history: History, store: CheckpointStore, best: TrialRecord, count: int) -> tuple[int, ...]:
    """Return the numbers of the trials that a soup may have, the best first: they have their weights, and one start.

    Raises:
        TunerError: There is no second one.
    """
    start = best.hyperparameters.get("head_init")
    found = [best.number]
    for each in history.ranked():
        kept = each.checkpoints.best
        is_alike = each.number != best.number and each.hyperparameters.get("head_init") == start
        if is_alike and kept is not None and len(found) < count and kept.key in store.keys(each.number):
            found.append(each.number)
    if len(found) < 2:
        raise TunerError(
            f"a soup needs the weights of several trials with one start, and only those of trial {best.number} are "
            f"kept; a new study keeps more with `keep: {max(2, count)}` in its file"
        )
    return tuple(found)


def _write_model(
    local_study: LocalStudy,
    fork_server: ForkServer,
    record: TrialRecord,
    weights: Path,
    folder: Path,
    form: ExportForm,
) -> _Written:
    """Write a trial's model into a new folder."""
    run = local_study.run(record.number, Hyperparameters.from_values(record.hyperparameters), precision="fp32")
    verified = _exported(fork_server, run, weights, folder, form)
    value = verified.value
    if value is not None and record.value is not None and not _agree(value, record):
        raise TunerError(
            f"nothing written: the model of trial {record.number} scores {value:.8f}, recorded is "
            f"{record.value:.8f}; was it trained with other versions? --no-verify writes it all the same"
        )
    return _Written(value=record.value, verified=verified)


def _write_soup(
    local_study: LocalStudy,
    fork_server: ForkServer,
    record: TrialRecord,
    found: list[tuple[TrialRun, Path]],
    folder: Path,
    form: ExportForm,
) -> _Written:
    """Write the mean of the weights of some trials into a new folder.

    Raises:
        TunerError: It is not better than the best of them.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        arguments = {"candidates": found, "folder": Path(scratch)}
        told = fork_server.call("tuner.training.calls:make_soup", arguments, CPU.environment())
        if not is_better(told["value"], told["alone"], local_study.config.metric.direction):
            numbers = ", ".join(str(run.number) for run, _ in found)
            raise TunerError(
                f"nothing written: no mean of the weights of trials {numbers} is better on the validation split than "
                f"trial {record.number} alone ({told['alone']:.4f}); leave --soup out"
            )
        # The mean is one of weights: adapters are merged into them.
        merged = replace(found[0][0], hyperparameters=replace(found[0][0].hyperparameters, adapter=NONE))
        verified = _exported(fork_server, merged, Path(scratch), folder, form)
    if verified.value is not None and abs(verified.value - told["value"]) > 1e-6:
        raise TunerError(
            f"nothing written: the model scores {verified.value:.8f} as it was written, and {told['value']:.8f} "
            "before; --no-verify writes it all the same"
        )
    return _Written(value=told["value"], verified=verified, members=tuple(told["members"]))


def _exported(fork_server: ForkServer, run: TrialRun, weights: Path, folder: Path, form: ExportForm) -> _Verified:
    """Write a model, and evaluate it where that is asked for."""
    arguments = {"run": run, "weights": weights, "folder": folder.absolute()}
    arguments |= {"verify": form.verify, "adapter": form.adapter}
    found: dict[str, Any] = fork_server.call("tuner.training.calls:export_model", arguments, CPU.environment())
    return _Verified(value=found["value"], latency=found["latency"])


def _agree(verified: float, record: TrialRecord) -> bool:
    assert record.value is not None
    effective = record.effective or {}
    exact = effective.get("device") == "cpu" and effective.get("precision") == "no"
    # The new evaluation is in fp32 on the CPU. A value recorded in half precision or on a GPU is near it, not equal.
    return abs(verified - record.value) <= (1e-6 if exact else 0.02 * max(1.0, abs(record.value)))
