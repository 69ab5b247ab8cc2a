"""The fitted head of a study: made by one machine, kept in the checkpoint store, and brought to all others."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from search_spaces import Hyperparameters
from storage import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointMissing,
    HeadRecord,
    PlanPart,
    Plans,
    Studies,
    StudyState,
    give_back,
    new_owner,
)
from storage.crash_points import reach
from tuner.errors import TunerError
from tuner.reporting.events import Notice
from tuner.service.renewal import renewed
from tuner.trial.run import HeadHome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from storage import CheckpointStore, Database, PlanLease, StudyRecord
    from tuner.study.local import LocalStudy
    from tuner.supervisor.workplace import Workplace

#: Seconds between two looks whether another machine has fitted the head.
LOOK_S = 1.0


def with_fitted_head(here: Workplace, database: Database, record: StudyRecord, local_study: LocalStudy) -> LocalStudy:
    """Return a study with its fitted head, if trials may begin with one. It is fitted here unless it is there.

    A study that was paused, stopped or deleted meanwhile is returned without one: its supervisor ends at once.

    Raises:
        CheckpointError: The store cannot be reached, or has lost a head that cannot be made again.
        ModelError: No head can be fitted.
    """
    if not local_study.has_fitted_heads:
        return local_study
    plans, owner, is_told = Plans(database, record.id, PlanPart.HEAD), new_owner(), False
    while True:
        found = HeadRecord.parse(plans.content())
        if found is not None and (head := _fetched(here.store, found)) is not None:
            return replace(local_study, head=head)
        now = Studies(database).find(record.name)
        if now is None or now.id != record.id or now.state != StudyState.OPEN:
            return local_study
        lease = plans.take(owner, here.timing.lease_s)
        if lease is not None:
            _fit(here, plans, lease, local_study)
            continue
        if not is_told:
            is_told = True
            here.watch(Notice(text="another machine fits the head; trials begin once it is there"))
        give_back()
        time.sleep(LOOK_S)


def _fetched(store: CheckpointStore, found: HeadRecord) -> HeadHome | None:
    """Return the head from the store; None where the store has lost it."""
    try:
        folder, _ = store.fetch(found.key, found.sha256)
    except (CheckpointMissing, CheckpointDamaged):
        return None
    return HeadHome(folder=folder, key=found.key)


def _fit(here: Workplace, plans: Plans, lease: PlanLease, local_study: LocalStudy) -> None:
    """Fit the head and publish it, unless another machine has the lease by then.

    Raises:
        CheckpointError: The store cannot be written, or had another head, which is lost.
        ModelError: No head can be fitted.
    """
    before, store, lease_s = HeadRecord.parse(lease.content), here.store, here.timing.lease_s
    if before is not None and _fetched(store, before) is not None:  # another machine was faster
        plans.commit(lease)
        return
    staged = store.stage_head()
    try:
        point = Hyperparameters.from_values(local_study.first_point())
        # The trials of a confirmation have other seeds; its head is fitted with that of the study, as the search's was.
        run = local_study.run(0, point, seed=local_study.config.seed)
        with renewed(plans, lease, lease_s):
            facts = here.fork_server.call(
                "tuner.training.calls:fit_head",
                {"run": run, "folder": staged, "shares": local_study.frozen_shares},
                here.lanes[0].device.environment(),
                progress=here.watch,
            )
            reach("fitted")
            key = store.head_key(staged)
            if before is not None and key != before.key:
                raise CheckpointError(
                    f"{store.url}/{before.key} is lost, and this machine computes another head in its place; bring the "
                    "files back, or start the study anew under another name"
                )
            if not plans.renew(lease, lease_s):  # what another machine has published is not touched
                return
            published = store.publish_head(staged, facts=facts)
    except (CheckpointError, TunerError):
        if not plans.renew(lease, lease_s):  # another machine has taken over, and may have tidied up
            return
        raise
    finally:
        store.release(staged)
    reach("published")
    found = HeadRecord(key=published.key, sha256=published.sha256, value=facts["value"])
    content = {**facts, **found.to_dict()}
    if plans.commit(lease, content=content, decided=_told(facts, local_study)) is not None:
        store.tidy_heads(published.key)


def _told(facts: Mapping[str, Any], local_study: LocalStudy) -> str:
    reached = f"loss {facts['loss']:.4g}"
    if facts["value"] is not None:
        reached = f"{local_study.config.metric.name} {facts['value']:.4g}"
    return (
        f"a head on frozen layers is fitted: {reached} by cross-validation on the training split, "
        f"at a learning rate of {facts['learning_rate']:g} for {facts['epochs']:g} epochs"
    )
