"""Launching: a trainer is started for a trial, from its checkpoint or from the beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.processes.calls import BUILT_IN
from tuner.reporting.events import TrialStarted
from tuner.study.hub import OFFLINE
from tuner.trial.evaluation import Evaluation

if TYPE_CHECKING:
    from tuner.processes.trainers import ForkServer
    from tuner.study.local import LocalStudy
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.micro_batches import MicroBatches


class Launcher:
    """Starts trainers. Only the main thread may call it.

    Args:
        local_study: What trials train with.
        fork_server: Forks trainers.
        micro_batches: Chooses how many examples a trainer takes at a time.
    """

    def __init__(self, local_study: LocalStudy, fork_server: ForkServer, micro_batches: MicroBatches) -> None:
        self._local_study = local_study
        self._fork_server = fork_server
        self._micro_batches = micro_batches

    def start(self, attempt: Attempt) -> TrialStarted:
        """Start the trainer of an attempt whose checkpoint is there; return the event to tell.

        Raises:
            TrainerDied: The fork server has ended.
            LeaseLost: Another worker has the trial.
        """
        open_trial, lane, saving = attempt.open_trial, attempt.lane, attempt.saving
        assert open_trial.hyperparameters is not None
        run = self._local_study.run(
            attempt.number,
            open_trial.hyperparameters,
            restored=saving.restored,
            # Evaluations after the checkpoint are made again. On a machine that computes otherwise they may differ.
            earlier=tuple(
                Evaluation.from_dict(entry)
                for _, entry in sorted(attempt.curve.items())
                if entry["optimiser_steps"] <= saving.restored_optimiser_steps
            ),
            **self._micro_batches.start(attempt),
        )
        function = self._local_study.config.train
        arguments = {"run": run, "function": function or BUILT_IN, "folders": self._local_study.folders}
        # Set-up has fetched everything that the built-in tasks need of the hub: no trial waits for a network.
        alone = OFFLINE if function is None else {}
        environment = {**lane.device.environment(), **alone}
        attempt.start_trainer(self._fork_server.start("tuner.processes.calls:train_trial", arguments, environment))
        return TrialStarted(
            number=attempt.number,
            lane=lane.index,
            device=lane.device.label,
            hyperparameters=open_trial.hyperparameters.to_dict(),
            again=attempt.slot.trial_id is not None,
            optimiser_steps=saving.restored_optimiser_steps or None,
        )
