"""The attempts of a supervisor: what becomes of the trials on its lanes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from storage import Lease, LeaseLost, TrialOver
from tuner.attempt import Attempt, Leaving
from tuner.background import Background
from tuner.backoff import Backoff
from tuner.crash import Crash, Crashes
from tuner.endings import after_crash, is_over_time, of_all_attempts, over_time
from tuner.errors import TrainerDied, first_line
from tuner.events import Notice, TrialEnded, TrialStarted, Watcher
from tuner.headroom import Headroom
from tuner.hearing import Hearing
from tuner.heartbeat import Sign
from tuner.hub import OFFLINE
from tuner.job import BUILT_IN
from tuner.keeping import Keeping, Restored
from tuner.messages import Leave
from tuner.run import Evaluation, TrialResult
from tuner.saves import STORE_AGAIN_S, Saves
from tuner.trainers import WarmParent

if TYPE_CHECKING:
    from storage import SlotRecord
    from tuner.config import StudyConfig
    from tuner.devices import Lane
    from tuner.ledger import Ledger
    from tuner.news import News
    from tuner.setup import Setup
    from tuner.trainers import Trainer

#: Seconds after which trials are brought back again from a store that has failed to give one, at most: each try holds
#: a trial, and what it holds counts as a device's time.
RESTORE_AGAIN_S = 300.0


class Attempts:
    """The trials on the lanes of one supervisor. Only its main thread may call this, but for `sign`.

    Whatever is told about a trial sets down what is known of it; `drive` then does what comes next, unless a
    checkpoint is on its way. So it does not matter in which order a trainer, the store, a signal and another
    machine have their say.

    Args:
        setup: What trials train with.
        lanes: Where they train.
        warm: Starts trainers.
        ledger: The database.
        keeping: The store.
        news: Brings what other threads have done to the main one.
        watch: Is told what happens.
    """

    def __init__(
        self,
        setup: Setup,
        lanes: tuple[Lane, ...],
        warm: WarmParent,
        ledger: Ledger,
        keeping: Keeping,
        news: News,
        watch: Watcher,
    ) -> None:
        self._setup = setup
        self._config = setup.config
        self._lanes = lanes
        self._warm = warm
        self._ledger = ledger
        self._keeping = keeping
        self._news = news
        self._watch = watch
        self._background = Background(news)
        self._saves = Saves(
            keeping, self._background, notice=self.notice, warn=ledger.warn, drop=self._drop, fail=self._unrestored
        )
        self._headroom = Headroom(setup, ledger)
        self._by_lane: dict[int, Attempt] = {}
        #: Everything that is held, also before there is an attempt; replaced as a whole, for other threads to read.
        self._leases: frozenset[Lease] = frozenset()
        self._crashes = Crashes()
        self._hearing = Hearing(
            setup.config,
            ledger=ledger,
            headroom=self._headroom,
            saves=self._saves,
            crashes=self._crashes,
            watch=watch,
            notice=self.notice,
        )
        #: When trials may be claimed again, after the store has kept one back.
        self._restores = Backoff(STORE_AGAIN_S, RESTORE_AGAIN_S)
        #: Whether a lane has become free since the last claim.
        self.freed = True
        #: Called when what `sign` returns has changed.
        self.changed: Callable[[], None] = lambda: None

    @property
    def any(self) -> bool:
        """Whether a trial is on a lane."""
        return bool(self._by_lane)

    @property
    def held(self) -> bool:
        """Whether a trial is held."""
        return bool(self._leases)

    def connections(self) -> list[Connection]:
        """Return the pipes to listen to."""
        return [a.connection for a in self._by_lane.values() if a.connection is not None]

    def sign(self) -> Sign:
        """Return what there is to hold and to show. Safe from any thread."""
        by_lane = dict(self._by_lane)
        lanes = {
            lane.index: (lane.device.label, by_lane[lane.index].number if lane.index in by_lane else None)
            for lane in self._lanes
        }
        return Sign(leases=self._leases, lanes=lanes)

    def fill_lanes(self) -> None:
        """Claim a trial for every lane that is free, as far as there are any."""
        self.freed = False
        for lane in self._lanes:
            while lane.index not in self._by_lane and self._restores.is_over(time.monotonic()):
                claimed = self._ledger.claim(self._leases)
                if claimed is None:
                    return
                lease, slot = claimed
                self._leases |= {lease}
                try:
                    self._begin(lane, lease, slot)
                except LeaseLost:
                    self._forget(lease)
                except BaseException as error:
                    reason = f"its supervisor failed: {first_line(error)}"
                    with contextlib.suppress(Exception):  # what failed is more telling
                        self._ledger.release(lease, state="interrupted", reason=reason)
                    self._forget(lease)
                    raise

    def _begin(self, lane: Lane, lease: Lease, slot: SlotRecord) -> None:
        """Put a slot's trial on a lane, or finish the slot where there is nothing left to train."""
        begun = self._ledger.begin(lease)
        if begun is None:
            self._ledger.finish(lease)
            self._forget(lease)
            return
        attempt = Attempt(
            lane=lane,
            lease=lease,
            slot=slot,
            begun=begun,
            checkpoints=slot.checkpoints,
            curve={step: dict(entry) for step, entry in begun.curve.items()},
        )
        self._by_lane[lane.index] = attempt
        if begun.complaint is not None:
            attempt.result = TrialResult(state="failed", reason=begun.complaint)
        elif slot.crashes > self._config.max_restarts:
            reason = f"crashed {slot.crashes} times: {slot.reason or 'unknown'}"
            attempt.result = TrialResult(state="failed", reason=reason)
        elif is_over_time(attempt, self._config):
            attempt.result = over_time(attempt, self._config)
        elif slot.trial_id is None:
            self._start(attempt, Restored(folder=None, checkpoints=slot.checkpoints, step=0))
        else:
            self._saves.start(
                attempt, lambda: self._keeping.restore(lease, attempt.number, slot.checkpoints), self._restored
            )
        self.changed()

    def _restored(self, attempt: Attempt, restored: Restored) -> None:
        self._restores.worked()
        self._start(attempt, restored)

    def _start(self, attempt: Attempt, restored: Restored) -> None:
        """Start the trainer of a trial, from a checkpoint or from the beginning."""
        attempt.checkpoints, attempt.restored = restored.checkpoints, restored.folder
        if attempt.result is not None:  # its time ran out meanwhile
            return
        attempt.restored_step = restored.step
        attempt.saved = time.monotonic()
        begun, lane = attempt.begun, attempt.lane
        assert begun.hyperparameters is not None
        # A function of the study's own may record nothing before it trains.
        attempt.trains = self._config.train is not None
        try:
            attempt.trainer = self._trainer(attempt, restored.step)
        except TrainerDied as error:
            self._watch(Notice(text=str(error)))
            attempt.crash = Crash(reason=str(error))
            return
        self._watch(
            TrialStarted(
                number=attempt.number,
                lane=lane.index,
                device=lane.device.label,
                hyperparameters=begun.hyperparameters.to_dict(),
                again=attempt.slot.trial_id is not None,
                steps=restored.step or None,
            )
        )

    def _trainer(self, attempt: Attempt, step: int) -> Trainer:
        """Start a trainer that goes on after so many steps."""
        begun, lane = attempt.begun, attempt.lane
        assert begun.hyperparameters is not None
        run = self._setup.run(
            attempt.number,
            begun.hyperparameters,
            restored=attempt.restored,
            # What was reported after them is evaluated again, and may differ on a machine that computes otherwise.
            earlier=tuple(
                Evaluation.from_dict(entry)
                for _, entry in sorted(attempt.curve.items())
                if entry["optimiser_steps"] <= step
            ),
            **self._headroom.start(attempt),
        )
        arguments = {"run": run, "function": self._config.train or BUILT_IN, "folders": self._setup.folders}
        # What the built-in tasks need of the hub was brought when the study was set up: no trial waits for a network.
        alone = OFFLINE if self._config.train is None else {}
        return self._warm.start("tuner.job:train_job", arguments, {**lane.device.environment(), **alone})

    def attend(self, connection: Connection) -> None:
        """Take what a trainer has to say."""
        attempt = next((a for a in self._by_lane.values() if a.connection is connection), None)
        if attempt is None:  # ended by an earlier message of this round
            return
        with self._dropping(attempt):
            self._hearing.take(attempt, connection)

    # ---- what becomes of a trial

    def drive(self, leaving: Leaving | None = None) -> None:
        """Do what comes next for every trial.

        Args:
            leaving: Why all of them are to leave, if they are.
        """
        for attempt in list(self._by_lane.values()):
            if leaving is not None and attempt.leaving is None and attempt.result is None:
                attempt.leaving = leaving
            with self._dropping(attempt):
                self._drive(attempt)

    def abandon(self, leaving: Leaving) -> None:
        """Leave what still runs where its last checkpoint is."""
        for attempt in list(self._by_lane.values()):
            if attempt.trainer is not None:
                attempt.trainer.kill()
            del self._by_lane[attempt.lane.index]
            attempt.is_off = True
            if attempt.lease not in self._leases:
                continue
            if leaving.state == "failed":
                with contextlib.suppress(LeaseLost):
                    result = TrialResult(state="failed", reason=leaving.reason)
                    self._ledger.tell(attempt.lease, attempt.begun, result, attempt.curve)
            else:
                self._ledger.release(attempt.lease, state=leaving.state, reason=leaving.reason)
        self._leases = frozenset()

    def edit(self, config: StudyConfig) -> None:
        """Go on with a configuration that has changed where it may."""
        self._config = config

    def tidy_up(self) -> None:
        """Remove what trials that are over have left in the store, in a thread."""
        self._saves.quietly(self._keeping.keep_best)

    def close(self, seconds: float) -> None:
        """Wait so long for what is still with the store."""
        self._background.wait(seconds)

    def _drive(self, attempt: Attempt) -> None:
        """Do what comes next for a trial, unless something is on its way that has to arrive first."""
        if attempt.result is None and is_over_time(attempt, self._config):
            self._cut(attempt)
        given_up = attempt.leaving is not None and attempt.leaving.state == "failed" and attempt.result is None
        if attempt.crash is not None or given_up:
            self._saves.withdraw(attempt)
        elif attempt.leaving is not None and attempt.staged is not None and not attempt.warned:
            attempt.warned = True  # the word to save may have been said to training that never asks
            attempt.say(Leave())
        if attempt.is_busy:
            return
        if attempt.crash is not None:
            self._drive_after_crash(attempt, attempt.crash)
        elif attempt.result is not None:
            self._drive_to_end(attempt, attempt.result)
        elif attempt.half_saved and not given_up:
            attempt.half_saved = False
            self._saves.ask(attempt, leave=attempt.told_to_leave)
        elif attempt.leaving is not None:
            self._drive_away(attempt, attempt.leaving)
        elif attempt.wants_save(self._config.checkpoint_every, least_s=self._saves.least_s):
            self._saves.ask(attempt)

    def _drive_after_crash(self, attempt: Attempt, crash: Crash) -> None:
        """Give a trial back to go on from its last checkpoint, or end it where it would only crash again."""
        if attempt.told_to_leave:
            self._give_back(attempt, crash.reason, crashed=False)
            return
        if crash.memory is not None and (told := self._headroom.halve(attempt, crash)):
            self.notice(told)
            self._give_back(attempt, crash.reason, crashed=False)
            return
        result = after_crash(attempt, crash, self._config, can_train=self._crashes.can_train)
        if result is None:
            self._give_back(attempt, crash.reason, crashed=True)
            return
        attempt.crash = None
        self._end(attempt, result)
        self._crashed(crash.reason)

    def _drive_to_end(self, attempt: Attempt, result: TrialResult) -> None:
        if result.state == "left":
            leaving = attempt.leaving
            assert leaving is not None
            self._leave(attempt, leaving)
        elif result.state == "complete" and (attempt.unsaved or attempt.refused is not None):
            # Not before its best weights are safe is a trial told: from then on nobody would train them again.
            if time.monotonic() < attempt.patient_until:
                return
            if attempt.unsaved:
                self._saves.ask(attempt)
            else:
                self._saves.keep_refused(attempt)
        else:
            self._end(attempt, result)

    def _drive_away(self, attempt: Attempt, leaving: Leaving) -> None:
        """Have a trial leave: saved where it is, if it has got anywhere."""
        if leaving.state == "failed":
            self._end(attempt, TrialResult(state="failed", reason=leaving.reason))
        elif attempt.trainer is None or not attempt.trains or attempt.told_to_leave:
            self._leave(attempt, leaving)
        else:
            attempt.told_to_leave = True
            self._saves.ask(attempt, leave=True)

    def _end(self, attempt: Attempt, result: TrialResult) -> None:
        """Tell a trial's end."""
        result = of_all_attempts(attempt, result, self._config.metric.direction)
        if attempt.trainer is not None:
            attempt.trainer.kill()
            attempt.trainer = None
        self._ledger.tell(attempt.lease, attempt.begun, result, attempt.curve)
        self._forget(attempt.lease)
        number, checkpoints, complete = attempt.number, attempt.checkpoints, result.state == "complete"

        def tidy() -> None:
            self._keeping.end(number, checkpoints, complete=complete)

        # The lane is free once the store is: until then what it has stored counts as a running trial's.
        self._saves.start(attempt, tidy, lambda attempt, _: self._free(attempt))
        attempt.leaving, attempt.result, attempt.told_to_leave = None, None, False
        self._watch(
            TrialEnded(
                number=number,
                state=result.state,
                value=result.value,
                reason=result.reason,
                seconds=attempt.seconds,
                finished=self._ledger.finished(),
            )
        )

    def _give_back(self, attempt: Attempt, reason: str, *, crashed: bool) -> None:
        self._leave(attempt, Leaving(state="interrupted", reason=reason), crashed=crashed)
        if crashed:
            self._crashed(reason)

    def _crashed(self, reason: str) -> None:
        self._crashes.count(reason, max_restarts=self._config.max_restarts)
        self._warm.restart()

    def _cut(self, attempt: Attempt) -> None:
        """End a trial that has had its time, whatever its trainer does: it may hang within a step."""
        if attempt.trainer is not None:
            attempt.trainer.kill()
            attempt.trainer = None
        self._saves.withdraw(attempt)
        attempt.crash, attempt.half_saved = None, False
        if attempt.pruned_by is not None:  # it was to end, and has not heard it
            attempt.result = TrialResult(state="pruned")
        else:
            attempt.result = over_time(attempt, self._config)

    def _leave(self, attempt: Attempt, leaving: Leaving, *, crashed: bool = False) -> None:
        """Give a trial back, to go on from its last checkpoint."""
        if attempt.trainer is not None:
            attempt.trainer.kill()
        self._ledger.release(attempt.lease, state=leaving.state, reason=leaving.reason, crashed=crashed)
        self._free(attempt)
        self._watch(
            TrialEnded(
                number=attempt.number,
                state=leaving.state,
                value=None,
                reason=leaving.reason,
                seconds=attempt.seconds,
                finished=self._ledger.finished(),
            )
        )

    def _free(self, attempt: Attempt) -> None:
        """Free the lane of a trial that is not held any more."""
        if self._by_lane.get(attempt.lane.index) is attempt:
            del self._by_lane[attempt.lane.index]
            self.freed = True
        attempt.is_off = True
        self._forget(attempt.lease)
        refused = attempt.refused.folder.parent if attempt.refused else None
        self._saves.give_back(*(folder for folder in (attempt.restored, attempt.staged, refused) if folder is not None))
        self.changed()

    def _forget(self, lease: Lease) -> None:
        self._leases -= {lease}

    def lost(self, leases: frozenset[Lease]) -> None:
        """Let go of trials that other workers have taken over."""
        for attempt in list(self._by_lane.values()):
            if attempt.lease in leases & self._leases:
                self._drop(attempt)

    def _drop(self, attempt: Attempt, why: str = "another worker has taken it over") -> None:
        """Let go of a trial that is somebody else's, and touch nothing of it."""
        if attempt.trainer is not None:
            attempt.trainer.kill()
        self._free(attempt)
        self.notice(f"trial {attempt.number}: {why}, it is dropped here")

    @contextmanager
    def _dropping(self, attempt: Attempt) -> Iterator[None]:
        try:
            yield
        except TrialOver:
            self._drop(attempt, "another program has ended it")
        except LeaseLost:
            self._drop(attempt)

    def _unrestored(self, attempt: Attempt, error: BaseException) -> None:
        """Give up a trial for which the store has failed before its training, or after its end."""
        if attempt.lease not in self._leases:  # it is over: what it left is tidied away some other time
            self._free(attempt)
            return
        # It cannot be brought back here and now: perhaps elsewhere, or later.
        self._restores.failed(time.monotonic())
        self._leave(attempt, Leaving(state="interrupted", reason=first_line(error)))

    def notice(self, text: str) -> None:
        """Say in a line what a person should know. Safe from any thread."""
        self._news.post(lambda: self._watch(Notice(text=text)))
