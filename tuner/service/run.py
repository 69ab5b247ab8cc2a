"""Running a study's trials on this machine: locks devices, and starts the fork server and the supervisor."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from storage import History, Studies
from tuner.errors import ConfigError, DeviceError
from tuner.machine.device_locks import DeviceLocks
from tuner.machine.devices import Device, Lane, lanes, select_devices
from tuner.machine.nvml import DriverNvml
from tuner.processes.trainers import PRELOAD, PRELOAD_OWN, ForkServer
from tuner.reporting.events import Began, Event, Notice, TrialWasOver, Watcher
from tuner.reporting.trackers.relay import Trackers
from tuner.service.fitted_head import with_fitted_head
from tuner.study.locations import trainers_log
from tuner.study.setup import LOADING
from tuner.study.space_versions import is_searched_otherwise
from tuner.study.trackers import tracked_study
from tuner.study.trust import notice_of
from tuner.supervisor.timing import Timing
from tuner.supervisor.workplace import Workplace

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, StudyRecord
    from tuner.study.config import StudyConfig
    from tuner.study.local import LocalStudy


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The devices of this machine that run trials, and how."""

    #: `cpu`, `cuda`, `cuda:0,1` or `auto`.
    devices: str = "auto"
    #: Number of trials at a time; None is one for each GPU, or one on the CPU.
    workers: int | None = None
    #: Whether trainers write to this process's output instead of to a log file.
    debug: bool = False
    #: Lengths of leases, beats and grace periods.
    timing: Timing = field(default_factory=Timing)


def supervise(here: Workplace, database: Database, record: StudyRecord, local_study: LocalStudy) -> bool:
    """Run a study's trials here until its budget is spent; raises the errors of `Supervisor.run`.

    Returns:
        False where the study's search space was edited meanwhile: it is to be set up again.
    """
    from tuner.supervisor.supervisor import Supervisor  # imports Optuna

    # A trainer on a GPU sets its device before CUDA is initialised. It cannot start from a model that is already built.
    if here.lanes[0].device.kind == "cpu":
        local_study.share(here.fork_server)
    config = local_study.config
    study = tracked_study(config.name, config.metric.name, record.facts)
    with Trackers(here.watch, config.report_to, study, here.log) as watch:
        if config.report_to:
            watch.catch_up(_over(History(database, record)))
        ready = with_fitted_head(here, database, record, local_study)
        Supervisor(database, record, ready, replace(here, watch=watch)).run()
    now = Studies(database).find(record.name)
    return now is None or now.id != record.id or not is_searched_otherwise(now, record)


def _over(history: History) -> list[TrialWasOver]:
    """Return the ends of the trials that are over."""
    trials = [each for each in history.trials() if each.state.is_over]
    return [
        TrialWasOver(
            number=each.number,
            state=each.state,
            value=each.value,
            reason=each.reason,
            seconds=0.0,
            finished=len(trials),
            hyperparameters=each.hyperparameters,
            effective=each.effective,
            curve=each.evaluations,
        )
        for each in trials
    ]


@contextmanager
def ready_workplace(
    config: StudyConfig, machine: Machine, store: CheckpointStore, watch: Watcher, *, source: str
) -> Iterator[Workplace]:
    """Lock devices for a study, and start its fork server.

    Args:
        config: The study.
        machine: The devices that the user asks for.
        store: The study's checkpoints.
        watch: Receives every event.
        source: The study's name in errors.

    Raises:
        ConfigError: The devices do not support the study's precision.
        DeviceError: A device does not exist, is in use, or cannot be used by the installed torch.
    """
    with _held_lanes(machine) as held:
        device = held[0].device
        if config.precision == "fp16" and device.kind == "cpu":
            raise ConfigError(source, "precision", "fp16 needs a GPU; write auto, fp32 or bf16")
        log = None if machine.debug else trainers_log(store)
        with ForkServer(log, preload=PRELOAD if config.train is None else PRELOAD_OWN) as fork_server:
            watch(LOADING)
            if machine.devices == "auto" and device.kind == "cpu":
                watch = _before_trials(watch, "no GPU found: trials train on the CPU")
            # The fork server imports torch now. This process uses the time for an import that it needs later.
            importlib.import_module("tuner.supervisor.supervisor")
            if device.kind == "cuda" and config.train is None:
                check_cuda(device, fork_server)
            if text := notice_of(config):
                watch(Notice(text=text))
            yield Workplace(
                lanes=held, fork_server=fork_server, store=store, watch=watch, timing=machine.timing, log=log
            )


def _before_trials(watch: Watcher, text: str) -> Watcher:
    """Return a watcher that is told something before the first trial begins, once nothing has been refused."""
    waiting = [text]

    def told(event: Event) -> None:
        if waiting and isinstance(event, Began):
            watch(Notice(text=waiting.pop()))
        watch(event)

    return told


def module_folders(*candidates: str | None) -> tuple[str, ...]:
    """Return the folders from which the user's modules can be imported: those given that exist, and the current one."""
    found = [folder for folder in (*candidates, str(Path.cwd())) if folder is not None and Path(folder).is_dir()]
    return tuple(dict.fromkeys(found))


@contextmanager
def _held_lanes(machine: Machine) -> Iterator[tuple[Lane, ...]]:
    devices = select_devices(machine.devices, os.environ, DriverNvml())
    on_gpu = devices[0].kind == "cuda"
    with DeviceLocks() as locks:
        if on_gpu and machine.devices == "auto":
            # With `auto`, the user names no device: `--workers N` means "at most N GPUs", not "N GPUs or an error".
            free = locks.acquire_free(devices)
            yield lanes(free[: machine.workers], None)
        else:
            yield lanes(locks.acquire_free(devices, machine.workers if on_gpu else None), machine.workers)


def check_cuda(device: Device, fork_server: ForkServer) -> None:
    """Have a trainer process find out whether the installed torch can use a GPU.

    Raises:
        DeviceError: It cannot.
    """
    if not fork_server.call("tuner.training.calls:has_cuda", {}, device.environment()):
        raise DeviceError(
            f"{device.label} ({device.name}) is there, but this torch cannot use it; "
            "install a CUDA build of torch, or give --devices cpu"
        )
