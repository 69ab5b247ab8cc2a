"""Starting a study from its file, for `tuner start`."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from storage import Database, DatabaseMissing, Studies, StudyExists
from tuner.processes.messages import Progressed
from tuner.reporting.events import Notice
from tuner.reporting.standings import about_new
from tuner.service.ending import complete
from tuner.service.existing import run_existing
from tuner.service.merge import StudyFile, merge
from tuner.service.run import Machine, module_folders, ready_workplace, supervise
from tuner.service.warm_start import warm_start_facts
from tuner.study import hub
from tuner.study.locations import checkpoint_store, naming_checkpoints, removed_on_failure
from tuner.study.overrides import MachineOverrides
from tuner.study.setup import resolve, set_up
from tuner.study.trackers import IDENTITY, check_trackers
from tuner.study.trust import check_sampler
from tuner.study.warm_points import clipped_points

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tuner.reporting.events import Watcher
    from tuner.study.config import StudyConfig


def start(
    config: StudyConfig,
    url: str,
    machine: Machine,
    watch: Watcher,
    *,
    source: str,
    budget: Mapping[str, Any] | None = None,
) -> bool:
    """Create a study or go on with it, and run its trials here until its budget is spent.

    Args:
        config: The study file.
        url: The database.
        machine: Where trials run.
        watch: Receives every event.
        source: The study file's path.
        budget: Parts of the budget, `trials` or `runs`, that replace the file's, for this run and the later ones.

    Returns:
        False where the study was over before, or its budget in time or device hours is spent.

    Raises:
        StudyChanged: The study exists with another configuration; names the keys that differ.
        TunerError: See `tuner.errors`.
        StorageError: See `storage.errors`.
    """
    watch(about_new(config.name, config.to_dict()))
    watch(Progressed(stage="reading the study file"))
    file = StudyFile(
        source=source,
        config=config.with_budget(budget or {}),
        budget=config.to_dict()["budget"],
        budget_given=bool(budget),
    )
    shared = Database.path_of(url) is None
    check_sampler(config, shared=shared, allowed=config.sampler.allow_pickle, source=source)
    check_trackers(config.report_to, source=source)
    hub.settle(config.sources(), lambda text: watch(Notice(text=text)))
    resolve(config, source=source, progress=watch)
    # The study file is on this machine, so its permissions hold here. Stored ones do not: see `tuner.study.trust`.
    overrides = MachineOverrides(
        folder=file.folder,
        allow_pickle=config.sampler.allow_pickle,
        trust_remote_code=config.trust_remote_code,
    )
    ran = not _exists(config.name, url) and _create_and_run(file, url, machine, watch)
    if not ran:
        with Database(url, create=True) as database:
            ran = run_existing(database, config.name, machine, watch, partial(merge, file), overrides, reopen=False)
    complete(config.name, url, machine, watch, overrides)
    return ran


def _create_and_run(file: StudyFile, url: str, machine: Machine, watch: Watcher) -> bool:
    """Create a study and run its trials.

    Returns False where another command has created it in the meantime, or has edited its search space since: then it is
    to be run as one that exists.

    The checkpoint store, the devices and the trials' preparation come before the database is created: an error in the
    study file leaves nothing behind.
    """
    config, source = file.config, file.source
    with ExitStack() as stack:
        with naming_checkpoints(source):
            store = checkpoint_store(config, Database.path_of(url))
        with removed_on_failure(store):
            with naming_checkpoints(source):
                store.check_writable()
            here = stack.enter_context(ready_workplace(config, machine, store, watch, source=source))
            local_study = set_up(
                config, here.fork_server, source=source, folders=module_folders(file.folder), progress=watch
            )
            database = stack.enter_context(Database(url, create=True))
        for warning in local_study.warnings:
            watch(Notice(text=f"warning: {warning}"))
        studies, facts = Studies(database), local_study.facts()
        warm = warm_start_facts(database, config, facts, source=source)
        for name in [each["study"] for each in warm.get("warm_start", ())]:
            watch(Notice(text=f"the best points of study {name} are among the first ones"))
        try:
            record = studies.create(
                config.name,
                direction=config.metric.direction,
                config=config.to_dict(),
                facts={
                    **facts,
                    **warm,
                    "file_budget": file.budget,
                    "folder": file.folder,
                    IDENTITY: uuid.uuid4().hex,
                },
                trials=config.budget.trials,
                first=local_study.first_point(),
                # Of a search over depths, each arm takes those of its own: see `tuner.search.thaw.arm_sampler`.
                queued=() if local_study.arms else clipped_points(local_study.space, warm),
            )
        except StudyExists:
            if studies.find(config.name) is None:  # an Optuna study that another program has created
                raise
            return False
        return supervise(here, database, record, local_study)


def _exists(name: str, url: str) -> bool:
    try:
        with Database(url) as database:
            return Studies(database).find(name) is not None
    except DatabaseMissing:
        return False
