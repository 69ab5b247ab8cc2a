"""Checking a study file: validation, then a short training run at each corner of its space."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import Database
from tuner.errors import ConfigError, TrainerDied
from tuner.machine.devices import CPU
from tuner.processes.calls import BUILT_IN
from tuner.processes.messages import Answer, Evaluated, Finished, Raised, Recorded
from tuner.processes.trainers import PRELOAD, PRELOAD_OWN, ForkServer, Trainer, describe_exit
from tuner.reporting.text import describe
from tuner.study.local import LocalStudy
from tuner.study.locations import checkpoint_store, missing_folders, naming_checkpoints, remove_empty
from tuner.study.setup import SMOKE_ROWS, SMOKE_STEPS, resolve, set_up
from tuner.study.trust import check_sampler
from tuner.trial.result import Outcome, TrialResult

if TYPE_CHECKING:
    from search_spaces import Hyperparameters
    from tuner.study.config import StudyConfig


def check(config: StudyConfig, url: str, *, source: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Validate a study, then train the corners of its space for a few steps on a few rows.

    Args:
        config: The study file.
        url: The database for the study; it is not created.
        source: The study file's path.
        say: Receives each line of progress.

    Returns:
        A summary of the study, as JSON values.

    Raises:
        ConfigError: The study cannot run; names the file, the key and the reason.
    """
    path = Database.path_of(url)
    check_sampler(config, shared=path is None, allowed=config.sampler.allow_pickle, source=source)
    resolve(config, source=source)
    if path is None or path.exists():
        Database(url, create=path is not None).close()
    elif not os.access(_existing(path.parent), os.W_OK):
        raise ConfigError("--storage", "", f"{path.parent} takes no files")
    with naming_checkpoints(source):
        store = checkpoint_store(config, path)
        missing = missing_folders(Path(store.url)) if store.is_local else []
        store.check_writable()
    remove_empty(missing)
    with (
        tempfile.TemporaryDirectory() as scratch,
        ForkServer(Path(scratch) / "log", preload=PRELOAD if config.train is None else PRELOAD_OWN) as fork_server,
    ):
        local_study = set_up(
            config, fork_server, source=source, folders=(str(Path(source).absolute().parent), str(Path.cwd()))
        )
        if (prepared := local_study.prepared) is not None:
            sizes = ", ".join(f"{name} {size}" for name, size in prepared.sizes.items())
            classes = f"; {len(prepared.labels)} classes: {', '.join(prepared.labels[:10])}" if prepared.labels else ""
            say(f"data: {sizes}{classes}")
            say(f"model: {prepared.layers} layers, family {local_study.recipe.family}")
        say(f"trial 0, the published recipe: {describe(local_study.first_point())}")
        local_study.share(fork_server)
        seconds = [_smoke(local_study, fork_server, corner, source, say) for corner in local_study.space.corners()]
    return {
        "study": config.name,
        "family": local_study.recipe.family,
        "sizes": dict(prepared.sizes) if prepared else {},
        "labels": list(prepared.labels) if prepared else [],
        "search_space": local_study.space.to_dict(),
        "first": local_study.first_point(),
        "corners": len(seconds),
        "smoke_s": round(sum(seconds), 1),
    }


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest of its parents that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _smoke(
    local_study: LocalStudy, fork_server: ForkServer, corner: Hyperparameters, source: str, say: Callable[[str], None]
) -> float:
    """Train at one corner of the space; return the seconds that it took."""
    began = time.monotonic()
    run = local_study.run(0, corner, max_rows=SMOKE_ROWS, max_steps=SMOKE_STEPS, precision="fp32")
    arguments = {"run": run, "function": local_study.config.train or BUILT_IN, "folders": local_study.folders}
    trainer = fork_server.start("tuner.processes.calls:train_trial", arguments, CPU.environment())
    try:
        result = _result(trainer)
    finally:
        trainer.kill()
    say(f"corner {describe(corner.to_dict())}: {result.state if result.reason is None else result.reason}")
    # A corner whose training diverges is no error: the search may find out. A corner that fails is one.
    if result.state == Outcome.FAILED:
        raise ConfigError(source, "", f"a trial with {describe(corner.to_dict())} fails: {result.reason}")
    return time.monotonic() - began


def _result(trainer: Trainer) -> TrialResult:
    """Return the trainer's result; let it go on after each evaluation, as no trial is pruned here."""
    while True:
        try:
            message = trainer.connection.recv()
        except (EOFError, OSError) as error:  # OSError: the trainer ended in the middle of a message
            raise TrainerDied(f"a trainer ended without a word: {describe_exit(trainer.exit_code())}") from error
        if isinstance(message, Evaluated):
            trainer.connection.send(Answer(step=message.evaluation.step, go_on=True))
        elif isinstance(message, Finished):
            return message.result
        elif isinstance(message, Raised):
            raise message.error()
        else:
            assert isinstance(message, Recorded)
