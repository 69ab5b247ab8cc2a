"""Preparing this machine for the trials of a study that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.service.run import module_folders
from tuner.study.setup import set_up
from tuner.study.trust import check_remote_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage import Database, StudyRecord
    from tuner.processes.messages import Progressed
    from tuner.processes.trainers import ForkServer
    from tuner.study.config import StudyConfig
    from tuner.study.local import LocalStudy
    from tuner.study.overrides import MachineOverrides


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
