"""Checking a study file: validation, then a short training run at each corner of its space."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import Hyperparameters
from storage import Database, DatabaseMissing, Studies
from tuner.errors import ConfigError, DeviceError, TunerError
from tuner.machine.devices import CPU, Device, lanes, select_devices
from tuner.machine.nvml import DriverNvml
from tuner.processes.messages import Progressed
from tuner.processes.trainers import PRELOAD, PRELOAD_OWN, ForkServer
from tuner.reporting.check_report import (
    anatomy_view,
    corners_line,
    cost_lines,
    data_lines,
    device_line,
    few_rows,
    first_line,
    head_line,
    model_line,
    noise,
    search_line,
    warning_lines,
)
from tuner.reporting.views import recipe_view
from tuner.service.cost import cost_of, survey_study
from tuner.service.merge import placed_as
from tuner.service.run import check_cuda
from tuner.service.smoke import smoke_run
from tuner.study.hub import OFFLINE
from tuner.study.local import LocalStudy
from tuner.study.locations import checkpoint_store, missing_folders, naming_checkpoints, remove_empty
from tuner.study.nearness import Nearness
from tuner.study.setup import resolve, set_up
from tuner.study.study_file import stored_config
from tuner.study.trackers import check_trackers
from tuner.study.trust import check_sampler
from tuner.trial.result import Outcome

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig
    from tuner.trial.work import Survey

#: Rows of the training split that tell how near the task is to the pretraining, at most.
PROBED_ROWS = 500
#: Standard error of a value beyond which a search compares luck.
MOST_NOISE = 0.12


def check(
    config: StudyConfig,
    url: str,
    *,
    source: str,
    say: Callable[[str], None],
    progress: Callable[[Progressed], None] = lambda _: None,
) -> dict[str, Any]:
    """Validate a study, then train the corners of its space for a few steps on a few rows.

    Args:
        config: The study file.
        url: The database for the study; it is not created.
        source: The study file's path.
        say: Receives each line of the report.
        progress: Receives the progress of the slow parts.

    Returns:
        A summary of the study, as JSON values.

    Raises:
        ConfigError: The study cannot run; names the file, the key and the reason.
    """
    _check_places(config, url, source)
    with (
        tempfile.TemporaryDirectory() as scratch,
        ForkServer(Path(scratch) / "log", preload=PRELOAD if config.train is None else PRELOAD_OWN) as fork_server,
    ):
        folders = (str(Path(source).absolute().parent), str(Path.cwd()))
        local_study = set_up(config, fork_server, source=source, folders=folders, progress=progress)
        prepared, report = local_study.prepared, None
        if prepared is not None:
            report = prepared.report
            _say_all(say, data_lines(report, config.metric.name, config.max_length))
        devices, device_problem = _devices(config, fork_server)
        local_study.share(fork_server)
        progress(Progressed(stage="building the model"))
        survey = _survey(local_study, fork_server)
        if devices:
            cores = len(os.sched_getaffinity(0))
            say(device_line(devices, cores, os.environ.get("CUDA_VISIBLE_DEVICES")))
        if prepared is not None:
            parameters = None if survey is None else survey.parameters
            say(model_line(prepared.anatomy, local_study.recipe.family, parameters))
        changes = local_study.recipe_changes()
        say(first_line(local_study.first_point(), changes, local_study.recipe.family))
        say(search_line(config, local_study.looks, local_study.arms))
        if (nearness := _probe(local_study, fork_server, progress, source)) is not None:
            say(head_line(nearness))
        corners = local_study.space.corners()
        smoke_runs = []
        for number, corner in enumerate(corners):
            progress(Progressed(stage="training at corners of the space", done=number, total=len(corners)))
            smoke_runs.append(smoke_run(local_study, fork_server, corner, source=source))
        cost = None if survey is None else cost_of(local_study, survey, smoke_runs)
    if cost is not None:
        on_gpu = bool(devices) and devices[0].kind == "cuda"
        _say_all(say, cost_lines(cost.trial_s, cost.disk, on_gpu=on_gpu))
    odd = [
        (run.hyperparameters.to_dict(), run.result.reason or str(run.result.state))
        for run in smoke_runs
        if run.result.state != Outcome.COMPLETE
    ]
    say(corners_line(len(corners), odd))
    error = noise(config.metric.name, prepared.sizes["validation"]) if prepared else None
    warnings = [
        *local_study.warnings,
        *([few_rows(prepared.sizes["validation"], error)] if prepared and error and error > MOST_NOISE else []),
        *([device_problem] if device_problem else []),
    ]
    _say_all(say, warning_lines(warnings))
    account: dict[str, Any] = report.to_dict() if report else dict.fromkeys(("reading", "rows", "guess", "lengths"))
    return {
        "study": config.name,
        "family": local_study.recipe.family,
        "sizes": dict(prepared.sizes) if prepared else {},
        "labels": list(prepared.labels) if prepared else [],
        "search_space": local_study.space.to_dict(),
        "first": local_study.first_point(),
        "recipe": recipe_view(changes, local_study.recipe.family, None),
        "corners": len(corners),
        "smoke_s": round(sum(run.seconds for run in smoke_runs), 1),
        **account,
        "anatomy": anatomy_view(prepared.anatomy) if prepared else None,
        "head": None if nearness is None else nearness.to_dict(),
        "probe": None if nearness is None else nearness.probe(),
        "noise": error,
        "device": [{"label": each.label, "name": each.name, "memory_bytes": each.memory_bytes} for each in devices],
        "cost": None if cost is None else cost.to_dict(),
        "warnings": warnings,
    }


def _check_places(config: StudyConfig, url: str, source: str) -> None:
    """Check the cheap things: sampler, model, space, and that database and store can be written to."""
    path = Database.path_of(url)
    check_sampler(config, shared=path is None, allowed=config.sampler.allow_pickle, source=source)
    check_trackers(config.report_to, source=source)
    resolve(config, source=source)
    if path is None or path.exists():
        config = _placed(config, url)
    elif not os.access(_existing(path.parent), os.W_OK):
        raise ConfigError("--storage", "", f"{path.parent} takes no files")
    with naming_checkpoints(source):
        store = checkpoint_store(config, path)
        missing = missing_folders(Path(store.url)) if store.is_local else []
        store.check_writable()
    remove_empty(missing)


def _placed(config: StudyConfig, url: str) -> StudyConfig:
    """Return a study with the checkpoint store that `tuner start` would take for it.

    Raises:
        StorageError: The database cannot be used. One on a server without tables can: `tuner start` makes them.
    """
    try:
        with Database(url, create=Database.path_of(url) is not None) as database:
            record = Studies(database).find(config.name)
            return config if record is None else placed_as(stored_config(record, database), config)
    except DatabaseMissing:
        return config


def _devices(config: StudyConfig, fork_server: ForkServer) -> tuple[tuple[Device, ...], str | None]:
    """Return the devices that `--devices auto` takes here, and why they cannot be used, where this is so."""
    devices: tuple[Device, ...] = ()
    try:
        devices = select_devices("auto", os.environ, DriverNvml())
        if devices[0].kind == "cuda" and config.train is None:
            check_cuda(devices[0], fork_server)
    except DeviceError as error:
        return devices, str(error)
    return devices, None


def _survey(local_study: LocalStudy, fork_server: ForkServer) -> Survey | None:
    """Return the work of the study's trials; None for a study's own training, whose work is unknown."""
    if local_study.prepared is None:
        return None
    try:
        return survey_study(local_study, fork_server)
    except TunerError:  # a model that cannot be surveyed may train; one that cannot train is found at the corners
        return None


def _probe(
    local_study: LocalStudy, fork_server: ForkServer, progress: Callable[[Progressed], None], source: str
) -> Nearness | None:
    """Fit a head on the frozen layers with some rows; None where the model has nothing to fit one on.

    Raises:
        ConfigError: No head can be fitted, and trials are to begin with one.
    """
    config, prepared = local_study.config, local_study.prepared
    if prepared is None or not prepared.anatomy.can_fit_head:
        return None
    point = Hyperparameters.from_values(local_study.first_point(), free=True)
    run = local_study.run(0, point, max_rows=PROBED_ROWS, threads=lanes((CPU,))[0].threads)
    call = {"run": replace(run, trunk=None), "folder": None, "shares": local_study.frozen_shares}
    environment = {**OFFLINE, **CPU.environment()}
    try:
        facts = fork_server.call("tuner.training.calls:fit_head", call, environment, progress=progress)
    except TunerError as error:  # a model that cannot train is found at the corners
        if local_study.has_fitted_heads:
            raise ConfigError(source, "search_space.head_init", str(error)) from error
        return None
    metric, guess = config.metric, prepared.report.guess
    return Nearness.of(
        metric=metric.name, direction=metric.direction, value=facts["value"], guess=guess, depths=facts["depths"]
    )


def _say_all(say: Callable[[str], None], lines: Sequence[str]) -> None:
    for line in lines:
        say(line)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest of its parents that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder
