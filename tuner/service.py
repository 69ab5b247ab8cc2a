"""Starting and resuming studies: what the commands of the same names do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import CheckpointError, CheckpointStore, Database, Slots, Studies, StudyExists, StudyRecord
from tuner.config import StudyConfig, changed_keys, parse_config
from tuner.devices import DeviceLocks, Lane, lanes, select_devices
from tuner.errors import ConfigError, DeviceError, StudyChanged
from tuner.nvml import DriverNvml
from tuner.setup import Setup, checkpoint_store, resolve, set_up
from tuner.trainers import WarmParent

if TYPE_CHECKING:
    from tuner.events import Watcher


#: File beside the kept weights that takes what trainers write.
_LOG = "trainers.log"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where trials run on this machine."""

    #: cpu, cuda, cuda:0,1 or auto.
    devices: str = "auto"
    #: Trials at a time; None is one a GPU, and on CPU one.
    workers: int | None = None
    #: Pass on what trainers write instead of keeping it in a file.
    debug: bool = False


def start(
    config: StudyConfig, url: str, place: Place, watch: Watcher, *, source: str, trials: int | None = None
) -> bool:
    """Create a study or go on with it, and run its trials here until its budget is spent.

    Args:
        config: The study file.
        url: The database.
        place: Where trials run.
        watch: Is told what happens.
        source: The study file's path.
        trials: A budget that replaces the file's, for this run and the later ones.

    Returns:
        False where the study was finished before.

    Raises:
        StudyChanged: The study exists with another configuration; names the keys that differ.
        TunerError: See `tuner.errors`.
        StorageError: See `storage.errors`.
    """
    file_budget = config.to_dict()["budget"]
    if trials is not None:
        config = with_trials(config, trials)
    resolve(config, source=source)
    with ExitStack() as stack:
        warm: WarmParent | None = None
        if not _is_known(config.name, url):
            # Before there is a database, so that a mistake in the study file leaves nothing behind.
            with naming_checkpoints(source):
                store = checkpoint_store(config, Database.path_of(url))
            with _removing_what_a_failure_leaves(store.root):
                with naming_checkpoints(source):
                    store.check_writable()
                warm = stack.enter_context(_warm_parent(store, place))
                setup = set_up(config, warm, source=source)
        database = stack.enter_context(Database(url, create=True))
        studies = Studies(database)
        if warm is not None:
            try:
                record = studies.create(
                    config.name,
                    direction=config.metric.direction,
                    config=config.to_dict(),
                    facts={**setup.facts(), "file_budget": file_budget},
                    trials=config.budget.trials,
                    first=setup.first_point(),
                )
            except StudyExists:
                if studies.find(config.name) is None:
                    raise
                # Another command has made the study meanwhile: this one goes on with it.
            else:
                return _run(database, record, config, place, watch, warm=warm, setup=setup)
        record = studies.get(config.name)
        config = _taken_over(record, config, source, file_budget, explicit=trials is not None)
        facts = {**record.facts, "file_budget": file_budget}
        studies.update(record.id, config.to_dict(), facts)
        return _run(database, studies.get(config.name), config, place, watch, warm=warm)


def resume(name: str, url: str, place: Place, watch: Watcher, *, trials: int | None = None) -> bool:
    """Go on with a study from what the database says alone.

    Args:
        name: The study.
        url: The database.
        place: Where trials run.
        watch: Is told what happens.
        trials: A budget that replaces the study's.

    Returns:
        False where the study was finished before.

    Raises:
        StudyNotFound: There is no such study.
        TunerError: See `tuner.errors`.
    """
    with Database(url) as database:
        studies = Studies(database)
        record = studies.get(name)
        config = stored_config(record, database)
        if trials is not None:
            config = with_trials(config, trials)
            studies.update(record.id, config.to_dict(), record.facts)
            record = studies.get(name)
        return _run(database, record, config, place, watch)


def stored_config(record: StudyRecord, database: Database) -> StudyConfig:
    """Return the configuration of a study that exists."""
    return parse_config(record.config, source=f"study {record.name!r} in {database.url}", folder=Path("/"))


def stored_setup(record: StudyRecord, config: StudyConfig, database: Database, warm: WarmParent) -> Setup:
    """Prepare what the trials of a study that exists need on this machine."""
    source = f"study {record.name!r} in {database.url}"
    return set_up(config, warm, source=source, stored=record.facts)


@contextmanager
def naming_checkpoints(source: str) -> Iterator[None]:
    """Say of an error of the checkpoint store in which file and at which key it is to be mended."""
    try:
        yield
    except CheckpointError as error:
        raise ConfigError(source, "checkpoints", str(error)) from error


def with_trials(config: StudyConfig, trials: int) -> StudyConfig:
    """Return a configuration with another number of trials in its budget."""
    return config.model_copy(update={"budget": config.budget.model_copy(update={"trials": trials})})


def _taken_over(
    record: StudyRecord, config: StudyConfig, source: str, file_budget: Mapping[str, Any], *, explicit: bool
) -> StudyConfig:
    """Return the configuration to go on with: the stored one, with a budget that the user changed since.

    A budget that was once given by flag stays until the file's own changes.
    """
    if config.checkpoints is None:
        config = config.model_copy(update={"checkpoints": record.config["checkpoints"]})
    keys = [key for key in changed_keys(record.config, config.to_dict()) if key.split(".")[0] != "budget"]
    if keys:
        raise StudyChanged(
            source,
            "",
            f"study {record.name!r} exists with another {', '.join(keys)}; "
            "give the study another name, or undo the change",
        )
    if explicit or file_budget != record.facts["file_budget"]:
        return config
    budget = type(config.budget).model_validate(record.config["budget"])
    return config.model_copy(update={"budget": budget})


def _run(
    database: Database,
    record: StudyRecord,
    config: StudyConfig,
    place: Place,
    watch: Watcher,
    *,
    warm: WarmParent | None = None,
    setup: Setup | None = None,
) -> bool:
    if all(slot.state == "finished" for slot in Slots(database, record.id).all()):
        return False
    with naming_checkpoints(f"study {record.name!r} in {database.url}"):
        store = checkpoint_store(config, database.path)
        store.check_writable()
    with ExitStack() as stack:
        stack.enter_context(Studies(database).lock(record))
        chosen = stack.enter_context(_held_lanes(place))
        if warm is None:
            warm = stack.enter_context(_warm_parent(store, place))
        _check_cuda(chosen, warm)
        if setup is None:
            setup = stored_setup(record, config, database, warm)

        from tuner.supervisor import Supervisor  # imports Optuna

        Supervisor(database, record, setup, chosen, warm, store, watch).run()
    return True


def _is_known(name: str, url: str) -> bool:
    if not Database.path_of(url).exists():
        return False
    with Database(url, create=True) as database:
        return Studies(database).find(name) is not None


@contextmanager
def _removing_what_a_failure_leaves(root: Path) -> Iterator[None]:
    missing = missing_folders(root)
    try:
        yield
    except BaseException:
        if root in missing:
            with contextlib.suppress(OSError):
                (root / _LOG).unlink()
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
def _warm_parent(store: CheckpointStore, place: Place) -> Iterator[WarmParent]:
    with WarmParent(None if place.debug else store.root / _LOG) as warm:
        yield warm


@contextmanager
def _held_lanes(place: Place) -> Iterator[tuple[Lane, ...]]:
    devices = select_devices(place.devices, os.environ, DriverNvml())
    on_gpu = devices[0].kind == "cuda"
    with DeviceLocks() as locks:
        yield lanes(locks.acquire_free(devices, place.workers if on_gpu else None), place.workers)


def _check_cuda(chosen: tuple[Lane, ...], warm: WarmParent) -> None:
    device = chosen[0].device
    if device.kind == "cuda" and not warm.call("tuner.training.jobs:cuda_job", {}, device.environment()):
        raise DeviceError(
            f"{device.label} ({device.name}) is there, but this torch cannot use it; "
            "install a CUDA build of torch, or give --devices cpu"
        )
