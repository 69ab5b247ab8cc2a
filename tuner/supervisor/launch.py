"""Launching: slots are claimed for free lanes, and a trainer is started for each trial."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from storage import LeaseLost, SlotState
from tuner.errors import TrainerDied, first_line
from tuner.processes.calls import BUILT_IN
from tuner.reporting.events import Notice, TrialStarted
from tuner.study.hub import OFFLINE
from tuner.supervisor.attempt import Attempt
from tuner.supervisor.crash import Crash
from tuner.supervisor.outcomes import before_training
from tuner.supervisor.saving import Saving
from tuner.supervisor.stop_request import StopKind, StopRequest
from tuner.supervisor.transfers import Restored
from tuner.trial.evaluation import LAST_STEP, Evaluation
from tuner.trial.result import Outcome, TrialResult, Verdict

if TYPE_CHECKING:
    from typing import Any

    from storage import Lease, SlotRecord
    from tuner.machine.devices import Lane
    from tuner.processes.trainers import Trainer
    from tuner.study.live_config import LiveConfig
    from tuner.study.local import LocalStudy
    from tuner.supervisor.edges import Edges
    from tuner.supervisor.lanes import Lanes
    from tuner.supervisor.lifecycle import TrialLifecycle


class Launcher:
    """Puts trials on free lanes and starts their trainers. Only the main thread may call it.

    Args:
        lanes: The lanes.
        live: The study's configuration.
        local_study: The study as this machine can run it.
        edges: The database, the trainers and the store.
        lifecycle: Takes the trials over.
    """

    def __init__(
        self, lanes: Lanes, live: LiveConfig, local_study: LocalStudy, edges: Edges, lifecycle: TrialLifecycle
    ) -> None:
        self._lanes = lanes
        self._live = live
        self._local_study = local_study
        self._edges = edges
        self._ledger = edges.ledger
        self._lifecycle = lifecycle
        self._checkpointing = lifecycle.checkpointing
        self._restores = lifecycle.restores

    def fill_lanes(self) -> None:
        """Claim a trial for every free lane, until none can be had."""
        self._lanes.has_freed = False
        for lane in self._lanes.free():
            if not self._restores.is_over(time.monotonic()):
                return
            claimed = self._ledger.claim(self._lanes.leases)
            if claimed is None:
                return
            lease, slot = claimed
            self._lanes.hold(lease)
            try:
                self._begin(lane, lease, slot)
            except LeaseLost:
                self._lanes.let_go(lease)
            except BaseException as error:
                reason = f"its supervisor failed: {first_line(error)}"
                with contextlib.suppress(Exception):  # the first error says more
                    self._ledger.release(lease, state=SlotState.INTERRUPTED, reason=reason)
                self._lanes.let_go(lease)
                raise

    def _begin(self, lane: Lane, lease: Lease, slot: SlotRecord) -> None:
        """Put a slot's trial on a lane, or finish the slot where its trial is over already."""
        open_trial = self._ledger.begin(lease)
        if open_trial is None:
            self._ledger.finish(lease)
            self._lanes.let_go(lease)
            return
        curve = {step: dict(entry) for step, entry in open_trial.curve.items()}
        attempt = Attempt(
            lane=lane,
            lease=lease,
            slot=slot,
            open_trial=open_trial,
            saving=Saving(checkpoints=slot.checkpoints),
            curve=curve,
        )
        target = attempt.target = self._edges.judge.begin(attempt)
        reached = max(open_trial.reported, default=0)
        self._lanes.put(attempt)
        with self._lifecycle.dropping(attempt):
            result = (
                before_training(attempt, self._live.current)
                or self._edges.judge.before_training(attempt)
                or self._edges.twins.take_over(attempt)
            )
            if result is not None:
                attempt.finish(result)
            elif target <= reached < LAST_STEP and reached in curve:  # other programs report a value alone
                self._judge_again(attempt, Evaluation.from_dict(curve[reached]))
            elif slot.trial_id is None:
                self._start(attempt, Restored(folder=None, checkpoints=slot.checkpoints, optimiser_steps=0))
            else:
                self._checkpointing.restore(attempt, self._restored)
        self._edges.changed()

    def _judge_again(self, attempt: Attempt, evaluation: Evaluation) -> None:
        """Judge a trial again whose worker ended between its evaluation at a rung and the verdict."""
        rung = evaluation.step
        judgement = self._edges.judge.judge(attempt, rung, evaluation.value)
        if judgement.verdict is Verdict.PRUNED:
            attempt.note_pruned(evaluation, judgement.reason or None)
            attempt.finish(TrialResult(state=Outcome.PRUNED))
        elif judgement.verdict is Verdict.SHELVED:
            attempt.ask_to_stop(StopRequest(kind=StopKind.SHELVED, reason=judgement.reason, rung=rung))
        else:
            self._checkpointing.restore(attempt, self._restored)

    def _restored(self, attempt: Attempt, restored: Restored) -> None:
        self._restores.worked()
        self._start(attempt, restored)

    def _start(self, attempt: Attempt, restored: Restored) -> None:
        """Start the trainer of a trial, from a checkpoint or from the beginning."""
        self._checkpointing.begin(attempt, restored)
        if attempt.end.result is not None:  # its time ran out meanwhile
            return
        try:
            trainer = self._trainer(attempt)
        except TrainerDied as error:
            self._edges.watch(Notice(text=str(error)))
            attempt.crash(Crash(reason=str(error)))
            return
        # A study's own function may record nothing before it trains.
        attempt.start(trainer, prepares=self._local_study.config.train is None)
        hyperparameters, lane = attempt.open_trial.hyperparameters, attempt.lane
        assert hyperparameters is not None
        self._edges.watch(
            TrialStarted(
                number=attempt.number,
                lane=lane.index,
                device=lane.device.label,
                hyperparameters=hyperparameters.to_dict(),
                again=attempt.slot.trial_id is not None,
                optimiser_steps=attempt.saving.restored_optimiser_steps or None,
                resumed_at=attempt.percent_of(attempt.saving.restored_optimiser_steps) or None,
                effective=attempt.effective,
                curve=attempt.evaluations,
            )
        )

    def _trainer(self, attempt: Attempt) -> Trainer:
        """Fork a trainer.

        Raises:
            TrainerDied: The fork server has ended.
        """
        hyperparameters, saving = attempt.open_trial.hyperparameters, attempt.saving
        assert hyperparameters is not None
        run = self._local_study.run(
            attempt.number,
            hyperparameters,
            restored=saving.restored,
            # Evaluations after the checkpoint are made again. On a machine that computes otherwise they may differ.
            earlier=tuple(
                Evaluation.from_dict(entry)
                for _, entry in sorted(attempt.curve.items())
                if entry["optimiser_steps"] <= saving.restored_optimiser_steps
            ),
            target=attempt.target,
            **_looks_before(attempt),
            **self._edges.micro_batches.start(attempt),
        )
        function = self._local_study.config.train
        arguments = {"run": run, "function": function or BUILT_IN, "folders": self._local_study.folders}
        # Set-up has fetched everything that the built-in tasks need of the hub: no trial waits for a network.
        alone = OFFLINE if function is None else {}
        environment = {**attempt.lane.device.environment(), **alone}
        return self._edges.fork_server.start("tuner.processes.calls:train_trial", arguments, environment)


def _looks_before(attempt: Attempt) -> dict[str, Any]:
    """Return the looks with which the trial began: one of version 0.1 has those that were chosen for it alone."""
    looks = (attempt.effective or {}).get("evaluations")
    if not isinstance(looks, list) or not all(type(look) is int and 1 <= look <= LAST_STEP for look in looks):
        return {}
    return {"looks": tuple(looks)}
