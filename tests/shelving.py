"""A study with rungs in memory: its slots, its plan and its ledger, as a supervisor's rungs use them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from attempts import SLOT, evaluated

from search_spaces import Hyperparameters, load_space, recipe_for
from storage import Lease, LeaseLost, PlanLease, PromotionRecord, SlotRecord, SlotState, Standing
from tuner.machine.devices import CPU, Lane
from tuner.search.optuna_trials import OpenTrial
from tuner.study.config import StudyConfig
from tuner.study.live_config import LiveConfig
from tuner.study.local import LocalStudy
from tuner.supervisor.attempt import Attempt
from tuner.supervisor.rungs import Rungs
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult

LOOKS = (4, 8, 16, 32, 64, 100)
RECIPE = recipe_for("bert", "", 768)
POINT = Hyperparameters.from_values(RECIPE.defaults)


@dataclass
class StudyInMemory:
    """The trials of a study by number; each is in the slot of its number.

    It is its own `Shelves`, `Plans` and `Ledger`, for one supervisor named `me`.
    """

    trials: int
    slots: dict[int, SlotRecord] = field(default_factory=dict)
    values: dict[int, dict[int, float]] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    #: What was written, in order: a word, and what it concerns.
    told: list[tuple[Any, ...]] = field(default_factory=list)
    #: How trials have ended, by number.
    results: dict[int, TrialResult] = field(default_factory=dict)
    #: Whether another supervisor has the lease of the plan.
    is_decided_elsewhere: bool = False
    #: Trials that other workers have taken over.
    lost: set[int] = field(default_factory=set)
    owner: str = "me"
    lease_s: float = 60.0

    # ---- what tests do

    def add(
        self, values: Mapping[int, float] | float | None, state: SlotState = SlotState.SHELVED, *, target: int = 4
    ) -> int:
        """Add a trial, with its values or with one at 4 %; return its number."""
        number = len(self.slots)
        self.values[number] = {4: values} if isinstance(values, float) else dict(values or {})
        changes = {"slot": number, "trial_id": 100 + number, "trial_number": number, "state": state}
        self.slots[number] = replace(SLOT, **changes, first_rung=4, target=100 if number == 0 else target)
        return number

    def change(self, number: int, **values: Any) -> None:
        """Change the slot of a trial."""
        self.slots[number] = replace(self.slots[number], **values)

    def attempt(self, number: int) -> Attempt:
        """Return an attempt at a trial, as it begins."""
        values = self.values[number]
        open_trial = OpenTrial(
            trial=cast(Any, SimpleNamespace(number=number)),
            hyperparameters=POINT,
            complaint=None,
            reported=dict(values),
            curve={step: evaluated(step, value).to_dict() for step, value in values.items()},
            effective=None,
        )
        return Attempt(
            lane=Lane(index=0, device=CPU, threads=1),
            lease=Lease(study_id=1, slot=number, owner=self.owner, attempt=1),
            slot=self.slots[number],
            open_trial=open_trial,
            curve=dict(open_trial.curve),  # type: ignore[arg-type]
        )

    # ---- shelves

    def standings(self, rungs: Sequence[int]) -> list[Standing]:
        begun = [
            Standing(slot=slot, values={k: v for k, v in self.values[n].items() if k in rungs})
            for n, slot in self.slots.items()
        ]
        empty = replace(SLOT, state=SlotState.EMPTY, trial_id=None, trial_number=None)
        left = range(len(self.slots), self.trials)
        return [*begun, *(Standing(slot=replace(empty, slot=slot), values={}) for slot in left)]

    # `begin` of a ledger takes a lease alone, that of shelves where a trial may be shelved, too.
    def begin(self, lease: Lease, **how: int) -> Any:
        if lease.slot in self.lost:
            return None
        if not how:
            return self.attempt(lease.slot).open_trial
        slot = self.slots[lease.slot]
        if slot.target is None:
            self.slots[lease.slot] = slot = replace(slot, first_rung=how["first_rung"], target=how["target"])
        return slot.target

    def target(self, lease: Lease) -> int | None:
        return None if lease.slot in self.lost else self.slots[lease.slot].target

    # ---- plans

    def content(self) -> dict[str, Any]:
        return self.decisions

    def take(self, owner: str, _: float) -> PlanLease | None:
        return None if self.is_decided_elsewhere else PlanLease(owner=owner, attempt=1, content=self.decisions)

    def commit(
        self,
        _: PlanLease,
        *,
        content: Mapping[str, Any] | None,
        decided: str | None,
        promotions: Sequence[PromotionRecord],
    ) -> int:
        self.decisions = self.decisions if content is None else dict(content)
        if decided is not None:
            self.told.append(("decided", decided))
        for each in promotions:
            slot = self.slots[each.slot]
            state = SlotState.INTERRUPTED if slot.state is SlotState.SHELVED else slot.state
            self.slots[each.slot] = replace(slot, state=state, target=each.target)
            self.told.append(("promoted", each.trial_number, each.target))
        return len(promotions)

    # ---- ledger

    def claim_shelved(self, slot: SlotRecord) -> Lease | None:
        if self.slots[slot.slot] != slot or slot.slot in self.lost:
            return None
        return Lease(study_id=1, slot=slot.slot, owner=self.owner, attempt=slot.attempt + 1)

    def tell(self, lease: Lease, _: OpenTrial, result: TrialResult, __: object) -> None:
        self._check(lease)
        self.change(lease.slot, state=SlotState.FINISHED)
        self.told.append((str(result.state), lease.slot, result.value, result.reason))
        self.results[lease.slot] = result

    def claim(self, _: Collection[Lease]) -> tuple[Lease, SlotRecord] | None:
        for number, slot in self.slots.items():
            if slot.state is SlotState.INTERRUPTED:
                self.change(number, state=SlotState.RUNNING, attempt=slot.attempt + 1)
                lease = Lease(study_id=1, slot=number, owner=self.owner, attempt=slot.attempt + 1)
                return lease, self.slots[number]
        return None

    def report(self, lease: Lease, _: OpenTrial, evaluation: Evaluation) -> None:
        self._check(lease)
        self.values[lease.slot][evaluation.step] = evaluation.value
        self.told.append(("reported", lease.slot, evaluation.step))

    def shelve(self, lease: Lease, rung: int, *, reason: str, keeps: bool) -> SlotState:
        self._check(lease)
        target = self.slots[lease.slot].target
        state = SlotState.INTERRUPTED if target is not None and target > rung else SlotState.SHELVED
        self.change(lease.slot, state=state, reason=reason)
        self.told.append(("shelved", lease.slot, rung, reason, keeps))
        return state

    def release(self, lease: Lease, *, state: SlotState, reason: str, crashed: bool = False) -> None:
        self.change(lease.slot, state=state, reason=reason)
        self.told.append(("released", lease.slot, str(state), reason, crashed))

    def warn(self, lease: Lease, text: str) -> None:
        self.told.append(("warned", lease.slot, text))

    def _check(self, lease: Lease) -> None:
        if lease.slot in self.lost:
            raise LeaseLost("another worker has it")

    def finished(self) -> int:
        return sum(slot.state is SlotState.FINISHED for slot in self.slots.values())


def local_study(looks: tuple[int, ...] = LOOKS, **values: Any) -> LocalStudy:
    """Return a study of a user's own training with rungs, as it is set up on this machine."""
    document = {"name": "s", "train": "training:train", "search": "auto", **values}
    return LocalStudy(
        config=StudyConfig.model_validate(document),
        model=None,
        recipe=RECIPE,
        space=load_space({}, preset="text-classification", recipe=RECIPE, folder=Path(), source="s"),
        looks=looks,
        prepared=None,
        data=None,
        fingerprints={},
    )


def rungs_of(
    study: StudyInMemory, local: LocalStudy | None = None, *, watch: Callable[[Any], None] = lambda _: None
) -> Rungs:
    """Return the rungs of a supervisor of a study."""
    local = local or local_study()
    calls = cast(Any, study)

    def once(call: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return call(*arguments, **more)

    return Rungs(local, LiveConfig(local.config), calls, calls, calls, cast(Any, once), watch=watch)
