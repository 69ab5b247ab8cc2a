"""How many examples at a time trials are started with, and with how many they go on when memory ran out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage import MicroBatchLimits
    from tuner.study.local import LocalStudy
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.crash import Crash
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.retrying import OutageRetrying


class MicroBatches:
    """Chooses micro-batches, and remembers in the database which do not fit. Only the main thread may call it.

    Args:
        local_study: The study as this machine can run it.
        ledger: Takes effective configurations.
        limits: Remembers for all machines how many examples fit at a time.
        retrying: Repeats calls through outages.
    """

    def __init__(
        self, local_study: LocalStudy, ledger: Ledger, limits: MicroBatchLimits, retrying: OutageRetrying
    ) -> None:
        self._local_study = local_study
        self._ledger = ledger
        self._limits = limits
        self._retrying = retrying

    def start(self, attempt: Attempt) -> dict[str, Any]:
        """Return `threads` and, where one is known to fit, `micro_batch`: both decide the last bit of a run.

        Where no example fits otherwise, `gradient_checkpointing` is true.
        """
        open_trial, lane = attempt.open_trial, attempt.lane
        assert open_trial.hyperparameters is not None
        before = attempt.effective or {}
        chosen: dict[str, Any] = {"threads": lane.threads}
        if before.get("device", lane.device.kind) == lane.device.kind:
            # As in the attempt before, even where this machine would choose otherwise.
            chosen |= {key: before[key] for key in ("threads", "micro_batch") if isinstance(before.get(key), int)}
            if before.get("gradient_checkpointing") is True:
                chosen["gradient_checkpointing"] = True
        if "micro_batch" not in chosen:
            footprint = self._local_study.footprint(open_trial.hyperparameters, lane.device)
            fitting = self._retrying(self._limits.fitting, footprint)
            if fitting is not None:
                chosen |= _said(fitting)
        told = 0 if "gradient_checkpointing" in chosen else chosen.get("micro_batch")
        attempt.setting = replace(attempt.setting, told_micro_batch=told)
        return chosen

    def take(self, attempt: Attempt, effective: dict[str, Any]) -> str | None:
        """Take the effective configuration that a trainer has recorded; return a line for a person, or None.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it.
        """
        before, setting = attempt.micro_batch, attempt.setting
        prepared_s = attempt.seconds if setting.prepared_s is None else setting.prepared_s
        attempt.setting = replace(setting, effective=effective, prepared_s=prepared_s)
        self._ledger.record(attempt.lease, attempt.open_trial, effective)
        now = attempt.micro_batch
        if before is None or now is None or now >= before:
            return None
        self._remember(attempt, now)
        return _told(attempt, before, now)

    def halve(self, attempt: Attempt, crash: Crash) -> str | None:
        """Have the next attempt of a trial that ran out of memory take half as many examples at a time.

        Half of one is one with gradient checkpointing, where the model has that.

        Returns:
            A line for a person; None where it cannot do with less, has not said how many it takes, or takes more than
            it was told to.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it.
        """
        before, told = attempt.micro_batch, attempt.setting.told_micro_batch
        if before is None or not attempt.can_halve:
            if before is not None and told is not None and before > told:
                self._pass_on(attempt, told)  # or the next attempt would be told the larger number of this one
            return None
        half = before // 2
        # The host's memory gives no bound for a GPU.
        if crash.memory == "device" or attempt.lane.device.kind == "cpu":
            self._remember(attempt, half)
        self._pass_on(attempt, half)
        return _told(attempt, before, half)

    def _pass_on(self, attempt: Attempt, micro_batch: int) -> None:
        """Have the next attempt be told how many examples to take."""
        # The device kind is this lane's, even if training has recorded another: or an attempt here would not be told.
        said = {"device": attempt.lane.device.kind, **_said(micro_batch)}
        effective = {**(attempt.effective or {}), **said}
        attempt.setting = replace(attempt.setting, effective=effective)
        self._ledger.record(attempt.lease, attempt.open_trial, effective)

    def _remember(self, attempt: Attempt, micro_batch: int) -> None:
        assert attempt.open_trial.hyperparameters is not None
        footprint = self._local_study.footprint(attempt.open_trial.hyperparameters, attempt.lane.device)
        self._retrying(self._limits.lower, footprint, micro_batch)


def _said(micro_batch: int) -> dict[str, Any]:
    """Return what training is told of how many examples to take at a time; 0 is one, with gradient checkpointing."""
    return {"micro_batch": micro_batch} if micro_batch else {"micro_batch": 1, "gradient_checkpointing": True}


def _told(attempt: Attempt, before: int, now: int) -> str:
    what = f"{before} examples at a time do not fit in memory, it goes on with {now}"
    if now == 0:
        much = "one example does" if before == 1 else f"{before} examples at a time do"
        what = f"{much} not fit in memory, it goes on with one and gradient checkpointing"
    return f"trial {attempt.number}: {what}; batch size and steps stay what they were"
