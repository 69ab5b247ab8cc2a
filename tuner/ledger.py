"""The ledger: everything that a supervisor asks of the database and writes there about trials, under its leases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState

from search_spaces import SearchSpaceError
from storage import (
    EFFECTIVE_ATTR,
    EVALUATION_ATTR,
    REASON_ATTR,
    Checkpoints,
    History,
    LeaseLost,
    Memory,
    Slots,
    TrialOver,
    fenced,
)
from storage.crash_points import reach
from tuner.notes import save_note, trial_note
from tuner.redaction import storable, storable_json
from tuner.study import load_optuna_study, make_pruner, make_sampler

if TYPE_CHECKING:
    from search_spaces import Hyperparameters, SearchSpace
    from storage import Database, Footprint, Lease, SlotRecord, StudyRecord
    from tuner.config import StudyConfig
    from tuner.patience import Patience
    from tuner.run import Evaluation, TrialResult

_TELL = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A trial as the database knows it when an attempt at it begins."""

    trial: optuna.Trial
    #: None where the point that was drawn cannot be trained.
    hyperparameters: Hyperparameters | None
    #: Why it cannot.
    complaint: str | None
    #: By step, what earlier attempts have reported.
    reported: Mapping[int, float]
    #: By step, the evaluations of earlier attempts.
    curve: Mapping[int, Mapping[str, Any]]
    #: What was recorded last.
    effective: Mapping[str, Any] | None


class Ledger:
    """What one supervisor reads and writes about the trials of a study.

    Every call waits through outages of the database, and may be repeated after one.

    Args:
        database: Where the study is.
        record: The study.
        config: Its configuration.
        space: What is searched.
        owner: The supervisor.
        lease_s: Seconds for which it holds a trial without a sign of life.
        patience: Repeats calls through outages.
    """

    def __init__(
        self,
        database: Database,
        record: StudyRecord,
        config: StudyConfig,
        space: SearchSpace,
        *,
        owner: str,
        lease_s: float,
        patience: Patience,
    ) -> None:
        self._database = database
        self._config = config
        self._space = space
        self._owner = owner
        self._lease_s = lease_s
        self._patience = patience
        self._slots = Slots(database, record.id)
        self._history = History(database, record)
        self._memory = Memory(database)
        self._study = load_optuna_study(database, config, conditional=space.is_conditional)

    def edit(self, config: StudyConfig) -> None:
        """Go on with a configuration that has changed where it may."""
        self._config = config
        self._study.pruner = make_pruner(config.pruner)
        self._study.sampler = make_sampler(config, conditional=self._space.is_conditional)

    def claim(self, held: Collection[Lease]) -> tuple[Lease, SlotRecord] | None:
        """Take a slot, or return None where there is none to be had for now.

        Args:
            held: The leases that are held already.
        """
        again = False

        def take() -> tuple[Lease, SlotRecord] | None:
            nonlocal again
            # An outage may have hidden that one was taken: it would be held by nobody until its lease expires.
            taken = self._slots.reclaim(self._owner, held) if again else None
            again = True
            return taken or self._slots.claim(self._owner, self._lease_s)

        claimed = self._patience(take)
        if claimed is not None:
            reach("claimed")
        return claimed

    def begin(self, lease: Lease) -> Begun | None:
        """Return the trial of a slot, asking for one where it has none; None where it is over already.

        Raises:
            LeaseLost: Another worker has it.
        """
        begun = self._patience(self._begin, lease)
        reach("suggested")
        return begun

    def _begin(self, lease: Lease) -> Begun | None:
        trial_id = self._trial_id(lease)
        # Optuna takes what is drawn only for a trial that its cache has seen; another process may have made this one.
        self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        with self._unless_over(lease), fenced(lease):
            stored = self._study._storage.get_trial(trial_id)
            if stored.state.is_finished():
                return None
            trial = optuna.Trial(self._study, trial_id)
            hyperparameters, complaint = None, None
            try:
                hyperparameters = self._space.suggest(trial)
            except (SearchSpaceError, ValueError) as error:  # this point is at fault; the next one may be sound
                complaint = f"{type(error).__name__}: {error}"
        attrs = stored.user_attrs
        return Begun(
            trial=trial,
            hyperparameters=hyperparameters,
            complaint=complaint,
            reported=dict(stored.intermediate_values),
            curve={entry["step"]: entry for key, entry in attrs.items() if key.startswith(EVALUATION_ATTR)},
            effective=attrs.get(EFFECTIVE_ATTR),
        )

    def _trial_id(self, lease: Lease) -> int:
        """Return the trial of a slot.

        A trial that is RUNNING in no slot was made by another program. It is adopted before a new one is asked for,
        or it would stay RUNNING for ever and the study have one too many.
        """
        slot = self._slots.find(lease)
        if slot is None or slot.attempt != lease.attempt:
            raise LeaseLost(f"slot {lease.slot} is another worker's")
        if slot.trial_id is not None:
            return slot.trial_id
        # In this order: whatever runs now, and is in a slot, is in one before the slots are read.
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        taken = {other.trial_id for other in self._slots.all()}
        for orphan in sorted(running, key=lambda trial: trial.number):
            if orphan._trial_id not in taken and self._slots.assign(lease, orphan._trial_id, orphan.number):
                return orphan._trial_id
        try:
            with fenced(lease, asking=True):
                asked: int = self._study.ask()._trial_id
        except LeaseLost:
            # Optuna asks again by itself after an outage, which may have hidden that it was done.
            slot = self._slots.find(lease)
            if slot is None or slot.attempt != lease.attempt or slot.state != "running" or slot.trial_id is None:
                raise
            asked = slot.trial_id
        reach("asked")
        return asked

    def record(self, lease: Lease, begun: Begun, effective: Mapping[str, Any]) -> None:
        """Write down what is really trained; again where it has changed.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it, and now its slot is ended too.
        """

        def write() -> None:
            with self._unless_over(lease), fenced(lease):
                begun.trial.set_user_attr(EFFECTIVE_ATTR, storable_json(effective))

        self._patience(write)

    def fitting(self, footprint: Footprint) -> int | None:
        """Return the most examples that may fit in memory at once; None where nothing is known."""
        return self._patience(self._memory.fitting, footprint)

    def remember(self, footprint: Footprint, micro_batch: int) -> None:
        """Remember for all trials that at most so many examples fit in memory at once."""
        self._patience(self._memory.lower, footprint, micro_batch)

    def report(self, lease: Lease, begun: Begun, evaluation: Evaluation) -> None:
        """Report an evaluation.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it, and now its slot is ended too.
        """
        storage, trial_id, step = self._study._storage, begun.trial._trial_id, evaluation.step

        def write() -> None:
            # First: whoever sees the report finds what belongs to it.
            with self._unless_over(lease), fenced(lease):
                begun.trial.set_user_attr(f"{EVALUATION_ATTR}{step:02d}", evaluation.to_dict())
            values = {"step": step, "value": evaluation.value}
            with self._unless_over(lease), fenced(lease, kind="report", values=values):
                storage.set_trial_intermediate_value(trial_id, step, evaluation.value)

        self._patience(write)
        reach("reported")

    def should_prune(self, lease: Lease, begun: Begun) -> bool:
        """Ask the pruner.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        return self._patience(self._should_prune, lease, begun.trial._trial_id)

    def _should_prune(self, lease: Lease, trial_id: int) -> bool:
        with self._unless_over(lease), fenced(lease):  # some pruners write down what they find
            # As it is in the database: the copy that Optuna's own trial holds knows of no report of ours.
            trial = self._study._storage.get_trial(trial_id)
            return self._study.pruner.prune(self._study, trial)

    def holds(self, lease: Lease) -> bool:
        """Return whether a lease is still good."""
        slot = self._patience(self._slots.find, lease)
        return slot is not None and (slot.state, slot.owner, slot.attempt) == ("running", lease.owner, lease.attempt)

    def commit(self, lease: Lease, checkpoints: Checkpoints, *, step: int, detail: str) -> bool:
        """Point the trial to its checkpoints; return whether the lease was still good."""
        kept = self._patience(self._slots.commit, lease, checkpoints, step=step, detail=detail)
        if kept:
            reach("pointer")
        return kept

    def warn(self, lease: Lease, text: str) -> None:
        """Write into the event log what a person should know of a trial."""
        self._patience(self._slots.warn, lease, storable(text))

    def is_among_best(self, value: float) -> bool:
        """Return whether the weights of a trial that is worth this would be kept."""
        best = self._patience(self._history.top, self._config.keep)
        if len(best) < self._config.keep:
            return True
        sign = -1.0 if self._history.direction == "maximize" else 1.0
        return sign * value <= sign * best[-1][1]

    def best(self) -> list[int]:
        """Return the numbers of the trials whose weights are kept."""
        return [number for number, _ in self._patience(self._history.top, self._config.keep)]

    def over(self) -> list[SlotRecord]:
        """Return the slots whose trials are over."""
        return [slot for slot in self._patience(self._slots.all) if slot.state == "finished"]

    def unfinished(self) -> int:
        """Return how many slots are not finished."""
        return self._patience(self._slots.unfinished)

    def tell(self, lease: Lease, begun: Begun, result: TrialResult, curve: Mapping[int, Mapping[str, Any]]) -> None:
        """End a trial, and its slot in the same transaction.

        Raises:
            LeaseLost: Another worker has it.
        """
        if result.reason is not None:  # the first line of anybody's error
            result = replace(result, reason=storable(result.reason))
        self._patience(self._tell, lease, begun, result, curve)
        reach("told")

    def _tell(self, lease: Lease, begun: Begun, result: TrialResult, curve: Mapping[int, Mapping[str, Any]]) -> None:
        trial = begun.trial
        with suppress(LeaseLost):  # also where an outage hid from us that it was done
            with self._unless_over(lease), fenced(lease):
                self._describe(trial, result, begun.effective, curve)
            detail = result.state if result.reason is None else f"{result.state}: {result.reason}"
            values = {"value": result.value, "detail": detail}
            with self._unless_over(lease), fenced(lease, ending=True, values=values):
                self._study.tell(
                    trial,
                    result.value if result.state == "complete" else None,
                    state=_TELL[result.state],
                    skip_if_finished=True,
                )
        if self._slots.finish(lease):  # somebody else, such as the dashboard, has told the trial
            return
        # Of a trial that Optuna remembers as ended it asks nobody, so that no error above does not mean that it was us.
        slot = self._slots.find(lease)
        if slot is None or slot.attempt != lease.attempt or slot.state != "finished":
            raise LeaseLost(f"slot {lease.slot}: another worker has taken its trial over")

    def _describe(
        self,
        trial: optuna.Trial,
        result: TrialResult,
        effective: Mapping[str, Any] | None,
        curve: Mapping[int, Mapping[str, Any]],
    ) -> None:
        """Write what belongs to an end: once a trial is told, Optuna takes no more attributes of it."""
        stored = self._study._storage.get_trial(trial._trial_id)
        if stored.state.is_finished():
            return
        if result.reason:
            trial.set_user_attr(REASON_ATTR, result.reason)
        if result.state == "complete":
            trial.set_user_attr("best_step", result.best_step)
            trial.set_user_attr("final_value", result.final_value)
        if result.avoid is not None and result.avoid not in stored.constraints:
            # A bare PRUNED at a late step would rank as good; the samplers ignore FAIL. This they learn from.
            trial.set_constraint(result.avoid, 1.0)
        note = trial_note(
            state=result.state,
            value=result.value,
            reason=result.reason,
            effective=effective,
            curve=[entry for _, entry in sorted(curve.items())],
        )
        save_note(trial, storable(note))

    @contextmanager
    def _unless_over(self, lease: Lease) -> Iterator[None]:
        try:
            yield
        except optuna.exceptions.UpdateFinishedTrialError as error:
            self._slots.finish(lease)
            raise TrialOver(f"slot {lease.slot}: another program has ended its trial") from error

    def finish(self, lease: Lease) -> None:
        """End the slot of a trial that is over already."""
        self._patience(self._slots.finish, lease)

    def release(self, lease: Lease, *, state: str, reason: str, crashed: bool = False) -> None:
        """Give a slot back with its trial unfinished."""
        self._patience(self._slots.release, lease, state=state, reason=storable(reason), crashed=crashed)
