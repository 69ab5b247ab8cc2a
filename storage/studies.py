"""Creates, reads, lists, edits and deletes studies and their stored configuration."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from storage import tables
from storage.assignments import assigned
from storage.backends import writing_from_the_start
from storage.clock import now_s
from storage.errors import STARTED, DatabaseUnreadable, StudyBusy, StudyExists, StudyNotFound
from storage.records import StudyRecord
from storage.slot_reader import held_now
from storage.slots import Slots
from storage.states import EventKind, SlotState, StudyState

if TYPE_CHECKING:
    from storage.database import Database


class Studies:
    """The studies of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        *,
        direction: Literal["maximize", "minimize"],
        config: Mapping[str, Any],
        facts: Mapping[str, Any],
        trials: int | None,
        first: Mapping[str, Any],
        queued: Sequence[Mapping[str, Any]] = (),
        replaces: bool = False,
    ) -> StudyRecord:
        """Create a study in Optuna's tables and ours, with one slot for each trial of the budget.

        If a crash interrupts the creation, creating the study again under the same name completes it.

        Args:
            name: Name of the study.
            direction: `maximize` or `minimize`.
            config: The study file, with all defaults filled in.
            facts: Values determined once, which every later run must share, such as fingerprints.
            trials: The budget: number of trials; None where it has none, so that decisions make the slots.
            first: Hyperparameters of trial 0. Those left out are sampled.
            queued: Hyperparameters of the next trials, in order.
            replaces: Whether trials that wait already, as another creation that was killed may have left them, are
                removed unless they are these. Otherwise they are taken for the first ones.

        Raises:
            StudyExists: The name is taken.
        """
        import optuna

        storage = self._database.optuna_storage
        with self._database.creation_lock(), writing_from_the_start():
            if self._row(name) is not None:
                raise StudyExists(f"there is a study {name!r} already")
            study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
            begun = study.get_trials(deepcopy=False)
            if any(trial.state != optuna.trial.TrialState.WAITING for trial in begun):
                raise StudyExists(
                    f"the name {name!r} is taken by a study of Optuna's that was made without tuner; "
                    "choose another name, or remove it with `optuna delete-study`"
                )
            points = [dict(point) for point in (first, *queued)]
            waiting = [each.system_attrs.get("fixed_params") for each in begun]
            others = replaces and waiting != points[: len(begun)]
            if [each.name.lower() for each in study.directions] != [direction] or others:
                optuna.delete_study(study_name=name, storage=storage)
                study = optuna.create_study(storage=storage, study_name=name, direction=direction)
                begun = []
            if metric := config.get("metric", {}).get("name"):  # Optuna's pictures and tables show this name
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    study.set_metric_names([metric])
            for point in points[len(begun) :]:  # an earlier creation may have been killed between two of them
                study.enqueue_trial(point)
            with self._database.write() as connection:
                study_id = study._study_id
                # A machine that still worked on a deleted study of this number may have left a plan of it.
                connection.execute(tables.plans.delete().where(tables.plans.c.study_id == study_id))
                connection.execute(
                    tables.studies.insert().values(
                        study_id=study_id,
                        name=name,
                        config=dict(config),
                        facts=dict(facts),
                        state=StudyState.OPEN,
                        wall_s=0.0,
                        created=time.time(),
                    )
                )
                Slots(self._database, study_id).resize(trials, connection)
        return self.get(name)

    def get(self, name: str) -> StudyRecord:
        """Return a study.

        Raises:
            DatabaseUnreadable: The stored values are not valid.
            StudyNotFound: There is no study of that name; the message lists the existing names.
        """
        row = self._row(name)
        if row is None:
            known = ", ".join(self.names()) or f"none yet; {STARTED}"
            raise StudyNotFound(f"no study {name!r} in {self._database.url}; there is: {known}")
        return row

    def find(self, name: str) -> StudyRecord | None:
        """Return a study; None if there is none of that name.

        Raises:
            DatabaseUnreadable: The stored values are not valid.
        """
        return self._row(name)

    def names(self) -> list[str]:
        """Return the names of all studies, oldest first."""
        with self._database.read() as connection:
            query = sa.select(tables.studies.c.name).order_by(tables.studies.c.created, tables.studies.c.study_id)
            return list(connection.execute(query).scalars())

    def update(
        self, before: StudyRecord, config: Mapping[str, Any], facts: Mapping[str, Any], *, edited: str | None = None
    ) -> bool:
        """Replace the stored configuration and facts, and resize the slots to the configuration's budget.

        Args:
            before: The study as the caller read it.
            config: The new configuration, with all defaults filled in.
            facts: The new facts.
            edited: Description of a person's edit, for an event; None writes no event.

        Returns:
            Whether the study was still as in `before`. Otherwise nothing is written, and the caller reads it again.
        """
        columns, study_id = tables.studies.c, before.id
        with self._database.write() as connection:
            query = sa.select(columns.config, columns.facts).where(columns.study_id == study_id).with_for_update()
            now = connection.execute(query).first()
            if now is None or (now.config, now.facts) != (before.config, before.facts):
                return False
            connection.execute(
                tables.studies.update()
                .where(columns.study_id == study_id)
                .values(config=dict(config), facts=dict(facts))
            )
            trials = config["budget"]["trials"]
            # A search that has ended has removed slots, which an edit of anything else does not bring back.
            if trials != before.config["budget"]["trials"]:
                Slots(self._database, study_id).resize(trials, connection)
            if edited is not None:
                event = {"study_id": study_id, "moment": now_s(), "kind": EventKind.EDITED, "detail": edited}
                connection.execute(tables.events.insert().values(**event))
        return True

    def set_state(self, study_id: int, state: StudyState, *, reason: str | None = None) -> bool:
        """Open, pause or stop a study for all machines, and write an event if that changes the state.

        Args:
            study_id: Optuna's id of the study.
            state: The new state.
            reason: Why tuner itself changes the state, for the event; None if a person asked for it.

        Returns:
            Whether the state changed. A stopped study stays stopped.
        """
        kinds = {
            StudyState.OPEN: EventKind.RESUMED,
            StudyState.PAUSED: EventKind.PAUSED,
            StudyState.STOPPED: EventKind.STOPPED,
        }
        with self._database.write() as connection:
            query = (
                tables.studies.update()
                .where(
                    tables.studies.c.study_id == study_id, tables.studies.c.state.not_in((state, StudyState.STOPPED))
                )
                .values(state=state)
            )
            changed = connection.execute(query).rowcount == 1
            if changed:
                event = {"study_id": study_id, "moment": now_s(), "kind": kinds[state], "detail": reason}
                connection.execute(tables.events.insert().values(**event))
        return changed

    def count_wall_time(self, study_id: int, gap_s: float) -> float:
        """Add the time since any worker last called this to the study's wall time, and return the wall time.

        Args:
            study_id: Optuna's id of the study.
            gap_s: Longest gap in seconds to add. In a longer gap no worker can have held a trial, so it adds nothing.
        """
        columns = tables.studies.c
        with self._database.write() as connection:
            values = {"wall_s": _wall_s(gap_s), "wall_seen": now_s()}
            query = tables.studies.update().where(columns.study_id == study_id)
            connection.execute(query.ordered_values(*assigned(tables.studies, values)))
            counted = sa.select(columns.wall_s).where(columns.study_id == study_id)
            return float(connection.execute(counted).scalar_one())

    def end_wall_time(self, study_id: int, gap_s: float) -> None:
        """If no worker holds a trial any more, add the last gap to the wall time and stop counting.

        Counting starts again with the next call of `count_wall_time`.

        Args:
            study_id: Optuna's id of the study.
            gap_s: Longest gap in seconds to add, as in `count_wall_time`.
        """
        columns = tables.studies.c
        anything_held = sa.exists().where(tables.slots.c.study_id == study_id, held_now())
        counting = columns.wall_seen.is_not(None)
        with self._database.write() as connection:
            values = {"wall_s": _wall_s(gap_s), "wall_seen": sa.null()}
            query = tables.studies.update().where(columns.study_id == study_id, counting, ~anything_held)
            connection.execute(query.ordered_values(*assigned(tables.studies, values)))

    def delete(self, name: str) -> None:
        """Delete a study with its trials, slots, workers and events. Its checkpoints stay.

        Raises:
            StudyNotFound: There is no study of that name.
            StudyBusy: A worker holds a trial of the study.
        """
        import optuna

        record = self.get(name)
        Slots(self._database, record.id).expire_gone()
        slots = tables.slots.c
        free = sa.or_(slots.state != SlotState.RUNNING, slots.expires.is_(None), slots.expires < now_s())
        with self._database.write() as connection:
            # The slots first: a worker that claims one meanwhile either prevents the deletion or finds no slot.
            connection.execute(tables.slots.delete().where(slots.study_id == record.id, free))
            if connection.execute(sa.select(slots.slot).where(slots.study_id == record.id).limit(1)).first():
                raise StudyBusy(
                    f"study {name!r} is being run; `tuner status {name}` shows where, `tuner stop {name}` ends it"
                )
        # Our row of the study last: after a crash in between, the study still has a name and can be deleted again.
        with contextlib.suppress(KeyError):
            optuna.delete_study(study_name=name, storage=self._database.optuna_storage)
        with self._database.write() as connection:
            for table in (tables.workers, tables.events, tables.plans, tables.studies):
                connection.execute(table.delete().where(table.c.study_id == record.id))

    def _row(self, name: str) -> StudyRecord | None:
        columns = tables.studies.c
        try:
            with self._database.read() as connection:
                row = connection.execute(sa.select(tables.studies).where(columns.name == name)).first()
        except (RecursionError, ValueError) as error:  # the text is not JSON, or is nested too deeply
            raise self._unreadable(name) from error
        if row is None:
            return None
        if not (isinstance(row.config, Mapping) and isinstance(row.facts, Mapping)):
            raise self._unreadable(name)
        try:
            state = StudyState(row.state)
        except ValueError as error:
            raise self._unreadable(name) from error
        return StudyRecord(
            id=row.study_id, name=row.name, config=row.config, facts=row.facts, state=state, wall_s=row.wall_s
        )

    def _unreadable(self, name: str) -> DatabaseUnreadable:
        return DatabaseUnreadable(
            f"study {name!r} in {self._database.url}: the stored values are not ones that tuner writes; "
            "has another program written there?"
        )


def _wall_s(gap_s: float) -> sa.ColumnElement[float]:
    """Return an SQL expression: the wall time plus the time since it was last counted, if that is at most `gap_s`."""
    columns = tables.studies.c
    silence = now_s() - columns.wall_seen
    return columns.wall_s + sa.case((silence.between(0, gap_s), silence), else_=0.0)
