"""Headroom: how many examples at a time trials are started with, and with how many they go on when memory ran out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.study.local import LocalStudy
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.crash import Crash
    from tuner.supervisor.ledger import Ledger


class MicroBatches:
    """What a supervisor does about memory. Only its main thread may call it.

    Args:
        setup: What trials train with.
        ledger: Remembers what fits, for all machines.
    """

    def __init__(self, local_study: LocalStudy, ledger: Ledger) -> None:
        self._local_study = local_study
        self._ledger = ledger

    def start(self, attempt: Attempt) -> dict[str, Any]:
        """Return what else decides the last bit of a run: `threads`, and `micro_batch` where one is known to fit."""
        open_trial, lane = attempt.open_trial, attempt.lane
        assert open_trial.hyperparameters is not None
        before = open_trial.effective or {}
        chosen: dict[str, Any] = {"threads": lane.threads}
        if before.get("device", lane.device.kind) == lane.device.kind:
            # What it was in the attempt before, whatever this machine would choose.
            chosen |= {key: before[key] for key in ("threads", "micro_batch") if isinstance(before.get(key), int)}
        if "micro_batch" not in chosen:
            fitting = self._ledger.fitting(self._local_study.footprint(open_trial.hyperparameters, lane.device))
            if fitting is not None:
                chosen["micro_batch"] = fitting
        attempt.told_micro_batch = chosen.get("micro_batch")
        return chosen

    def take(self, attempt: Attempt, effective: dict[str, Any]) -> str | None:
        """Take what a trainer has recorded; return what a person should know of it.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it.
        """
        before = attempt.micro_batch
        attempt.open_trial = replace(attempt.open_trial, effective=effective)
        if attempt.prepared_s is None:
            attempt.prepared_s = attempt.seconds
        self._ledger.record(attempt.lease, attempt.open_trial, effective)
        now = attempt.micro_batch
        if before is None or now is None or now >= before:
            return None
        self._remember(attempt, now)
        return _told(attempt, before, now)

    def halve(self, attempt: Attempt, crash: Crash) -> str | None:
        """Have the next attempt of a trial that ran out of memory take half as many examples at a time.

        Returns:
            What a person should know of it; None where nothing can be halved, or half was not heeded before.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it.
        """
        before, told = attempt.micro_batch, attempt.told_micro_batch
        if before is None or not attempt.can_halve:
            if before is not None and told is not None and before > told:
                self._pass_on(attempt, told)  # or the next attempt would be told what this one took
            return None
        half = before // 2
        # The host's memory says nothing of what fits on a GPU.
        if crash.memory == "device" or attempt.lane.device.kind == "cpu":
            self._remember(attempt, half)
        self._pass_on(attempt, half)
        return _told(attempt, before, half)

    def _pass_on(self, attempt: Attempt, micro_batch: int) -> None:
        """Have the next attempt be told how many examples to take."""
        # On this kind of device, whatever training has recorded: or the next attempt here would not be told.
        said = {"device": attempt.lane.device.kind, "micro_batch": micro_batch}
        effective = {**(attempt.open_trial.effective or {}), **said}
        attempt.open_trial = replace(attempt.open_trial, effective=effective)
        self._ledger.record(attempt.lease, attempt.open_trial, effective)

    def _remember(self, attempt: Attempt, micro_batch: int) -> None:
        assert attempt.open_trial.hyperparameters is not None
        footprint = self._local_study.footprint(attempt.open_trial.hyperparameters, attempt.lane.device)
        self._ledger.remember(footprint, micro_batch)


def _told(attempt: Attempt, before: int, now: int) -> str:
    return (
        f"trial {attempt.number}: {before} examples at a time do not fit in memory, it goes on with {now}; "
        "batch size and steps stay what they were"
    )
