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
    MicroBatchLimits,
    Slots,
    TrialOver,
    fenced,
    has_study_attribute,
    joined,
    set_study_attributes,
    set_trial_attributes,
)
from storage.crash_points import reach
from tuner.reporting.trial_note import note_attributes, note_key, trial_note
from tuner.search.optuna_study import load_optuna_study
from tuner.search.pruners import make_pruner
from tuner.search.samplers import make_sampler
from tuner.security.redaction import storable, storable_json

if TYPE_CHECKING:
    from search_spaces import Hyperparameters, SearchSpace
    from storage import Database, Footprint, Lease, SlotRecord, StudyRecord
    from storage.fencing import Fence
    from tuner.study.config import StudyConfig
    from tuner.supervisor.retrying import OutageRetrying
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult

_TELL = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


@dataclass(frozen=True, kw_only=True)
class OpenTrial:
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
        retrying: OutageRetrying,
    ) -> None:
        self._storage = database.optuna_storage
        self._config = config
        self._space = space
        self._owner = owner
        self._lease_s = lease_s
        self._retrying = retrying
        self._slots = Slots(database, record.id)
        self._history = History(database, record)
        self._memory = MicroBatchLimits(database)
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

        claimed = self._retrying(take)
        if claimed is not None:
            reach("claimed")
        return claimed

    def begin(self, lease: Lease) -> OpenTrial | None:
        """Return the trial of a slot, asking for one where it has none; None where it is over already.

        Raises:
            LeaseLost: Another worker has it.
        """
        open_trial = self._retrying(self._begin, lease)
        reach("suggested")
        return open_trial

    def _begin(self, lease: Lease) -> OpenTrial | None:
        slot = self._slots.find(lease)
        if slot is None or slot.attempt != lease.attempt:
            raise LeaseLost(f"slot {lease.slot} is another worker's")
        trial_id = slot.trial_id if slot.trial_id is not None else self._adopted(lease)
        trial = self._asked(lease) if trial_id is None else self._found(lease, trial_id)
        if trial is None:
            return None
        hyperparameters, complaint = None, None
        try:
            if not self._space.parameters.keys() <= trial.params.keys() | trial._fixed_params.keys():
                with self._unless_over(lease), fenced(lease):
                    _ = trial.relative_params  # drawn here: within the transaction, whoever writes would wait for it
            with self._at_once(lease):
                try:
                    hyperparameters = self._space.suggest(trial)
                except SearchSpaceError as error:  # what was drawn is kept
                    complaint = f"{type(error).__name__}: {error}"
        except ValueError as error:  # this point is at fault; the next one may be sound
            complaint = f"{type(error).__name__}: {error}"
        stored = trial._cached_frozen_trial
        attrs = stored.user_attrs
        return OpenTrial(
            trial=trial,
            hyperparameters=hyperparameters,
            complaint=complaint,
            reported=dict(stored.intermediate_values),
            curve={entry["step"]: entry for key, entry in attrs.items() if key.startswith(EVALUATION_ATTR)},
            effective=attrs.get(EFFECTIVE_ATTR),
        )

    def _adopted(self, lease: Lease) -> int | None:
        """Put a trial that another program has made into a slot without one; return it, or None where there is none.

        It would stay RUNNING for ever, and the study have one trial too many.
        """
        for trial_id, number in self._slots.orphans():
            if self._slots.assign(lease, trial_id, number):
                return trial_id
        return None

    def _asked(self, lease: Lease) -> optuna.Trial:
        """Return a new trial, which is in its slot."""
        try:
            with fenced(lease, asking=True):
                trial = self._study.ask()
        except LeaseLost:
            # Optuna asks again by itself after an outage, which may have hidden that it was done.
            slot = self._slots.find(lease)
            if slot is None or slot.attempt != lease.attempt or slot.state != "running" or slot.trial_id is None:
                raise
            found = self._found(lease, slot.trial_id)
            if found is None:
                raise
            trial = found
        reach("asked")
        return trial

    def _found(self, lease: Lease, trial_id: int) -> optuna.Trial | None:
        """Return the trial that is in a slot; None where it is over."""
        # Optuna takes what is drawn only for a trial that its cache has seen; another process may have made this one.
        self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        with self._unless_over(lease), fenced(lease):
            trial = optuna.Trial(self._study, trial_id)
        return None if trial._cached_frozen_trial.state.is_finished() else trial

    def record(self, lease: Lease, open_trial: OpenTrial, effective: Mapping[str, Any]) -> None:
        """Write down what is really trained; again where it has changed.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it, and now its slot is ended too.
        """

        def write() -> None:
            with self._at_once(lease):
                open_trial.trial.set_user_attr(EFFECTIVE_ATTR, storable_json(effective))

        self._retrying(write)

    def fitting(self, footprint: Footprint) -> int | None:
        """Return the most examples that may fit in memory at once; None where nothing is known."""
        return self._retrying(self._memory.fitting, footprint)

    def remember(self, footprint: Footprint, micro_batch: int) -> None:
        """Remember for all trials that at most so many examples fit in memory at once."""
        self._retrying(self._memory.lower, footprint, micro_batch)

    def report(self, lease: Lease, open_trial: OpenTrial, evaluation: Evaluation) -> None:
        """Report an evaluation.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it, and now its slot is ended too.
        """
        trial, step = open_trial.trial, evaluation.step

        def write() -> None:
            values = {"step": step, "value": evaluation.value}
            with self._at_once(lease, kind="report", values=values):
                attributes = {f"{EVALUATION_ATTR}{step:02d}": evaluation.to_dict()}
                set_trial_attributes(self._storage, trial._trial_id, attributes)
                trial.storage.set_trial_intermediate_value(trial._trial_id, step, evaluation.value)

        self._retrying(write)
        # `Trial.report` does this as well, but before it is known that all is written: it would not write it again.
        trial._cached_frozen_trial.intermediate_values[step] = evaluation.value
        reach("reported")

    def should_prune(self, lease: Lease, open_trial: OpenTrial) -> bool:
        """Ask the pruner.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        return self._retrying(self._should_prune, lease, open_trial.trial)

    def _should_prune(self, lease: Lease, trial: optuna.Trial) -> bool:
        with self._at_once(lease):  # some pruners write down what they find
            return trial.should_prune()

    def holds(self, lease: Lease) -> bool:
        """Return whether a lease is still good."""
        slot = self._retrying(self._slots.find, lease)
        return slot is not None and (slot.state, slot.owner, slot.attempt) == ("running", lease.owner, lease.attempt)

    def commit(self, lease: Lease, checkpoints: Checkpoints, *, step: int, detail: str) -> bool:
        """Point the trial to its checkpoints; return whether the lease was still good."""
        kept = self._retrying(self._slots.commit, lease, checkpoints, step=step, detail=detail)
        if kept:
            reach("pointer")
        return kept

    def warn(self, lease: Lease, text: str) -> None:
        """Write into the event log what a person should know of a trial."""
        self._retrying(self._slots.warn, lease, storable(text))

    def is_among_best(self, value: float) -> bool:
        """Return whether the weights of a trial that is worth this would be kept."""
        best = self._retrying(self._history.top, self._config.keep)
        if len(best) < self._config.keep:
            return True
        presence = -1.0 if self._history.direction == "maximize" else 1.0
        return presence * value <= presence * best[-1][1]

    def best(self) -> list[int]:
        """Return the numbers of the trials whose weights are kept."""
        return [number for number, _ in self._retrying(self._history.top, self._config.keep)]

    def over(self, trials: Collection[int]) -> list[SlotRecord]:
        """Return the slots of those trials, by their numbers, that are over."""
        return self._retrying(self._slots.over, trials)

    def finished(self) -> int:
        """Return how many slots are finished."""
        return self._retrying(self._slots.totals).finished

    def unfinished(self) -> int:
        """Return how many slots are not finished."""
        return self._retrying(self._slots.unfinished)

    def tell(
        self, lease: Lease, open_trial: OpenTrial, result: TrialResult, curve: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """End a trial, and its slot in the same transaction.

        Raises:
            LeaseLost: Another worker has it.
        """
        if result.reason is not None:  # the first line of anybody's error
            result = replace(result, reason=storable(result.reason))
        self._retrying(self._tell, lease, open_trial, result, curve)
        reach("told")

    def _tell(
        self, lease: Lease, open_trial: OpenTrial, result: TrialResult, curve: Mapping[int, Mapping[str, Any]]
    ) -> None:
        trial = open_trial.trial
        with suppress(LeaseLost):  # also where an outage hid from us that it was done
            detail = result.state if result.reason is None else f"{result.state}: {result.reason}"
            values = {"value": result.value, "detail": detail}
            with self._at_once(lease, ending=True, values=values) as fence:
                self._describe(trial, result)
                self._study.tell(
                    trial,
                    result.value if result.state == "complete" else None,
                    state=_TELL[result.state],
                    skip_if_finished=True,
                )
                if fence.ends:
                    self._sum_up(trial, result, open_trial.effective, curve)
            if fence.ends:
                return
        if self._slots.finish(lease):  # somebody else, such as the dashboard, has told the trial
            return
        # Of a trial that Optuna remembers as ended it asks nobody, so that no error above does not mean that it was us.
        slot = self._slots.find(lease)
        if slot is None or slot.attempt != lease.attempt or slot.state != "finished":
            raise LeaseLost(f"slot {lease.slot}: another worker has taken its trial over")

    def _describe(self, trial: optuna.Trial, result: TrialResult) -> None:
        """Write what belongs to an end: once a trial is told, Optuna takes no more attributes of it."""
        if result.reason:
            trial.set_user_attr(REASON_ATTR, result.reason)
        if result.avoid is not None and result.avoid not in trial.constraints:
            # A bare PRUNED at a late step would rank as good; the samplers ignore FAIL. This they learn from.
            trial.set_constraint(result.avoid, 1.0)

    def _sum_up(
        self,
        trial: optuna.Trial,
        result: TrialResult,
        effective: Mapping[str, Any] | None,
        curve: Mapping[int, Mapping[str, Any]],
    ) -> None:
        """Write what only who has ended a trial may say of it: its best step and last value, and its note."""
        if result.state == "complete":
            attributes = {"best_step": result.best_step, "final_value": result.final_value}
            set_trial_attributes(self._storage, trial._trial_id, attributes)
        note = trial_note(
            state=result.state,
            value=result.value,
            reason=result.reason,
            effective=effective,
            curve=[entry for _, entry in sorted(curve.items())],
        )
        trial_id, study_id, known = trial._trial_id, self._study._study_id, {}
        # Among the study's attributes are the notes of all its trials: they are read where there is a reason to.
        if has_study_attribute(self._storage, study_id, note_key(trial_id)):
            known = self._storage.get_study_system_attrs(study_id)
        set_study_attributes(self._storage, study_id, note_attributes(trial_id, storable(note), known))

    @contextmanager
    def _at_once(self, lease: Lease, **told: Any) -> Iterator[Fence]:
        """Have what is done with a trial be one transaction, which fails unless its lease is still good."""
        with self._unless_over(lease), fenced(lease, **told) as fence, joined(self._storage):
            yield fence

    @contextmanager
    def _unless_over(self, lease: Lease) -> Iterator[None]:
        try:
            yield
        except optuna.exceptions.UpdateFinishedTrialError as error:
            self._slots.finish(lease)
            raise TrialOver(f"slot {lease.slot}: another program has ended its trial") from error

    def finish(self, lease: Lease) -> None:
        """End the slot of a trial that is over already."""
        self._retrying(self._slots.finish, lease)

    def release(self, lease: Lease, *, state: str, reason: str, crashed: bool = False) -> None:
        """Give a slot back with its trial unfinished."""
        self._retrying(self._slots.release, lease, state=state, reason=storable(reason), crashed=crashed)
