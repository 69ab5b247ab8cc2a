"""Starting and resuming studies: what the commands of the same names do."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import (
    CheckpointError,
    CheckpointStore,
    CheckpointsUnreachable,
    Database,
    DatabaseMissing,
    Slots,
    Studies,
    StudyExists,
    StudyRecord,
    give_back,
)
from tuner import hub
from tuner.config import StudyConfig, changed_keys, parse_stored
from tuner.consent import check_remote_code, check_sampler, notice_of
from tuner.devices import DeviceLocks, Lane, lanes, select_devices
from tuner.errors import ConfigError, DeviceError, StudyChanged, StudyPaused
from tuner.events import Notice
from tuner.garbage import collect
from tuner.nvml import DriverNvml
from tuner.pace import Pace
from tuner.setup import Setup, cache_folder, checkpoint_store, resolve, set_up
from tuner.trainers import PRELOAD, PRELOAD_OWN, WarmParent

if TYPE_CHECKING:
    from tuner.events import Watcher


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where trials run on this machine."""

    #: cpu, cuda, cuda:0,1 or auto.
    devices: str = "auto"
    #: Trials at a time; None is one a GPU, and on CPU one.
    workers: int | None = None
    #: Pass on what trainers write instead of keeping it in a file.
    debug: bool = False
    #: How long things may take.
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What is otherwise on this machine than where the study was created, and what a study may do here."""

    #: Data source and model, as the study file would name them here.
    data: str | None = None
    model: str | None = None
    #: Whether the libraries may be of other versions.
    any_versions: bool = False
    #: Whether CMA-ES may unpickle what others can write to the database.
    allow_pickle: bool = False
    #: Whether code that the study's model brings along may run.
    trust_remote_code: bool = False

    def applied(self, config: StudyConfig) -> StudyConfig:
        """Return a configuration with the places of this machine."""
        if self.model is not None:
            config = config.model_copy(update={"model": self.model})
        if self.data is not None and config.data is not None:
            config = config.model_copy(update={"data": config.data.model_copy(update={"source": self.data})})
        return config


def start(
    config: StudyConfig,
    url: str,
    machine: Machine,
    watch: Watcher,
    *,
    source: str,
    trials: int | None = None,
    elsewhere: Elsewhere | None = None,
) -> bool:
    """Create a study or go on with it, and run its trials here until its budget is spent.

    Args:
        config: The study file.
        url: The database.
        machine: Where trials run.
        watch: Is told what happens.
        source: The study file's path.
        trials: A budget that replaces the file's, for this run and the later ones.
        elsewhere: What this machine has at other places.

    Returns:
        False where the study was over before.

    Raises:
        StudyChanged: The study exists with another configuration; names the keys that differ.
        TunerError: See `tuner.errors`.
        StorageError: See `storage.errors`.
    """
    file_budget = config.to_dict()["budget"]
    if trials is not None:
        config = with_trials(config, trials)
    # The study file is on this machine: what it allows is allowed here.
    elsewhere = replace(
        elsewhere or Elsewhere(),
        allow_pickle=config.sampler.allow_pickle,
        trust_remote_code=config.trust_remote_code,
    )
    check_sampler(config, shared=Database.path_of(url) is None, allowed=elsewhere.allow_pickle, source=source)
    hub.settle(config, lambda text: watch(Notice(text=text)))
    resolve(config, source=source)
    folder = str(Path(source).absolute().parent)

    def taken_over(record: StudyRecord, stored: StudyConfig) -> tuple[StudyConfig, Mapping[str, Any]]:
        merged = _taken_over(record, stored, config, source, file_budget, explicit=trials is not None)
        facts = {**record.facts, "file_budget": file_budget}
        if "file_values" in facts:
            written = config.to_dict()
            facts["file_values"] = {key: written[key] for key in facts["file_values"]}
        return merged, facts

    def go_on() -> bool:
        with Database(url, create=True) as database:
            return _go_on(database, config.name, machine, watch, taken_over, elsewhere, folder=folder, lift=False)

    if _is_known(config.name, url):
        return go_on()
    with ExitStack() as stack:
        # Before there is a database, so that a mistake in the study file leaves nothing behind.
        with naming_checkpoints(source):
            store = checkpoint_store(config, Database.path_of(url))
        with _removing_what_a_failure_leaves(store):
            with naming_checkpoints(source):
                store.check_writable()
            chosen = stack.enter_context(_held_lanes(machine))
            _check_precision(config, chosen, source)
            warm = stack.enter_context(_warm_parent(store, config, machine))
            _check_cuda(chosen, warm, config)
            _tell_of_code(config, watch)
            setup = set_up(config, warm, source=source, folders=_folders(folder))
            database = stack.enter_context(Database(url, create=True))
        studies = Studies(database)
        facts = {**setup.facts(), "file_budget": file_budget, "folder": folder}
        try:
            record = studies.create(
                config.name,
                direction=config.metric.direction,
                config=config.to_dict(),
                facts=facts,
                trials=config.budget.trials,
                first=setup.first_point(),
            )
        except StudyExists:
            if studies.find(config.name) is None:
                raise
            made_meanwhile = True
        else:
            made_meanwhile = False
            _supervise(database, record, setup, chosen, warm, store, watch, machine.pace)
    # By another command on the same file, or on another one of the same name: to be gone on with, or refused.
    return go_on() if made_meanwhile else True


def resume(
    name: str,
    url: str,
    machine: Machine,
    watch: Watcher,
    *,
    trials: int | None = None,
    elsewhere: Elsewhere | None = None,
    lift: bool = True,
) -> bool:
    """Go on with a study from what the database says alone.

    Args:
        name: The study.
        url: The database.
        machine: Where trials run.
        watch: Is told what happens.
        trials: A budget that replaces the study's.
        elsewhere: What this machine has at other places.
        lift: Whether a paused study is opened again, for all machines.

    Returns:
        False where the study was over before.

    Raises:
        StudyNotFound: There is no such study.
        StudyPaused: It is paused, and `lift` is False.
        TunerError: See `tuner.errors`.
    """

    def with_budget(record: StudyRecord, stored: StudyConfig) -> tuple[StudyConfig, Mapping[str, Any]]:
        return (stored if trials is None else with_trials(stored, trials)), record.facts

    with Database(url) as database:
        return _go_on(database, name, machine, watch, with_budget, elsewhere or Elsewhere(), lift=lift)


def stored_config(record: StudyRecord, database: Database) -> StudyConfig:
    """Return the configuration of a study that exists.

    Raises:
        ConfigError: What is stored is none, or another study's.
    """
    source = f"study {record.name!r} in {database.url}"
    config = parse_stored(record.config, source=source)
    if config.name != record.name:  # its name says which trials and which part of the store are meant
        raise ConfigError(source, "name", f"is {config.name!r} in what is stored of it; who else can write there?")
    return config


def stored_setup(
    record: StudyRecord,
    config: StudyConfig,
    database: Database,
    warm: WarmParent,
    elsewhere: Elsewhere,
    folder: str | None = None,
) -> Setup:
    """Prepare what the trials of a study that exists need on this machine.

    Raises:
        ConfigError: The study would do what nobody has allowed here, or something is not as it says.
        StudyChanged: Data, weights, tokenizer or libraries are not those that the study was created with.
    """
    source = f"study {record.name!r} in {database.url}"
    config = elsewhere.applied(config)
    check_remote_code(config, allowed=elsewhere.trust_remote_code, source=source)
    return set_up(
        config,
        warm,
        source=source,
        stored=record.facts,
        folders=_folders(folder, record.facts.get("folder")),
        any_versions=elsewhere.any_versions,
    )


def _folders(*candidates: str | None) -> tuple[str, ...]:
    """Return where modules of the user's may be: beside the study file, and where the command was given."""
    found = [folder for folder in (*candidates, str(Path.cwd())) if folder is not None and Path(folder).is_dir()]
    return tuple(dict.fromkeys(found))


@contextmanager
def naming_checkpoints(source: str) -> Iterator[None]:
    """Say of an error of the checkpoint store in which file and at which key it is to be mended."""
    try:
        yield
    except CheckpointsUnreachable:
        raise  # there is nothing to mend in a file
    except CheckpointError as error:
        raise ConfigError(source, "checkpoints", str(error)) from error


def with_trials(config: StudyConfig, trials: int) -> StudyConfig:
    """Return a configuration with another number of trials in its budget."""
    return config.model_copy(update={"budget": config.budget.model_copy(update={"trials": trials})})


def _taken_over(
    record: StudyRecord,
    stored: StudyConfig,
    config: StudyConfig,
    source: str,
    file_budget: Mapping[str, Any],
    *,
    explicit: bool,
) -> StudyConfig:
    """Return the configuration to go on with: the stored one, with a budget that the user changed since.

    A budget that was once given by flag stays until the file's own changes, and so does what was edited.
    """
    if config.checkpoints is None:
        config = config.model_copy(update={"checkpoints": stored.checkpoints})
    as_it_was = {**stored.to_dict(), **record.facts.get("file_values", {})}
    as_it_is = changed_keys(stored.to_dict(), config.to_dict())
    differing = [key for key in changed_keys(as_it_was, config.to_dict()) if key in as_it_is]
    keys = [key for key in differing if key.split(".")[0] != "budget"]
    if keys:
        raise StudyChanged(
            source,
            "",
            f"study {record.name!r} exists with another {', '.join(keys)}; "
            "give the study another name, or undo the change",
        )
    # By key: a file from before a part of the budget was there says nothing of it, which is no change.
    moved = changed_keys(record.facts["file_budget"], file_budget)
    budget = config.budget if explicit or moved else stored.budget
    return config.edited(stored).model_copy(update={"budget": budget})


def _go_on(
    database: Database,
    name: str,
    machine: Machine,
    watch: Watcher,
    revise: Callable[[StudyRecord, StudyConfig], tuple[StudyConfig, Mapping[str, Any]]],
    elsewhere: Elsewhere,
    *,
    lift: bool,
    folder: str | None = None,
) -> bool:
    """Run what is left of a study that exists, once its configuration and facts are revised."""
    studies = Studies(database)
    source = f"study {name!r} in {database.url}"
    while True:
        record = studies.get(name)
        config, facts = revise(record, stored_config(record, database))
        unchanged = (config.to_dict(), dict(facts)) == (dict(record.config), dict(record.facts))
        if unchanged or studies.update(record, config.to_dict(), facts):
            break
    if record.state == "stopped":
        return False
    if Slots(database, record.id).unfinished() == 0:
        _tidy_up(database, record, config, watch)
        return False
    if record.state == "paused" and not lift:
        raise StudyPaused(f"study {name!r} is paused; `tuner resume {name}` goes on")
    record = studies.get(name)
    hub.settle(elsewhere.applied(config), lambda text: watch(Notice(text=text)))
    give_back()  # what follows can take a minute, in which others may lack a connection
    check_sampler(config, shared=database.path is None, allowed=elsewhere.allow_pickle, source=source)
    with ExitStack() as stack:
        with naming_checkpoints(source):
            store = checkpoint_store(config, database.path)
            store.check_writable()
        chosen = stack.enter_context(_held_lanes(machine))
        _check_precision(config, chosen, source)
        warm = stack.enter_context(_warm_parent(store, config, machine))
        _check_cuda(chosen, warm, config)
        _tell_of_code(config, watch)
        setup = stored_setup(record, config, database, warm, elsewhere, folder)
        if lift:  # now that nothing is in the way, for all machines
            studies.set_state(record.id, "open")
        _supervise(database, record, setup, chosen, warm, store, watch, machine.pace)
    return True


def _tidy_up(database: Database, record: StudyRecord, config: StudyConfig, watch: Watcher) -> None:
    """Remove what a worker has left that ended between a last trial's end and its own tidying up."""
    try:
        collect(database, record, checkpoint_store(config, database.path))
    except CheckpointError as error:
        watch(Notice(text=f"the store could not be tidied up: {error}"))


def _supervise(
    database: Database,
    record: StudyRecord,
    setup: Setup,
    chosen: tuple[Lane, ...],
    warm: WarmParent,
    store: CheckpointStore,
    watch: Watcher,
    pace: Pace,
) -> None:
    from tuner.supervisor import Supervisor  # imports Optuna

    if chosen[0].device.kind == "cpu":  # for a GPU, nothing may look for one before a trainer is told which is its own
        setup.share(warm)
    Supervisor(database, record, setup, chosen, warm, store, watch, pace).run()


def _is_known(name: str, url: str) -> bool:
    try:
        with Database(url) as database:
            return Studies(database).find(name) is not None
    except DatabaseMissing:
        return False


@contextmanager
def _removing_what_a_failure_leaves(store: CheckpointStore) -> Iterator[None]:
    missing = missing_folders(Path(store.url)) if store.is_local else []
    try:
        yield
    except BaseException:
        if missing:
            with contextlib.suppress(OSError):
                _log_of(store).unlink()
        remove_empty(missing)
        raise


def missing_folders(folder: Path) -> list[Path]:
    """Return a folder and those above it, as far as they do not exist, the deepest first."""
    return [each for each in (folder, *folder.parents) if not each.exists()]


def remove_empty(folders: list[Path]) -> None:
    """Remove those of the folders that exist and are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextmanager
def _warm_parent(store: CheckpointStore, config: StudyConfig, machine: Machine) -> Iterator[WarmParent]:
    log = None if machine.debug else _log_of(store)
    with WarmParent(log, preload=PRELOAD if config.train is None else PRELOAD_OWN) as warm:
        # It imports torch meanwhile: the time in which this process can import what it needs later.
        importlib.import_module("tuner.supervisor")
        yield warm


def _log_of(store: CheckpointStore) -> Path:
    """Return the file that takes what trainers write: beside the checkpoints, where these are on this machine."""
    if store.is_local:
        return Path(store.url) / "trainers.log"
    folder = cache_folder() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{store.study}.log"


@contextmanager
def _held_lanes(machine: Machine) -> Iterator[tuple[Lane, ...]]:
    devices = select_devices(machine.devices, os.environ, DriverNvml())
    on_gpu = devices[0].kind == "cuda"
    with DeviceLocks() as locks:
        if on_gpu and machine.devices == "auto":
            # Whoever leaves the devices to us means "at most so many workers", not "so many GPUs or nothing".
            free = locks.acquire_free(devices)
            yield lanes(free[: machine.workers], None)
        else:
            yield lanes(locks.acquire_free(devices, machine.workers if on_gpu else None), machine.workers)


def _tell_of_code(config: StudyConfig, watch: Watcher) -> None:
    if text := notice_of(config):
        watch(Notice(text=text))


def _check_precision(config: StudyConfig, chosen: tuple[Lane, ...], source: str) -> None:
    if config.precision == "fp16" and chosen[0].device.kind == "cpu":
        raise ConfigError(source, "precision", "fp16 needs a GPU; write auto, fp32 or bf16")


def _check_cuda(chosen: tuple[Lane, ...], warm: WarmParent, config: StudyConfig) -> None:
    device = chosen[0].device
    if device.kind != "cuda" or config.train is not None:
        return
    if not warm.call("tuner.training.jobs:cuda_job", {}, device.environment()):
        raise DeviceError(
            f"{device.label} ({device.name}) is there, but this torch cannot use it; "
            "install a CUDA build of torch, or give --devices cpu"
        )
