"""Trials in Optuna's tables: ask, report, prune and tell, each under the lease of the trial's slot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import optuna

from search_spaces import SearchSpaceError
from storage import (
    DEVICE_ATTR,
    EFFECTIVE_ATTR,
    EVALUATION_ATTR,
    REASON_ATTR,
    EventKind,
    LeaseLost,
    Slots,
    SlotState,
    TrialOver,
    by_plain_name,
    fenced,
    has_study_attribute,
    joined,
    set_study_attributes,
    set_trial_attributes,
    set_trial_system_attributes,
)
from storage.crash_points import reach
from tuner.search.dashboard_note import note_attributes, note_key
from tuner.search.kept_rows import kept_rows
from tuner.search.optuna_study import load_optuna_study
from tuner.search.pruners import bar_of, make_pruner
from tuner.search.samplers import make_sampler
from tuner.search.thaw.arm_sampler import FIXED_ATTR
from tuner.search.thaw.first_asks import ArmDraws
from tuner.search.versioned_trials import SPACE_ATTR, StoredTrial, version_of
from tuner.study.arms import ArmKey, nearest_arm
from tuner.study.full_runs import device_kind_of
from tuner.trial.result import Outcome

if TYPE_CHECKING:
    from search_spaces import Hyperparameters
    from storage import Database, Lease, StudyRecord
    from storage.fencing import Fence
    from tuner.study.live_config import LiveConfig
    from tuner.study.space_versions import SpaceVersions
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult

#: The state that Optuna is told for each outcome. A trial that left is not told at all.
_TOLD = {
    Outcome.COMPLETE: optuna.trial.TrialState.COMPLETE,
    Outcome.PRUNED: optuna.trial.TrialState.PRUNED,
    Outcome.FAILED: optuna.trial.TrialState.FAIL,
}


@dataclass(frozen=True, kw_only=True)
class OpenTrial:
    """A trial that is not over, as the database knew it when an attempt at it began."""

    trial: optuna.Trial
    #: None where the point that was drawn cannot be trained.
    hyperparameters: Hyperparameters | None
    #: Why the point cannot be trained; None where it can.
    complaint: str | None
    #: By step, the values that earlier attempts have reported.
    reported: Mapping[int, float]
    #: By step, the evaluations of earlier attempts.
    curve: Mapping[int, Mapping[str, Any]]
    #: The effective configuration that was recorded last.
    effective: Mapping[str, Any] | None

    @property
    def number(self) -> int:
        """The trial's number."""
        return int(self.trial.number)

    def with_effective(self, effective: Mapping[str, Any]) -> OpenTrial:
        """Return the trial with another effective configuration."""
        return replace(self, effective=effective)


class OptunaTrials:
    """The trials of one study in Optuna's tables.

    Each method is one transaction or several that may be repeated. None of them waits through an outage.

    Args:
        database: Where the study is.
        record: The study.
        live: Its configuration; an edit of the pruner or the budget holds from the next call on.
        spaces: The search spaces that the study has had.
    """

    def __init__(self, database: Database, record: StudyRecord, live: LiveConfig, spaces: SpaceVersions) -> None:
        self._storage = database.optuna_storage
        self._slots = Slots(database, record.id)
        self._live = live
        self._spaces = spaces
        self._built_for = live.current
        self._arms = {arm.name: arm for arm in map(ArmKey.from_list, record.facts.get("arms", ()))}
        self._draws = None
        if self._arms:
            self._draws = ArmDraws.of_study(spaces.current, record.facts)
        self._loaded = load_optuna_study(database, live.current, **self._sampling())

    @property
    def _study(self) -> optuna.Study:
        """The study, with the sampler and the pruner of the configuration as it is now."""
        if self._built_for is not (config := self._live.current):
            self._loaded.pruner = make_pruner(config.pruner)
            self._loaded.sampler = make_sampler(config, **self._sampling())
            self._built_for = config
        return self._loaded

    def _sampling(self) -> dict[str, Any]:
        return {
            "conditional": self._spaces.current.is_conditional,
            "shelved": self._shelved,
            "draws": self._draws,
            "versions": self._spaces,
        }

    def _shelved(self) -> list[int]:
        return [slot.trial_id for slot in self._slots.shelved() if slot.trial_id is not None]

    def begin(self, lease: Lease) -> OpenTrial | None:
        """Return the trial of a slot, asking the sampler for one where the slot has none; None where it is over.

        Raises:
            LeaseLost: Another worker has the slot.
        """
        slot = self._slots.find(lease)
        if slot is None or slot.attempt != lease.attempt:
            raise LeaseLost(f"slot {lease.slot} is another worker's")
        trial_id = slot.trial_id if slot.trial_id is not None else self._adopted(lease)
        trial = self._asked(lease) if trial_id is None else self._found(lease, trial_id)
        if trial is None:
            return None
        trial, version = self._placed(lease, trial, slot.arm)
        space, names = self._spaces.spaces[version], self._spaces.stored_names(version)
        hyperparameters, complaint = None, None
        try:
            if not set(names.values()) <= trial.params.keys() | trial._fixed_params.keys():
                # The sampler draws here. Within the transaction below, other writers would wait for it.
                with self._unless_over(lease), fenced(lease):
                    _ = trial.relative_params
            with self._at_once(lease):
                try:
                    hyperparameters = space.suggest(StoredTrial(trial, names))
                except SearchSpaceError as error:  # the parameters that were drawn so far are kept
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

    def _placed(self, lease: Lease, trial: optuna.Trial, arm_name: str | None) -> tuple[optuna.Trial, int]:
        """Return the trial with the values that it is given, and the index of its space.

        It is given the values of the arm for which its slot was made, unless it has them already. After an edit of the
        space, the values go by the names of the trial's space, and the trial keeps which one that is.
        """
        stored = trial._cached_frozen_trial
        given = by_plain_name(trial._fixed_params)
        drawn = by_plain_name(stored.params).keys()
        if arm_name is not None and self._arms:
            # An edit may have removed the arm after it was decided that the trial begins.
            arm = self._arms.get(arm_name) or nearest_arm([*self._arms.values()], ArmKey.from_name(arm_name))
            more = arm.fixed(self._spaces.current)
            given = {**{key: value for key, value in more.items() if key not in drawn}, **given}
        version = version_of(stored, self._spaces)
        if version > self._spaces.last:  # this machine has yet to hear of the edit
            reason = "the search space was edited"
            self._slots.release(lease, state=SlotState.INTERRUPTED, reason=reason)
            raise LeaseLost(f"slot {lease.slot}: {reason}")
        names = self._spaces.stored_names(version)
        fixed = {names.get(name, name): value for name, value in given.items()}
        is_placed = version == 0 or stored.system_attrs.get(SPACE_ATTR) == version
        if is_placed and fixed == trial._fixed_params:
            return trial, version
        with self._unless_over(lease), fenced(lease), joined(self._storage):
            if not is_placed:
                self._storage.set_trial_system_attr(trial._trial_id, SPACE_ATTR, version)
            if fixed != trial._fixed_params:
                self._storage.set_trial_system_attr(trial._trial_id, FIXED_ATTR, fixed)
        with self._unless_over(lease), fenced(lease):
            return optuna.Trial(self._study, trial._trial_id), version

    def _adopted(self, lease: Lease) -> int | None:
        """Put a RUNNING trial that another program has made into a slot; return its id, or None where there is none.

        Without a slot it would stay RUNNING for ever, and the study would have one trial too many.
        """
        for trial_id, number in self._slots.orphans():
            if self._slots.assign(lease, trial_id, number):
                return trial_id
        return None

    def _asked(self, lease: Lease) -> optuna.Trial:
        """Return a new trial, which the same transaction has put into its slot."""
        try:
            with fenced(lease, asking=True):
                trial = self._study.ask()
        except LeaseLost:
            # Optuna repeats a failed call by itself. After an outage the first call may have put a trial into the slot.
            slot = self._slots.find(lease)
            if (
                slot is None
                or slot.attempt != lease.attempt
                or slot.state != SlotState.RUNNING
                or slot.trial_id is None
            ):
                raise
            found = self._found(lease, slot.trial_id)
            if found is None:
                raise
            trial = found
        reach("asked")
        return trial

    def _found(self, lease: Lease, trial_id: int) -> optuna.Trial | None:
        """Return the trial that is in a slot; None where it is over."""
        # Optuna writes parameters only for a trial that its cache has seen; another process may have made this one.
        self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        with self._unless_over(lease), fenced(lease):
            trial = optuna.Trial(self._study, trial_id)
        return None if trial._cached_frozen_trial.state.is_finished() else trial

    def twin(self, open_trial: OpenTrial, but: Collection[int]) -> int | None:
        """Return the number of the first complete trial with the values of one that is not over; None without one.

        Args:
            open_trial: The trial.
            but: Numbers of trials that do not count.
        """
        complete = self._loaded.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        values = by_plain_name(open_trial.trial.params)
        found = (each.number for each in complete if each.number not in but and by_plain_name(each.params) == values)
        return min(found, default=None)

    def record(self, lease: Lease, open_trial: OpenTrial, effective: Mapping[str, Any]) -> None:
        """Write the effective configuration: JSON values, fit to be stored. It may be written again where it changes.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it; its slot is ended too.
        """
        with self._at_once(lease):
            open_trial.trial.set_user_attr(EFFECTIVE_ATTR, effective)
            if (kind := device_kind_of(effective)) is not None:
                set_trial_attributes(self._storage, open_trial.trial._trial_id, {DEVICE_ATTR: kind})

    def report(self, lease: Lease, open_trial: OpenTrial, evaluation: Evaluation) -> None:
        """Report an evaluation.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it; its slot is ended too.
        """
        trial, step = open_trial.trial, evaluation.step
        values = {"step": step, "value": evaluation.value}
        with self._at_once(lease, kind=EventKind.REPORT, values=values):
            attributes = {f"{EVALUATION_ATTR}{step:03d}": evaluation.to_dict()}
            set_trial_attributes(self._storage, trial._trial_id, attributes)
            reported = trial._cached_frozen_trial.intermediate_values.values()
            if rows := kept_rows(evaluation, reported, self._live.current.metric.direction):
                set_trial_system_attributes(self._storage, trial._trial_id, rows)
            trial.storage.set_trial_intermediate_value(trial._trial_id, step, evaluation.value)
        # `Trial.report` sets this before the transaction commits, and would then not write the value again.
        trial._cached_frozen_trial.intermediate_values[step] = evaluation.value

    def should_prune(self, lease: Lease, open_trial: OpenTrial) -> bool:
        """Ask the pruner.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it; its slot is ended too.
        """
        _ = self._study  # an edit may have changed the pruner, which the trial asks through its study
        with self._at_once(lease):  # some pruners write to the database
            return open_trial.trial.should_prune()

    def needed(self, step: int) -> float | None:
        """Return the value that a trial needs at a step to go on; None where the pruner does not compare values."""
        complete = self._loaded.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        values = [each.intermediate_values[step] for each in complete if step in each.intermediate_values]
        return bar_of(self._live.current.pruner, values, self._live.current.metric.direction)

    def tell(self, lease: Lease, open_trial: OpenTrial, result: TrialResult, note: str) -> None:
        """End a trial, and its slot in the same transaction.

        Args:
            lease: The slot's lease.
            open_trial: The trial.
            result: How it ended; not LEFT.
            note: Markdown, which optuna-dashboard shows beside the trial.

        Raises:
            LeaseLost: Another worker has the trial.
        """
        trial = open_trial.trial
        with suppress(LeaseLost):  # raised also where an outage hid that our first try had ended the trial
            values = {"value": result.value, "detail": _detail(result)}
            with self._at_once(lease, ending=True, values=values) as fence:
                _describe(trial, result)
                self._study.tell(
                    trial,
                    result.value if result.state == Outcome.COMPLETE else None,
                    state=_TOLD[result.state],
                    skip_if_finished=True,
                )
                if fence.ends:
                    self._sum_up(trial, result, note)
            if fence.ends:
                return
        if self._slots.finish(lease):  # another program, such as optuna-dashboard, has told the trial
            return
        # For a trial that its cache knows as finished, `tell(skip_if_finished=True)` opens no transaction, so the fence
        # was not checked. Read the slot to learn whether this attempt ended the trial.
        slot = self._slots.find(lease)
        if slot is None or slot.attempt != lease.attempt or slot.state != SlotState.FINISHED:
            raise LeaseLost(f"slot {lease.slot}: another worker has taken its trial over")

    def _sum_up(self, trial: optuna.Trial, result: TrialResult, note: str) -> None:
        """Write, in the transaction that ends a trial, its best step, its last value and its note."""
        if result.state == Outcome.COMPLETE:
            attributes = {"best_step": result.best_step, "final_value": result.final_value}
            set_trial_attributes(self._storage, trial._trial_id, attributes)
        trial_id, study_id, known = trial._trial_id, self._study._study_id, {}
        # A study's attributes hold the notes of all its trials. They are read only where this trial has a note already.
        if has_study_attribute(self._storage, study_id, note_key(trial_id)):
            known = self._storage.get_study_system_attrs(study_id)
        set_study_attributes(self._storage, study_id, note_attributes(trial_id, note, known))

    @contextmanager
    def _at_once(self, lease: Lease, **told: Any) -> Iterator[Fence]:
        """Make one transaction of the writes to a trial, which fails unless its lease is still good."""
        with self._unless_over(lease), fenced(lease, **told) as fence, joined(self._storage):
            yield fence

    @contextmanager
    def _unless_over(self, lease: Lease) -> Iterator[None]:
        try:
            yield
        except optuna.exceptions.UpdateFinishedTrialError as error:
            self._slots.finish(lease)
            raise TrialOver(f"slot {lease.slot}: another program has ended its trial") from error


def _detail(result: TrialResult) -> str:
    """Return how a trial ended, for the event log."""
    return f"{result.state}" if result.reason is None else f"{result.state}: {result.reason}"


def _describe(trial: optuna.Trial, result: TrialResult) -> None:
    """Write the reason and the constraint of an end: once a trial is told, Optuna takes no more attributes of it."""
    if result.reason:
        trial.set_user_attr(REASON_ATTR, result.reason)
    if result.avoid is not None and result.avoid not in trial.constraints:
        # Samplers rank a bare PRUNED trial with a late step as good, and ignore FAIL. From a constraint they learn.
        trial.set_constraint(str(result.avoid), 1.0)


def fail_in_slot(database: Database, lease: Lease, trial_id: int, reason: str) -> None:
    """End the trial of a slot that no worker trains as failed, and the slot with it.

    Args:
        database: Where the study is.
        lease: The slot's lease.
        trial_id: Optuna's id of the trial.
        reason: Why it fails.

    Raises:
        LeaseLost: Another worker has the slot.
    """
    storage = database.optuna_storage
    if not storage.get_trial(trial_id).state.is_finished():
        with fenced(lease):
            storage.set_trial_user_attr(trial_id, REASON_ATTR, reason)
        with fenced(lease, ending=True, values={"detail": f"{Outcome.FAILED}: {reason}"}):
            storage.set_trial_state_values(trial_id, state=optuna.trial.TrialState.FAIL)
    Slots(database, lease.study_id).finish(lease)
