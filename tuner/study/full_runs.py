"""What a study has spent, in full runs: device time divided by what trial 0 takes on the same kind of device.

Seconds of two kinds of device do not add up to a number that means anything, and seconds of two studies do not compare.
Full runs do: one is the training of trial 0 to the end of its schedule.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces import Hyperparameters, SearchSpaceError
from storage import StudyRecord, TrialRecord, TrialState
from tuner.study.recipe_changes import stored_first_point
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.looks import TRAINED_LAYER_COST

if TYPE_CHECKING:
    from storage import History


@dataclass(frozen=True, kw_only=True)
class Spent:
    """The cost of a study's trials so far."""

    #: Full runs; None where the price of a full run is not known on a kind of device that trials have used.
    runs: float | None
    #: Device seconds over all attempts of all trials.
    device_s: float
    #: Whether a price was projected, because trial 0 has not been trained to its end on that kind of device.
    is_projected: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        runs = None if self.runs is None else round(self.runs, 3)
        return {"runs": runs, "device_s": round(self.device_s, 1), "projected": self.is_projected}


@dataclass(frozen=True, kw_only=True)
class WorkUnits:
    """Measures the work of one study's trials, in units that compare within the study only.

    Of a built-in task the unit is one example's forward pass. An example of an optimiser step costs one for the share
    of the layers that is frozen and `TRAINED_LAYER_COST` for the share that is trained; `tuner.trial.looks` says how
    that was measured. Validation is left out, and so are the passes that the trunk cache saves. Of a study's own
    training function only the optimiser steps are known.
    """

    #: Whether the study has its own training function.
    is_own: bool
    #: Work of trial 0 as the study was created with it; None where that is not known.
    planned: float | None = None

    @classmethod
    def of(cls, study: StudyRecord) -> WorkUnits:
        """Return the units of a study."""
        if study.config.get("train") is not None:
            return cls(is_own=True)
        return cls(is_own=False, planned=_planned_work(study.facts))

    def done(self, trial: TrialRecord) -> float | None:
        """Return the work that a trial has done up to its last evaluation; None where that is not known."""
        steps = _last(trial, "optimiser_steps")
        if steps is None or self.is_own:
            return steps
        return _work(trial.effective or {}, steps)

    def of_a_full_run(self, first: TrialRecord | None) -> float | None:
        """Return the work of trial 0 to the end of its schedule; None where that is not known.

        Args:
            first: Trial 0; None where it has not begun.
        """
        if self.is_own:
            steps, percent = (None, None) if first is None else (_last(first, "optimiser_steps"), _last(first, "step"))
            return None if steps is None or percent is None else steps * LAST_STEP / percent
        effective = (first.effective if first else None) or {}
        steps = _positive(effective.get("optimiser_steps"))
        recorded = None if steps is None else _work(effective, steps)
        return self.planned if recorded is None else recorded


@dataclass(frozen=True, kw_only=True)
class _Price:
    """The device seconds of a full run on one kind of device."""

    seconds: float
    is_projected: bool


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The device seconds of a full run, by kind of device."""

    by_kind: Mapping[str | None, float]

    def runs(self, kind: str | None, seconds: float) -> float | None:
        """Return what seconds on a kind of device are worth in full runs; None where no price is known.

        On a kind of which none is known, a full run is taken to last as long as on the dearest one of the others.
        """
        price = self.by_kind.get(kind, max(self.by_kind.values(), default=0.0))
        return seconds / price if price > 0 else None


def prices_of(history: History, study: StudyRecord) -> Prices:
    """Return the prices of a study; none before trial 0 is over. Cheap where trial 0 alone tells them.

    What the beginning of trial 0 took, with the model to load and the caches to fill, says little of the whole of it.
    """
    first, times = history.first(), history.device_times()
    if first is None or not first.state.is_over:
        return Prices(by_kind={})
    kinds = {each.kind for each in times if each.device_s > 0 and each.kind is not None}
    if _is_whole(first) and first.device_s > 0:
        kind = device_kind_of(first.effective)
        if kinds <= {kind}:
            return Prices(by_kind={kind: first.device_s})
    units, groups = WorkUnits.of(study), defaultdict[str | None, list[TrialRecord]](list)
    for trial in history.trials():
        # What a trial of the head alone costs has little to do with its work, since hidden states are cached.
        if trial.number == 0 or _trains_layers(trial.effective or {}):
            groups[device_kind_of(trial.effective)].append(trial)
    whole, found = units.of_a_full_run(first), {}
    for name, group in groups.items():
        price = _price(group, units, whole)
        if price is not None and price.seconds > 0:
            found[name] = price.seconds
    return Prices(by_kind=found)


def device_kind_of(effective: Mapping[str, Any] | None) -> str | None:
    """Return the kind of device that a trial has recorded, such as `NVIDIA H200` or `cpu`; None where it has none.

    Args:
        effective: The effective configuration. That of a trial of version 0.1 does not name the device: its kind is
            `cuda` or `cpu`.
    """
    for key in ("device_name", "device"):
        if isinstance(name := (effective or {}).get(key), str) and name:
            return name
    return None


def spent_at_one_price(first: TrialRecord | None, seconds: Mapping[str | None, float]) -> Spent | None:
    """Return the cost of a study where trial 0 alone tells it: trial 0 is complete, and all trials ran where it did.

    Args:
        first: Trial 0; None where it has not begun.
        seconds: Device seconds of the trials by the kind of device that they have recorded.

    Returns:
        The same as `spent_by` returns for all trials; None where the other trials have to be read.
    """
    if first is None or not _is_whole(first) or first.device_s <= 0:
        return None
    kind = device_kind_of(first.effective)
    if kind is None or {*seconds} != {kind}:
        return None
    return Spent(runs=seconds[kind] / first.device_s, device_s=seconds[kind])


def spent_by(trials: Sequence[TrialRecord], units: WorkUnits) -> Spent:
    """Return the cost of trials together.

    On a kind of device where trial 0 is complete, a full run takes as long as trial 0 took. While trial 0 runs there,
    its own progress tells how long it will take. Where it has not run, or has ended before its time, a full run takes
    as long as its work would at the speed of the trials that did run there.

    A trial that has moved between kinds of device counts as one of the last kind. One that has not recorded its device
    is counted at the average price of the others; where no trial records any, as a study's own training function may
    not, all are of one kind.

    Args:
        trials: The begun trials of one study.
        units: Measures their work.
    """
    device_s = math.fsum(trial.device_s for trial in trials)
    if device_s <= 0:
        return Spent(runs=0.0, device_s=0.0)
    groups: dict[str | None, list[TrialRecord]] = defaultdict(list)
    for trial in trials:
        groups[device_kind_of(trial.effective)].append(trial)
    unknown = groups.pop(None, []) if len(groups) > 1 else []
    first = next((trial for trial in trials if trial.number == 0), None)
    runs, priced_s, projected = 0.0, 0.0, any(trial.device_s > 0 for trial in unknown)
    for group in groups.values():
        seconds = math.fsum(trial.device_s for trial in group)
        if seconds <= 0:
            continue
        price = _price(group, units, units.of_a_full_run(first))
        if price is None:
            return Spent(runs=None, device_s=device_s)
        runs, priced_s = runs + seconds / price.seconds, priced_s + seconds
        projected = projected or price.is_projected
    if priced_s <= 0:
        return Spent(runs=None, device_s=device_s)
    if unknown:
        runs *= device_s / priced_s
    return Spent(runs=runs, device_s=device_s, is_projected=projected)


def _price(group: Sequence[TrialRecord], units: WorkUnits, whole: float | None) -> _Price | None:
    """Return the price of a full run on the kind of device of a group of trials; None where nothing tells it.

    Args:
        group: The trials on this kind of device.
        units: Measures their work.
        whole: Work of a full run; None where that is not known.
    """
    first = next((trial for trial in group if trial.number == 0 and trial.device_s > 0), None)
    if first is not None:
        if _is_whole(first):
            return _Price(seconds=first.device_s, is_projected=False)
        percent = _last(first, "step")
        # Version 0.1 stopped trial 0 early: there it is complete, and shorter than a full run.
        if percent is not None and (first.state == TrialState.COMPLETE or not first.state.is_over):
            return _Price(seconds=first.device_s * LAST_STEP / percent, is_projected=True)
    measured = [(trial.device_s, done) for trial in group if trial.device_s > 0 and (done := units.done(trial))]
    if whole is None or not measured:
        return None
    seconds, work = (math.fsum(column) for column in zip(*measured, strict=True))
    return _Price(seconds=seconds / work * whole, is_projected=True)


def _is_whole(trial: TrialRecord) -> bool:
    """Return whether a trial was trained to the end of its schedule."""
    return trial.state == TrialState.COMPLETE and _last(trial, "step") == LAST_STEP


def _last(trial: TrialRecord, key: str) -> float | None:
    """Return a number above 0 of a trial's last evaluation; None where there is none."""
    return _positive(trial.evaluations[-1].get(key)) if trial.evaluations else None


def _trains_layers(effective: Mapping[str, Any]) -> bool:
    frozen, layers = effective.get("frozen_layers"), effective.get("layers")
    return isinstance(layers, int) and isinstance(frozen, int | float) and frozen < layers


def _work(effective: Mapping[str, Any], steps: float) -> float | None:
    """Return the work of so many optimiser steps of a trial; None where it has not recorded how much that is."""
    batch_size, layers = _positive(effective.get("batch_size")), effective.get("layers")
    if batch_size is None or not isinstance(layers, int):
        return None
    thawing = effective.get("thawing") or {"0": effective.get("frozen_layers")}
    try:
        phases = sorted((int(begin), float(frozen)) for begin, frozen in thawing.items())
    except (AttributeError, TypeError, ValueError):
        return None
    ends = [*(begin for begin, _ in phases[1:]), math.inf]
    passes = 0.0
    for (begin, frozen), end in zip(phases, ends, strict=True):
        trained_share = 1.0 - frozen / layers if layers > 0 else 1.0
        passes += max(0.0, min(steps, end) - begin) * _passes(trained_share)
    return batch_size * passes


def _passes(trained_share: float) -> float:
    """Return the cost of an example where a share of the layers is trained, in forward passes."""
    return (1.0 - trained_share) + TRAINED_LAYER_COST * trained_share


def _planned_work(facts: Mapping[str, Any]) -> float | None:
    """Return the work of trial 0 from its values and the size of the training split."""
    sizes, point = facts.get("sizes"), stored_first_point(facts)
    rows = _positive(sizes.get("train")) if isinstance(sizes, Mapping) else None
    if rows is None or point is None:
        return None
    try:
        hyperparameters = Hyperparameters.from_values(point, free=True)
    except SearchSpaceError:
        return None
    batch_size, frozen = hyperparameters.batch_size, hyperparameters.frozen_layers
    steps = math.ceil(hyperparameters.num_train_epochs * math.ceil(rows / batch_size))
    # Gradual unfreezing ends with all layers trained.
    return steps * batch_size * _passes(1.0 if isinstance(frozen, str) else 1.0 - frozen)


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < math.inf else None
