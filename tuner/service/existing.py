"""Running the unfinished trials of a study that exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from storage import CheckpointError, Database, Slots, Studies, StudyRecord, StudyState, give_back
from tuner.errors import StudyPaused
from tuner.reporting.events import Notice, Watcher
from tuner.reporting.standings import about
from tuner.service.changes import budget_words, changed_lines
from tuner.service.gc import collect
from tuner.service.over import search_is_over
from tuner.service.run import Machine, ready_workplace, supervise
from tuner.service.stored import set_up_stored
from tuner.study import hub
from tuner.study.budget import overdrawn
from tuner.study.config import StudyConfig
from tuner.study.locations import checkpoint_store, naming_checkpoints
from tuner.study.overrides import MachineOverrides
from tuner.study.parents import parent_of
from tuner.study.search_over import check_bounds
from tuner.study.study_file import stored_config
from tuner.study.trackers import check_trackers
from tuner.study.trust import check_sampler


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
        False where the study was over before, or its budget in time or device hours is spent.
    """
    studies = Studies(database)
    source = f"study {name!r} in {database.url}"
    while True:
        record = studies.get(name)
        stored = stored_config(record, database)
        config, facts = revise(record, stored)
        check_bounds(facts, config, source=source)
        if record.state == StudyState.STOPPED:
            return False
        was, now = stored.to_dict(), config.to_dict()
        unchanged = (now, dict(facts)) == (dict(record.config), dict(record.facts))
        # A confirmation that takes more seeds has more trials, which no person has asked for.
        told = budget_words(was, now) if parent_of(facts) is None else None
        edited = None if told is None else "; ".join(changed_lines(was, now))
        if unchanged or studies.update(record, now, facts, edited=edited):
            break
    if told is not None:
        watch(Notice(text=told))
    slots = Slots(database, record.id)
    if slots.unfinished() == 0 and not slots.shelved() and search_is_over(database, record, config):
        _collect_garbage(database, record, config, watch)
        return False
    if record.state == StudyState.PAUSED and not reopen:
        raise StudyPaused(f"study {name!r} is paused; `tuner resume {name}` goes on")
    record = studies.get(name)
    if overdrawn(record.name, now["budget"], wall_s=record.wall_s, device_s=slots.device_seconds()):
        return False  # the study stands as paused, with that reason
    watch(about(database, record))
    hub.settle(overrides.applied(config).sources(), lambda text: watch(Notice(text=text)))
    give_back()  # setting up can take a minute, in which other processes may need the database connection
    check_sampler(config, shared=database.path is None, allowed=overrides.allow_pickle, source=source)
    check_trackers(config.report_to, source=source)
    with ExitStack() as stack:
        with naming_checkpoints(source):
            store = checkpoint_store(config, database.path)
            store.check_writable()
        here = stack.enter_context(ready_workplace(config, machine, store, watch, source=source))
        local_study = set_up_stored(record, config, database, here.fork_server, overrides, progress=watch)
        if reopen:  # for all machines, so only once this machine is known to be able to run trials
            studies.set_state(record.id, StudyState.OPEN)
        while not supervise(here, database, record, local_study):
            record = studies.get(name)
            config = stored_config(record, database)
            local_study = set_up_stored(record, config, database, here.fork_server, overrides, progress=watch)
    return True


def _collect_garbage(database: Database, record: StudyRecord, config: StudyConfig, watch: Watcher) -> None:
    """Remove the checkpoints of a worker that died after its last trial was finished and before it had removed them."""
    try:
        collect(database, record, checkpoint_store(config, database.path))
    except CheckpointError as error:
        watch(Notice(text=f"the store could not be tidied up: {error}"))
