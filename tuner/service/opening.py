"""Opening the test split of a study, once: it tells whether the winner is better than the published recipe."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from storage import (
    EventKind,
    History,
    PlanPart,
    Plans,
    Studies,
    give_back,
    new_owner,
)
from storage.crash_points import reach
from tuner.errors import ConfigError, SplitLocked
from tuner.reporting.events import Notice
from tuner.service.candidates import compared_trials, fetched
from tuner.service.over import is_over
from tuner.service.renewal import renewed
from tuner.service.run import ready_workplace
from tuner.service.stored import set_up_stored
from tuner.study.chosen import needed_chosen
from tuner.study.locations import checkpoint_store, naming_checkpoints
from tuner.study.parents import check_is_no_child
from tuner.study.study_file import stored_config
from tuner.study.verdict import Opening, Verdict
from tuner.supervisor.note_keeper import write_study_note

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from storage import Database, PlanLease, StudyRecord
    from tuner.reporting.events import Watcher
    from tuner.service.run import Machine
    from tuner.study.config import StudyConfig
    from tuner.study.local import LocalStudy
    from tuner.study.overrides import MachineOverrides
    from tuner.supervisor.workplace import Workplace

#: Seconds between two looks whether another machine has read the test split.
LOOK_S = 1.0


def open_test(
    database: Database,
    study: StudyRecord,
    machine: Machine,
    watch: Watcher,
    *,
    overrides: MachineOverrides,
    now: bool = False,
) -> Verdict:
    """Open the test split of a study, or return the verdict of the opening before.

    Args:
        database: The database that holds the study.
        study: The study.
        machine: Where the models read the test split.
        watch: Receives every event.
        overrides: How this machine differs from the one on which the study was created.
        now: Whether it is opened though the study is not over.

    Raises:
        ConfigError: The study has no test split, or trains with a function of its own.
        SplitLocked: The study is not over.
        NoBestTrial: No trial is complete.
        CheckpointMissing: The store does not have the winner's weights.
        TunerError: See `tuner.errors`.
    """
    source = f"study {study.name!r} in {database.url}"
    config = stored_config(study, database)
    check_is_no_child(study.facts, source=source)
    _check_has_test(study.facts.get("sizes"), config, source=source)
    content = Plans(database, study.id, PlanPart.TEST).content()
    if (known := Verdict.parse(content)) is not None:
        watch(Notice(text="the test split was opened before; nothing is read again"))
        write_study_note(database, study.name)  # a search that went on, or a crash, may have left another one
        return known
    if Opening.parse(content) is None and not now:
        _check_over(database, study, config)
    with ExitStack() as stack:
        with naming_checkpoints(source):
            store = checkpoint_store(config, database.path)
        here = stack.enter_context(ready_workplace(config, machine, store, watch, source=source))
        local_study = set_up_stored(study, config, database, here.fork_server, overrides, progress=watch)
        assert local_study.prepared is not None
        _check_has_test(local_study.prepared.sizes, config, source=source)
        return _read_in_turn(here, database, study, local_study, now=now)


def _check_has_test(sizes: Mapping[str, int] | None, config: StudyConfig, *, source: str) -> None:
    """Check that a study has a test split, as far as its sizes are known."""
    if config.train is not None:
        raise ConfigError(source, "train", "a study with a training function of its own has no test split of tuner's")
    if sizes is not None and not sizes.get("test"):
        raise ConfigError(
            source,
            "data.splits.test",
            "is missing, so there are no rows that can tell whether the best trial is better than trial 0; a new study "
            "can keep some, as in `splits: {train: 0.8, validation: 0.1, test: 0.1}`",
        )


def _check_over(database: Database, study: StudyRecord, config: StudyConfig) -> None:
    if not is_over(database, study, config):
        raise SplitLocked(
            f"study {study.name!r} is not over, and its test split can be opened once; "
            f"`tuner resume {study.name}` goes on, `tuner test {study.name} --now` opens it all the same"
        )


def _read_in_turn(
    here: Workplace, database: Database, study: StudyRecord, local_study: LocalStudy, *, now: bool
) -> Verdict:
    """Have the winner and trial 0 read the test split here, unless another machine does or has done so.

    Raises:
        SplitLocked: The study is not over.
        NoBestTrial: No trial is complete.
        CheckpointMissing: The store does not have the winner's weights.
        StudyNotFound: The study was deleted meanwhile.
    """
    plans, owner, is_told = Plans(database, study.id, PlanPart.TEST), new_owner(), False
    while True:
        known = Verdict.parse(plans.content())
        if known is not None:
            return known
        record = Studies(database).get(study.name)
        lease = plans.take(owner, here.timing.lease_s)
        if lease is not None:
            try:
                with renewed(plans, lease, here.timing.lease_s):
                    _read(here, plans, lease, database, record, local_study, now=now)
            finally:
                plans.commit(lease)  # where it failed, the next one need not wait for the lease to expire
            continue
        if not is_told:
            is_told = True
            here.watch(Notice(text="another machine reads the test split; its verdict is waited for"))
        give_back()
        time.sleep(LOOK_S)


def _read(
    here: Workplace,
    plans: Plans,
    lease: PlanLease,
    database: Database,
    study: StudyRecord,
    local_study: LocalStudy,
    *,
    now: bool,
) -> None:
    """Open the test split, unless it is open, and write the verdict, unless another machine has the lease by then."""
    if Verdict.parse(lease.content) is not None:  # another machine was faster
        return
    reach("opening")
    history, opening = History(database, study), Opening.parse(lease.content)
    known = opening
    if opening is None:
        if not now:
            _check_over(database, study, local_study.config)
        chosen = needed_chosen(database, study)
        opening = Opening(winner=chosen.number, trials=compared_trials(history, here.store, chosen.number))
    # The weights are here before the test split is opened for them: another trial may take their place in the store.
    with fetched(history, here.store, local_study, opening.trials) as candidates:
        if known is None:
            word = "trial" if len(opening.trials) == 1 else "trials"
            told = f"the test split is opened for {word} {', '.join(map(str, opening.trials))}"
            if not plans.write(lease, opening.to_content(), decided=told, kind=EventKind.JUDGED):
                return
            reach("opened")
        found: dict[str, Any] = here.fork_server.call(
            "tuner.training.calls:judge",
            {"candidates": candidates, "split": "test"},
            here.lanes[0].device.environment(),
            progress=here.watch,
        )
    reach("tested")
    metric = local_study.config.metric
    verdict = Verdict.of(opening, found, metric=metric.name, direction=metric.direction)
    content = {**opening.to_content(), **verdict.to_content(found)}
    told = verdict.sentences(best=verdict.trial)[0]
    if plans.commit(lease, content=content, decided=told, kind=EventKind.JUDGED) is not None:
        write_study_note(database, study.name)
