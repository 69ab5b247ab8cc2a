"""The study as other machines and people change it: paused, stopped, edited, or its budget spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import Events, History, Slots, Studies, StudyState, TrialState
from tuner.reporting.events import Began, Edited, TrialEnded
from tuner.reporting.standings import StandingsReader, about
from tuner.reporting.text import counted
from tuner.study.budget import overdrawn
from tuner.study.search_over import is_searched_by_plan
from tuner.study.space_versions import is_searched_otherwise
from tuner.study.study_file import parse_stored
from tuner.supervisor.stop_request import StopKind, StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage import Database, StudyRecord
    from tuner.machine.devices import Lane
    from tuner.reporting.events import About, Event, Standings
    from tuner.study.config import StudyConfig
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.retrying import OutageRetrying


class StudyWatch:
    """Looks at a study in the database. Only the main thread may call it.

    Args:
        database: Where the study is.
        record: The study as it was read last.
        live: Its configuration, which an edit replaces.
        retrying: Repeats reads through outages.
        lease_s: Seconds for which a worker without a sign of life counts as one that holds a trial.
    """

    def __init__(
        self, database: Database, record: StudyRecord, live: LiveConfig, retrying: OutageRetrying, *, lease_s: float
    ) -> None:
        self._database = database
        self._record = record
        self._live = live
        self._retrying = retrying
        self._lease_s = lease_s
        self._slots = Slots(database, record.id)
        self._studies = Studies(database)
        self._events = Events(database, record.id)
        self._history = History(database, record)
        #: The stored configuration as it was read last.
        self._stored = record.config
        #: Whether a trial has failed since the last look at how many failed in a row.
        self._has_failed = False
        self._standings = StandingsReader(database, record)

    def about(self) -> About:
        """Return what the study is."""
        return self._retrying(about, self._database, self._record)

    def standings(self) -> Standings | None:
        """Return how the trials stand, some seconds after one ended here or the last look; None between."""
        return self._retrying(self._standings.read) if self._standings.is_due else None

    def began(self, lanes: Sequence[Lane]) -> Began:
        """Return the event of a run's beginning.

        Args:
            lanes: Where trials run, one on each.
        """
        metric, totals = self._live.current.metric, self._retrying(self._slots.totals)
        return Began(
            study=self._record.name,
            direction=metric.direction,
            metric=metric.name,
            trials=self._trials(totals.slots),
            finished=totals.finished,
            lanes=len(lanes),
            best=next(iter(self._retrying(self._history.top, 1)), None),
            devices=tuple(lane.device for lane in lanes),
        )

    def _trials(self, slots: int) -> int | None:
        """Return how many trials the study is to have; None where their number has no bound."""
        most = self._live.current.budget.trials
        # A search over depths that has ended has removed the slots in which no trial began; here it goes on.
        return most and (max(most, slots) if is_searched_by_plan(self._record.facts) else slots)

    def unfinished(self) -> int:
        """Return how many slots are not finished."""
        return self._retrying(self._slots.unfinished)

    def stop_request(self, *, holds: bool, edited: Callable[[Edited, StudyConfig], None]) -> StopRequest | None:
        """Take over edits, and return why the run is to end, if it is.

        Args:
            holds: Whether this supervisor holds a trial, so that wall time is counted.
            edited: Told of an edit, once `live` has it, and of the configuration before it.
        """
        record = self._retrying(self._studies.find, self._record.name)
        if record is None or record.id != self._record.id:
            return StopRequest(kind=StopKind.FAILED, reason="the study was deleted")
        if record.state == StudyState.STOPPED:
            return StopRequest(kind=StopKind.FAILED, reason="the study was stopped")
        if record.state == StudyState.PAUSED:
            return StopRequest(kind=StopKind.PAUSED, reason=f"paused; `tuner resume {record.name}` goes on")
        if is_searched_otherwise(record, self._record):
            return StopRequest(kind=StopKind.INTERRUPTED, reason="the search space was edited")
        self._take_edits(record, edited)
        if spent := self._spent(record, holds=holds):
            return StopRequest(kind=StopKind.PAUSED, reason=spent)
        return None

    def _take_edits(self, record: StudyRecord, edited: Callable[[Edited, StudyConfig], None]) -> None:
        if record.config == self._stored:
            return
        self._stored, before = record.config, self._live.current
        config = before.edited(parse_stored(record.config, source=f"study {record.name!r}"))
        if config == before:
            return
        self._live.edit(config)
        trials = self._trials(self._retrying(self._slots.totals).slots)
        told = counted(trials, "trial") if trials is not None else f"{config.budget.runs:g} full runs"
        edited(Edited(text=f"the study was edited; its budget is {told}", trials=trials), before)

    def _spent(self, record: StudyRecord, *, holds: bool) -> str | None:
        """Return which part of the budget is spent; None while there is something left."""
        budget, wall_s, device_s = record.config["budget"], record.wall_s, 0.0
        if holds:
            wall_s = self._retrying(self._studies.count_wall_time, record.id, self._lease_s)
        if budget.get("device_hours") is not None:
            device_s = self._retrying(self._slots.device_seconds)
        return overdrawn(record.name, budget, wall_s=wall_s, device_s=device_s)

    def take(self, event: Event) -> None:
        """Note an event of this run."""
        if isinstance(event, TrialEnded):
            self._standings.note_turn()
        if isinstance(event, TrialEnded) and event.state == TrialState.FAILED:
            self._has_failed = True

    def pause_after_failures(self, is_over: Callable[[], bool]) -> str | None:
        """Pause the study where its last `max_failed` trials have all failed; return why, or None.

        Then something else than a bad point is wrong, and every further trial would fail as well.

        Args:
            is_over: Returns whether no trial is to begin beside those that have slots.
        """
        most = self._live.current.max_failed
        if not self._has_failed or most is None:
            return None
        self._has_failed = False
        last = self._retrying(self._events.failed_in_a_row, most)
        if last is None or (self.unfinished() == 0 and is_over()):
            return None
        reason = f"the last {most} trials failed, the last because of this: {last}"
        self._retrying(self._studies.set_state, self._record.id, StudyState.PAUSED, reason=reason)
        return reason
