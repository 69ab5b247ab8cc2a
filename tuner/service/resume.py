"""Going on with a study that exists, for `tuner resume` and `tuner worker`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from storage import CheckpointError, Database, Plans, Slots, Studies, StudyRecord, StudyState, give_back
from tuner.errors import StudyPaused
from tuner.processes.messages import Progressed
from tuner.processes.trainers import ForkServer
from tuner.reporting.events import Notice, Watcher
from tuner.service.gc import collect
from tuner.service.run import Machine, module_folders, ready_workplace, supervise
from tuner.study import hub
from tuner.study.config import StudyConfig
from tuner.study.local import LocalStudy
from tuner.study.locations import checkpoint_store, naming_checkpoints
from tuner.study.overrides import MachineOverrides
from tuner.study.search_over import SearchOver, check_bounds, is_searched_by_plan
from tuner.study.setup import set_up
from tuner.study.study_file import stored_config
from tuner.study.trust import check_remote_code, check_sampler


def resume(
    name: str,
    url: str,
    machine: Machine,
    watch: Watcher,
    *,
    budget: Mapping[str, Any] | None = None,
    overrides: MachineOverrides | None = None,
    reopen: bool = True,
) -> bool:
    """Go on with a study from the database alone, without its study file.

    Args:
        name: The study.
        url: The database.
        machine: Where trials run.
        watch: Receives every event.
        budget: Parts of the budget, `trials` or `runs`, that replace the study's.
        overrides: How this machine differs from the one on which the study was created.
        reopen: Whether a paused study is opened again, for all machines.

    Returns:
        False where the study was over before.

    Raises:
        StudyNotFound: There is no such study.
        StudyPaused: It is paused, and `reopen` is False.
        TunerError: See `tuner.errors`.
    """

    def with_budget(record: StudyRecord, stored: StudyConfig) -> tuple[StudyConfig, Mapping[str, Any]]:
        return stored.with_budget(budget or {}), record.facts

    with Database(url) as database:
        return run_existing(database, name, machine, watch, with_budget, overrides or MachineOverrides(), reopen=reopen)


def run_existing(
    database: Database,
    name: str,
    machine: Machine,
    watch: Watcher,
    revise: Callable[[StudyRecord, StudyConfig], tuple[StudyConfig, Mapping[str, Any]]],
    overrides: MachineOverrides,
    *,
    reopen: bool,
) -> bool:
    """Revise the configuration and the facts of a study that exists, and run its unfinished trials here.

    Args:
        database: The database that holds the study.
        name: The study.
        machine: Where trials run.
        watch: Receives every event.
        revise: Returns the new configuration and the new facts from the stored ones. It is called again where another
            process changes the study before they are written.
        overrides: How this machine differs from the one on which the study was created.
        reopen: Whether a paused study is opened again, for all machines.

    Returns:
        False where the study was over before.
    """
    studies = Studies(database)
    source = f"study {name!r} in {database.url}"
    while True:
        record = studies.get(name)
        config, facts = revise(record, stored_config(record, database))
        check_bounds(facts, config, source=source)
        unchanged = (config.to_dict(), dict(facts)) == (dict(record.config), dict(record.facts))
        if unchanged or studies.update(record, config.to_dict(), facts):
            break
    if record.state == StudyState.STOPPED:
        return False
    slots = Slots(database, record.id)
    if slots.unfinished() == 0 and not slots.shelved() and _is_over(database, record, config):
        _collect_garbage(database, record, config, watch)
        return False
    if record.state == StudyState.PAUSED and not reopen:
        raise StudyPaused(f"study {name!r} is paused; `tuner resume {name}` goes on")
    record = studies.get(name)
    hub.settle(overrides.applied(config).sources(), lambda text: watch(Notice(text=text)))
    give_back()  # setting up can take a minute, in which other processes may need the database connection
    check_sampler(config, shared=database.path is None, allowed=overrides.allow_pickle, source=source)
    with ExitStack() as stack:
        with naming_checkpoints(source):
            store = checkpoint_store(config, database.path)
            store.check_writable()
        here = stack.enter_context(ready_workplace(config, machine, store, watch, source=source))
        local_study = set_up_stored(record, config, database, here.fork_server, overrides, progress=watch)
        if reopen:  # for all machines, so only once this machine is known to be able to run trials
            studies.set_state(record.id, StudyState.OPEN)
        supervise(here, database, record, local_study)
    return True


def _is_over(database: Database, record: StudyRecord, config: StudyConfig) -> bool:
    """Return whether no trial is to begin beside those that have slots."""
    content = Plans(database, record.id).content() if is_searched_by_plan(record.facts) else None
    return content is None or SearchOver.parse(content, config.to_dict()) is not None


def _collect_garbage(database: Database, record: StudyRecord, config: StudyConfig, watch: Watcher) -> None:
    """Remove the checkpoints of a worker that died after its last trial was finished and before it had removed them."""
    try:
        collect(database, record, checkpoint_store(config, database.path))
    except CheckpointError as error:
        watch(Notice(text=f"the store could not be tidied up: {error}"))


def set_up_stored(
    record: StudyRecord,
    config: StudyConfig,
    database: Database,
    fork_server: ForkServer,
    overrides: MachineOverrides,
    *,
    progress: Callable[[Progressed], None] = lambda _: None,
) -> LocalStudy:
    """Prepare this machine for the trials of a study that exists.

    Raises:
        ConfigError: The model would run its own code, which was not allowed on this machine; or the study's
            configuration does not fit its data or its model.
        StudyChanged: Data, weights, tokenizer or libraries are not those that the study was created with.
    """
    source = f"study {record.name!r} in {database.url}"
    config = overrides.applied(config)
    check_remote_code(config, allowed=overrides.trust_remote_code, source=source)
    return set_up(
        config,
        fork_server,
        source=source,
        stored=record.facts,
        folders=module_folders(overrides.folder, record.facts.get("folder")),
        any_versions=overrides.any_versions,
        progress=progress,
    )
