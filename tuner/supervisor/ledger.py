"""The ledger: the writes of a supervisor about the trials that it holds, repeated through outages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from storage import Checkpoints, LeaseLost, Shelves, Slots, SlotState
from storage.crash_points import reach
from tuner.reporting.text import stored_recipe_words
from tuner.reporting.trial_note import trial_note
from tuner.security.redaction import storable, storable_json
from tuner.study.confirmation import FACT as CONFIRMS
from tuner.study.refit import FACT as REFITS
from tuner.study.search_over import is_searched_by_plan

if TYPE_CHECKING:
    from storage import Lease, SlotRecord
    from tuner.search.optuna_trials import OpenTrial, OptunaTrials
    from tuner.supervisor.retrying import OutageRetrying
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult


class Ledger:
    """The slots and the trials of a study, as one supervisor writes to them under its leases.

    Every call waits through outages of the database, and may be repeated after one.

    Args:
        slots: The slots.
        shelves: The trials that are put aside.
        trials: The trials in Optuna's tables.
        owner: The supervisor.
        lease_s: Seconds for which it holds a trial without a sign of life.
        retrying: Repeats calls through outages.
        facts: The facts that are stored with the study, for the note of trial 0.
    """

    def __init__(
        self,
        slots: Slots,
        shelves: Shelves,
        trials: OptunaTrials,
        *,
        owner: str,
        lease_s: float,
        retrying: OutageRetrying,
        facts: Mapping[str, Any],
    ) -> None:
        self._slots = slots
        self._shelves = shelves
        self._trials = trials
        self.owner = owner
        self.lease_s = lease_s
        self.retrying = retrying
        self._facts = facts
        self._planned = is_searched_by_plan(facts)

    def claim(self, held: Collection[Lease]) -> tuple[Lease, SlotRecord] | None:
        """Take a slot, or return None where none can be had for now.

        Args:
            held: The leases that this supervisor holds already.
        """
        again = False

        def take() -> tuple[Lease, SlotRecord] | None:
            nonlocal again
            # An outage may have hidden that the first try took a slot, which would stay idle until its lease expires.
            taken = self._slots.reclaim(self.owner, held) if again else None
            again = True
            return taken or self._slots.claim(self.owner, self.lease_s, planned=self._planned)

        claimed = self.retrying(take)
        if claimed is not None:
            reach("claimed")
        return claimed

    def begin(self, lease: Lease) -> OpenTrial | None:
        """Return the trial of a slot, asking for one where it has none; None where it is over already.

        Raises:
            LeaseLost: Another worker has the slot.
        """
        open_trial = self.retrying(self._trials.begin, lease)
        reach("suggested")
        return open_trial

    def record(self, lease: Lease, open_trial: OpenTrial, effective: Mapping[str, Any]) -> None:
        """Write the effective configuration; again where it has changed.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it; its slot is ended too.
        """
        self.retrying(self._trials.record, lease, open_trial, storable_json(effective))

    def report(self, lease: Lease, open_trial: OpenTrial, evaluation: Evaluation) -> None:
        """Report an evaluation.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it; its slot is ended too.
        """
        self.retrying(self._trials.report, lease, open_trial, evaluation)
        reach("reported")

    def should_prune(self, lease: Lease, open_trial: OpenTrial) -> bool:
        """Ask the pruner.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it; its slot is ended too.
        """
        return self.retrying(self._trials.should_prune, lease, open_trial)

    def needed(self, step: int) -> float | None:
        """Return the value that a trial needs at a step to go on; None where the pruner does not compare values."""
        return self.retrying(self._trials.needed, step)

    def holds(self, lease: Lease) -> bool:
        """Return whether a lease is still good."""
        slot = self.retrying(self._slots.find, lease)
        held = (SlotState.RUNNING, lease.owner, lease.attempt)
        return slot is not None and (slot.state, slot.owner, slot.attempt) == held

    def commit(self, lease: Lease, checkpoints: Checkpoints, *, optimiser_steps: int, detail: str) -> bool:
        """Point the trial to its checkpoints; return whether the lease was still good."""
        kept = self.retrying(self._slots.commit, lease, checkpoints, optimiser_steps=optimiser_steps, detail=detail)
        if kept:
            reach("pointer")
        return kept

    def warn(self, lease: Lease, text: str) -> None:
        """Write into the event log a line about a trial that a person should read."""
        self.retrying(self._slots.warn, lease, storable(text))

    def tell(
        self, lease: Lease, open_trial: OpenTrial, result: TrialResult, curve: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """End a trial, and its slot in the same transaction.

        Args:
            lease: The slot's lease.
            open_trial: The trial.
            result: How it ended; not LEFT.
            curve: By step, every evaluation of every attempt.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        if result.reason is not None:  # it may quote the error of any library or user's module
            result = replace(result, reason=storable(result.reason))
        recipe = None
        if open_trial.number == 0 and not {CONFIRMS, REFITS} & self._facts.keys():
            point = None if open_trial.hyperparameters is None else open_trial.hyperparameters.to_dict()
            recipe = stored_recipe_words(self._facts, point)
        note = trial_note(
            state=result.state,
            value=result.value,
            reason=result.reason,
            effective=open_trial.effective,
            curve=[entry for _, entry in sorted(curve.items())],
            recipe=recipe,
            decisions=self.retrying(self._slots.decisions, lease) if self._planned else (),
        )
        self.retrying(self._trials.tell, lease, open_trial, result, storable(note))
        reach("told")

    def finish(self, lease: Lease) -> None:
        """End the slot of a trial that is over already."""
        self.retrying(self._slots.finish, lease)

    def release(self, lease: Lease, *, state: SlotState, reason: str, crashed: bool = False) -> None:
        """Give a slot back with its trial unfinished."""
        self.retrying(self._slots.release, lease, state=state, reason=storable(reason), crashed=crashed)

    def shelve(self, lease: Lease, rung: int, *, reason: str, keeps: bool) -> SlotState:
        """Give a slot back with its trial put aside at a rung; return the slot's state, see `Shelves.shelve`.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        reach("shelving")
        state = self.retrying(self._shelves.shelve, lease, rung, reason=storable(reason), keeps=keeps)
        if state is None:
            raise LeaseLost(f"slot {lease.slot} is another worker's")
        reach("shelved")
        return state

    def claim_shelved(self, slot: SlotRecord) -> Lease | None:
        """Claim a trial that is put aside, to end it; return None where its slot has changed since it was read."""
        return self.retrying(self._shelves.claim, self.owner, self.lease_s, slot)

    def finished_slots(self, trials: Collection[int]) -> list[SlotRecord]:
        """Return the finished slots among those of trials, by the trials' numbers."""
        return self.retrying(self._slots.over, trials)

    def finished(self) -> int:
        """Return how many slots of the study are finished."""
        return self.retrying(self._slots.totals).finished
