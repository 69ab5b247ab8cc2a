"""The attempts of a supervisor: what becomes of the trials on its lanes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from storage import Lease, LeaseLost, TrialOver
from tuner.errors import TrainerDied, first_line
from tuner.processes.calls import BUILT_IN
from tuner.processes.messages import Leave
from tuner.processes.trainers import ForkServer
from tuner.reporting.events import Notice, TrialEnded, TrialStarted, Watcher
from tuner.study.hub import OFFLINE
from tuner.supervisor.attempt import Attempt, StopRequest
from tuner.supervisor.background import Background
from tuner.supervisor.backoff import Backoff
from tuner.supervisor.checkpointing import STORE_AGAIN_S, Checkpointing
from tuner.supervisor.crash import Crash, Crashes
from tuner.supervisor.heartbeat import Presence
from tuner.supervisor.micro_batches import MicroBatches
from tuner.supervisor.outcomes import after_crash, is_over_time, of_all_attempts, over_time
from tuner.supervisor.receiver import Receiver
from tuner.supervisor.transfers import Restored, Transfers
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult

if TYPE_CHECKING:
    from storage import SlotRecord
    from tuner.machine.devices import Lane
    from tuner.processes.trainers import Trainer
    from tuner.study.config import StudyConfig
    from tuner.study.local import LocalStudy
    from tuner.supervisor.call_queue import CallQueue
    from tuner.supervisor.ledger import Ledger

#: Seconds after which trials are brought back again from a store that has failed to give one, at most: each try holds
#: a trial, and what it holds counts as a device's time.
RESTORE_AGAIN_S = 300.0


class TrialLifecycle:
    """The trials on the lanes of one supervisor. Only its main thread may call this, but for `sign`.

    Whatever is told about a trial sets down what is known of it; `drive` then does what comes next, unless a
    checkpoint is on its way. So it does not matter in which order a trainer, the store, a signal and another
    machine have their say.

    Args:
        setup: What trials train with.
        lanes: Where they train.
        fork_server: Starts trainers.
        ledger: The database.
        keeping: The store.
        news: Brings what other threads have done to the main one.
        watch: Is told what happens.
    """

    def __init__(
        self,
        local_study: LocalStudy,
        lanes: tuple[Lane, ...],
        fork_server: ForkServer,
        ledger: Ledger,
        transfers: Transfers,
        call_queue: CallQueue,
        watch: Watcher,
    ) -> None:
        self._local_study = local_study
        self._config = local_study.config
        self._lanes = lanes
        self._fork_server = fork_server
        self._ledger = ledger
        self._transfers = transfers
        self._call_queue = call_queue
        self._watch = watch
        self._background = Background(call_queue)
        self._checkpointing = Checkpointing(
            transfers, self._background, notice=self.notice, warn=ledger.warn, drop=self._drop, fail=self._unrestored
        )
        self._micro_batches = MicroBatches(local_study, ledger)
        self._by_lane: dict[int, Attempt] = {}
        #: Everything that is held, also before there is an attempt; replaced as a whole, for other threads to read.
        self._leases: frozenset[Lease] = frozenset()
        self._crashes = Crashes()
        self._receiver = Receiver(
            local_study.config,
            ledger=ledger,
            micro_batches=self._micro_batches,
            checkpointing=self._checkpointing,
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

    def presence(self) -> Presence:
        """Return what there is to hold and to show. Safe from any thread."""
        by_lane = dict(self._by_lane)
        lanes = {
            lane.index: (lane.device.label, by_lane[lane.index].number if lane.index in by_lane else None)
            for lane in self._lanes
        }
        return Presence(leases=self._leases, lanes=lanes)

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
        open_trial = self._ledger.begin(lease)
        if open_trial is None:
            self._ledger.finish(lease)
            self._forget(lease)
            return
        attempt = Attempt(
            lane=lane,
            lease=lease,
            slot=slot,
            open_trial=open_trial,
            checkpoints=slot.checkpoints,
            curve={step: dict(entry) for step, entry in open_trial.curve.items()},
        )
        self._by_lane[lane.index] = attempt
        if open_trial.complaint is not None:
            attempt.result = TrialResult(state="failed", reason=open_trial.complaint)
        elif slot.crashes > self._config.max_restarts:
            reason = f"crashed {slot.crashes} times: {slot.reason or 'unknown'}"
            attempt.result = TrialResult(state="failed", reason=reason)
        elif is_over_time(attempt, self._config):
            attempt.result = over_time(attempt, self._config)
        elif slot.trial_id is None:
            self._start(attempt, Restored(folder=None, checkpoints=slot.checkpoints, step=0))
        else:
            self._checkpointing.start(
                attempt, lambda: self._transfers.restore(lease, attempt.number, slot.checkpoints), self._restored
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
        open_trial, lane = attempt.open_trial, attempt.lane
        assert open_trial.hyperparameters is not None
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
                hyperparameters=open_trial.hyperparameters.to_dict(),
                again=attempt.slot.trial_id is not None,
                steps=restored.step or None,
            )
        )

    def _trainer(self, attempt: Attempt, step: int) -> Trainer:
        """Start a trainer that goes on after so many steps."""
        open_trial, lane = attempt.open_trial, attempt.lane
        assert open_trial.hyperparameters is not None
        run = self._local_study.run(
            attempt.number,
            open_trial.hyperparameters,
            restored=attempt.restored,
            # What was reported after them is evaluated again, and may differ on a machine that computes otherwise.
            earlier=tuple(
                Evaluation.from_dict(entry)
                for _, entry in sorted(attempt.curve.items())
                if entry["optimiser_steps"] <= step
            ),
            **self._micro_batches.start(attempt),
        )
        arguments = {"run": run, "function": self._config.train or BUILT_IN, "folders": self._local_study.folders}
        # What the built-in tasks need of the hub was brought when the study was set up: no trial waits for a network.
        alone = OFFLINE if self._config.train is None else {}
        return self._fork_server.start(
            "tuner.processes.calls:train_trial", arguments, {**lane.device.environment(), **alone}
        )

    def attend(self, connection: Connection) -> None:
        """Take what a trainer has to say."""
        attempt = next((a for a in self._by_lane.values() if a.connection is connection), None)
        if attempt is None:  # ended by an earlier message of this round
            return
        with self._dropping(attempt):
            self._receiver.take(attempt, connection)

    # ---- what becomes of a trial

    def drive(self, stop_request: StopRequest | None = None) -> None:
        """Do what comes next for every trial.

        Args:
            stop_request: Why all of them are to leave, if they are.
        """
        for attempt in list(self._by_lane.values()):
            if stop_request is not None and attempt.stop_request is None and attempt.result is None:
                attempt.stop_request = stop_request
            with self._dropping(attempt):
                self._drive(attempt)

    def abandon(self, stop_request: StopRequest) -> None:
        """Leave what still runs where its last checkpoint is."""
        for attempt in list(self._by_lane.values()):
            if attempt.trainer is not None:
                attempt.trainer.kill()
            del self._by_lane[attempt.lane.index]
            attempt.is_off = True
            if attempt.lease not in self._leases:
                continue
            if stop_request.state == "failed":
                with contextlib.suppress(LeaseLost):
                    result = TrialResult(state="failed", reason=stop_request.reason)
                    self._ledger.tell(attempt.lease, attempt.open_trial, result, attempt.curve)
            else:
                self._ledger.release(attempt.lease, state=stop_request.state, reason=stop_request.reason)
        self._leases = frozenset()

    def edit(self, config: StudyConfig) -> None:
        """Go on with a configuration that has changed where it may."""
        self._config = config

    def tidy_up(self) -> None:
        """Remove what trials that are over have left in the store, in a thread."""
        self._checkpointing.quietly(self._transfers.keep_best)

    def close(self, seconds: float) -> None:
        """Wait so long for what is still with the store."""
        self._background.wait(seconds)

    def _drive(self, attempt: Attempt) -> None:
        """Do what comes next for a trial, unless something is on its way that has to arrive first."""
        if attempt.result is None and is_over_time(attempt, self._config):
            self._cut(attempt)
        given_up = (
            attempt.stop_request is not None and attempt.stop_request.state == "failed" and attempt.result is None
        )
        if attempt.crash is not None or given_up:
            self._checkpointing.withdraw(attempt)
        elif attempt.stop_request is not None and attempt.staged is not None and not attempt.warned:
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
            self._checkpointing.ask(attempt, leave=attempt.told_to_leave)
        elif attempt.stop_request is not None:
            self._drive_away(attempt, attempt.stop_request)
        elif attempt.wants_save(self._config.checkpoint_every, least_s=self._checkpointing.least_s):
            self._checkpointing.ask(attempt)

    def _drive_after_crash(self, attempt: Attempt, crash: Crash) -> None:
        """Give a trial back to go on from its last checkpoint, or end it where it would only crash again."""
        if attempt.told_to_leave:
            self._give_back(attempt, crash.reason, crashed=False)
            return
        if crash.memory is not None and (told := self._micro_batches.halve(attempt, crash)):
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
            stop_request = attempt.stop_request
            assert stop_request is not None
            self._leave(attempt, stop_request)
        elif result.state == "complete" and (attempt.unsaved or attempt.refused is not None):
            # Not before its best weights are safe is a trial told: from then on nobody would train them again.
            if time.monotonic() < attempt.patient_until:
                return
            if attempt.unsaved:
                self._checkpointing.ask(attempt)
            else:
                self._checkpointing.keep_refused(attempt)
        else:
            self._end(attempt, result)

    def _drive_away(self, attempt: Attempt, stop_request: StopRequest) -> None:
        """Have a trial leave: saved where it is, if it has got anywhere."""
        if stop_request.state == "failed":
            self._end(attempt, TrialResult(state="failed", reason=stop_request.reason))
        elif attempt.trainer is None or not attempt.trains or attempt.told_to_leave:
            self._leave(attempt, stop_request)
        else:
            attempt.told_to_leave = True
            self._checkpointing.ask(attempt, leave=True)

    def _end(self, attempt: Attempt, result: TrialResult) -> None:
        """Tell a trial's end."""
        result = of_all_attempts(attempt, result, self._config.metric.direction)
        if attempt.trainer is not None:
            attempt.trainer.kill()
            attempt.trainer = None
        self._ledger.tell(attempt.lease, attempt.open_trial, result, attempt.curve)
        self._forget(attempt.lease)
        number, checkpoints, complete = attempt.number, attempt.checkpoints, result.state == "complete"

        def tidy() -> None:
            self._transfers.end(number, checkpoints, complete=complete)

        # The lane is free once the store is: until then what it has stored counts as a running trial's.
        self._checkpointing.start(attempt, tidy, lambda attempt, _: self._free(attempt))
        attempt.stop_request, attempt.result, attempt.told_to_leave = None, None, False
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
        self._leave(attempt, StopRequest(state="interrupted", reason=reason), crashed=crashed)
        if crashed:
            self._crashed(reason)

    def _crashed(self, reason: str) -> None:
        self._crashes.count(reason, max_restarts=self._config.max_restarts)
        self._fork_server.restart()

    def _cut(self, attempt: Attempt) -> None:
        """End a trial that has had its time, whatever its trainer does: it may hang within a step."""
        if attempt.trainer is not None:
            attempt.trainer.kill()
            attempt.trainer = None
        self._checkpointing.withdraw(attempt)
        attempt.crash, attempt.half_saved = None, False
        if attempt.pruned_by is not None:  # it was to end, and has not heard it
            attempt.result = TrialResult(state="pruned")
        else:
            attempt.result = over_time(attempt, self._config)

    def _leave(self, attempt: Attempt, stop_request: StopRequest, *, crashed: bool = False) -> None:
        """Give a trial back, to go on from its last checkpoint."""
        if attempt.trainer is not None:
            attempt.trainer.kill()
        self._ledger.release(attempt.lease, state=stop_request.state, reason=stop_request.reason, crashed=crashed)
        self._free(attempt)
        self._watch(
            TrialEnded(
                number=attempt.number,
                state=stop_request.state,
                value=None,
                reason=stop_request.reason,
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
        self._checkpointing.give_back(
            *(folder for folder in (attempt.restored, attempt.staged, refused) if folder is not None)
        )
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
        self._leave(attempt, StopRequest(state="interrupted", reason=first_line(error)))

    def notice(self, text: str) -> None:
        """Say in a line what a person should know. Safe from any thread."""
        self._call_queue.post(lambda: self._watch(Notice(text=text)))
