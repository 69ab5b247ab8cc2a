"""Pictures of a study as data: learning curves, score against cost, hyperparameters, depths, and who trained when.

The dashboard and the report draw them. All of them come from one reading of the database; see `read_pictures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from storage import EventKind, Events, History, Plans, StudyRecord, TrialRecord, TrialState
from tuner.reporting.timeline import Timeline, timeline
from tuner.reporting.views import front, in_order
from tuner.study.arms import ArmKey, nearest_arm
from tuner.study.full_runs import Prices, device_kind_of, prices_of
from tuner.study.search_over import SearchOver, is_searched_by_plan
from tuner.trial.evaluation import is_better
from tuner.trial.result import TWIN, Constraint

if TYPE_CHECKING:
    from storage import Database, EventRecord


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The value that a pruned trial missed."""

    #: The percent of its schedule at which the trial ended.
    step: int
    #: Its best value up to there.
    value: float
    #: The weakest value at this percent with which another trial went on, of those that are better than its own.
    needed: float


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The learning curve of a trial."""

    trial: int
    state: TrialState
    #: Percent of the trial's own schedule, and the metric there, in order. Values may be no finite numbers.
    points: tuple[tuple[int, float], ...]
    #: Of a trial that ended for its value; otherwise None.
    missed: Bar | None = None


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The learning curves of a study, on one axis of percent."""

    metric: str
    direction: str
    #: Percents at which all trials of the study are evaluated, and may be put aside or ended; the last is 100.
    rungs: tuple[int, ...]
    curves: tuple[Curve, ...]


@dataclass(frozen=True, kw_only=True)
class CostPoint:
    """What a trial has cost, and the value that it has reached."""

    trial: int
    state: TrialState
    value: float
    #: Device seconds over all attempts.
    device_s: float
    #: The same in runs of trial 0; None where the price of a run is not known.
    runs: float | None
    #: Whether no complete trial is as good and cheaper.
    is_on_front: bool


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Value against cost of the trials that have a value and have used a device."""

    metric: str
    direction: str
    points: tuple[CostPoint, ...]

    @property
    def front(self) -> tuple[CostPoint, ...]:
        """The Pareto front, the cheapest first."""
        return tuple(sorted((each for each in self.points if each.is_on_front), key=lambda each: each.device_s))

    @property
    def are_priced(self) -> bool:
        """Whether the cost of every point is known in runs of trial 0."""
        return bool(self.points) and all(each.runs is not None for each in self.points)


class Scale(StrEnum):
    """How the values of a hyperparameter lie on an axis."""

    LINEAR = "linear"
    LOG = "log"
    #: Evenly, in the order of `Axis.choices`.
    CHOICES = "choices"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A hyperparameter that trials have different values of."""

    name: str
    scale: Scale
    #: Of `Scale.CHOICES` the values; otherwise empty.
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Point:
    """The hyperparameters of a trial with a value, in the order of the axes; None where the trial has none."""

    trial: int
    state: TrialState
    value: float
    hyperparameters: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Points:
    """The points of the search space that were tried."""

    metric: str
    direction: str
    axes: tuple[Axis, ...]
    #: Names and values of hyperparameters that are the same in all trials.
    fixed: Mapping[str, Any]
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True)
class DepthTrial:
    """A trial at a depth."""

    trial: int
    state: TrialState
    #: The percent of its schedule that it has reached.
    percent: int
    value: float | None
    device_s: float
    runs: float | None


@dataclass(frozen=True, kw_only=True)
class Depth:
    """The trials of a study that train equally many layers from the same kind of head."""

    #: Share of the layers that stay frozen, or `gradual`.
    frozen: float | str
    head: str
    #: For people, such as `50 % of the layers, fitted head`.
    words: str
    trials: tuple[DepthTrial, ...]
    #: The best value of a complete trial; None without one.
    best: float | None


@dataclass(frozen=True, kw_only=True)
class Depths:
    """Where a search has put its device time, by depth, the cheapest depth first."""

    metric: str
    depths: tuple[Depth, ...]
    #: What the search has decided, in order: seconds since 1970, and the reason for people.
    decisions: tuple[tuple[float, str], ...]
    #: Whether the search decides by depth which trial device time goes to; otherwise the depths are drawn.
    is_planned: bool


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """All pictures of a study."""

    study: str
    curves: Curves
    costs: Costs
    points: Points
    timeline: Timeline
    depths: Depths


#: Kinds of events that the pictures show.
_SHOWN = (
    EventKind.CLAIMED,
    EventKind.STOLEN,
    EventKind.RELEASED,
    EventKind.SHELVED,
    EventKind.PROMOTED,
    EventKind.DECIDED,
    EventKind.END,
)


def read_pictures(database: Database, study: StudyRecord, trials: Sequence[TrialRecord] | None = None) -> Pictures:
    """Read all that the pictures of a study show.

    Args:
        database: Where the study is.
        study: The study.
        trials: Its trials, where the caller has read them; None reads them.
    """
    history = History(database, study)
    found = history.trials() if trials is None else trials
    events = Events(database, study.id).all(kinds=_SHOWN)
    prices = prices_of(history, study)
    over = SearchOver.parse(Plans(database, study.id).content(), study.config)
    return Pictures(
        study=study.name,
        curves=curves_of(study, found, search_end=None if over is None else over.reason),
        costs=costs_of(study, found, prices),
        points=points_of(study, found),
        timeline=timeline(found, events),
        depths=depths_of(study, found, prices, events),
    )


def curves_of(study: StudyRecord, trials: Sequence[TrialRecord], *, search_end: str | None = None) -> Curves:
    """Return the learning curves of a study.

    Args:
        study: The study.
        trials: Its trials.
        search_end: Why the search has ended, if it has: trials that ended with it missed no bar.
    """
    direction = str(study.config["metric"]["direction"])
    reached: dict[int, list[float]] = {}
    for trial in trials:
        for step, value in trial.steps[:-1]:
            reached.setdefault(step, []).append(value)
    curves = [
        Curve(
            trial=trial.number,
            state=trial.state,
            points=trial.steps,
            missed=_missed(trial, reached, direction) if _ended_for_its_value(trial, search_end) else None,
        )
        for trial in trials
        if trial.steps
    ]
    looks = study.facts.get("looks") or sorted({step for trial in trials for step, _ in trial.steps})
    return Curves(metric=study.config["metric"]["name"], direction=direction, rungs=tuple(looks), curves=tuple(curves))


def _ended_for_its_value(trial: TrialRecord, search_end: str | None) -> bool:
    label, _, reason = (trial.reason or "").partition(": ")
    is_constraint = any(label == constraint for constraint in Constraint)
    return trial.state == TrialState.PRUNED and not is_constraint and (search_end is None or reason != search_end)


def _missed(trial: TrialRecord, reached: Mapping[int, Sequence[float]], direction: str) -> Bar | None:
    step = trial.steps[-1][0]
    own = _best([value for _, value in trial.steps], direction)
    better = [value for value in reached.get(step, ()) if is_better(value, own, direction)]
    if own is None or not better:
        return None
    return Bar(step=step, value=own, needed=min(better) if direction == "maximize" else max(better))


def costs_of(study: StudyRecord, trials: Sequence[TrialRecord], prices: Prices) -> Costs:
    """Return value against cost of a study's trials.

    Args:
        study: The study.
        trials: Its trials.
        prices: What a run of trial 0 costs.
    """
    metric = study.config["metric"]
    on_front = {each["trial"] for each in front(trials, metric["direction"])}
    points = [
        CostPoint(
            trial=trial.number,
            state=trial.state,
            value=trial.value,
            device_s=trial.device_s,
            runs=prices.runs(device_kind_of(trial.effective), trial.device_s),
            is_on_front=trial.number in on_front,
        )
        for trial in trials
        if trial.value is not None and trial.device_s > 0 and not (trial.reason or "").startswith(TWIN)
    ]
    return Costs(metric=metric["name"], direction=metric["direction"], points=tuple(points))


def points_of(study: StudyRecord, trials: Sequence[TrialRecord]) -> Points:
    """Return the points of the search space that a study has tried.

    Args:
        study: The study.
        trials: Its trials. Those without a value are left out.
    """
    valued = [trial for trial in trials if trial.value is not None]
    seen: dict[str, list[Any]] = {}
    for trial in valued:
        for name, value in trial.hyperparameters.items():
            seen.setdefault(name, []).append(value)
    varying = in_order({name: found for name, found in seen.items() if len(set(found)) > 1})
    axes = tuple(_axis(name, found, study.facts.get("space", {}).get(name, {})) for name, found in varying.items())
    return Points(
        metric=study.config["metric"]["name"],
        direction=study.config["metric"]["direction"],
        axes=axes,
        fixed={name: found[0] for name, found in in_order(seen).items() if name not in varying},
        points=tuple(
            Point(
                trial=trial.number,
                state=trial.state,
                value=trial.value,
                hyperparameters=tuple(trial.hyperparameters.get(axis.name) for axis in axes),
            )
            for trial in valued
            if trial.value is not None
        ),
    )


def _axis(name: str, values: Sequence[Any], parameter: Mapping[str, Any]) -> Axis:
    numbers = [value for value in values if isinstance(value, int | float)]
    if parameter.get("type") in ("float", "int") and len(numbers) == len(values):
        return Axis(name=name, scale=Scale.LOG if parameter.get("log") and min(numbers) > 0 else Scale.LINEAR)
    choices = sorted(set(values), key=lambda value: (isinstance(value, str), value))
    return Axis(name=name, scale=Scale.CHOICES, choices=tuple(choices))


def depths_of(
    study: StudyRecord, trials: Sequence[TrialRecord], prices: Prices, events: Sequence[EventRecord]
) -> Depths:
    """Return where a search has put its device time, by depth.

    Args:
        study: The study.
        trials: Its trials.
        prices: What a run of trial 0 costs.
        events: Those of its decisions; others are left out.
    """
    metric = study.config["metric"]
    arms = [ArmKey.from_list(each) for each in study.facts.get("arms") or ()]
    groups: dict[ArmKey, list[TrialRecord]] = {arm: [] for arm in arms}
    for trial in trials:
        # A study's own training may have other hyperparameters.
        if "frozen_layers" in trial.hyperparameters:
            key = ArmKey.of_point(trial.hyperparameters)
            # A depth that an edit has taken out of the space is a depth of its own.
            is_known = any(arm.frozen_layers == key.frozen_layers for arm in arms)
            groups.setdefault(nearest_arm(arms, key) if is_known else key, []).append(trial)
    order = list(groups) if arms else sorted(groups, key=lambda key: (-key.frozen_share, key.name))
    decided = (EventKind.DECIDED, EventKind.PROMOTED)
    return Depths(
        metric=metric["name"],
        depths=tuple(_depth(key, order, groups[key], prices, metric["direction"]) for key in order),
        decisions=tuple((each.moment, each.detail) for each in events if each.kind in decided and each.detail),
        is_planned=is_searched_by_plan(study.facts),
    )


def _depth(key: ArmKey, keys: Sequence[ArmKey], trials: Sequence[TrialRecord], prices: Prices, direction: str) -> Depth:
    complete = [each.value for each in trials if each.state == TrialState.COMPLETE and each.value is not None]
    return Depth(
        frozen=key.frozen_layers,
        head=key.head_init,
        words=key.words(keys),
        trials=tuple(
            DepthTrial(
                trial=trial.number,
                state=trial.state,
                percent=trial.steps[-1][0] if trial.steps else 0,
                value=trial.value,
                device_s=trial.device_s,
                runs=prices.runs(device_kind_of(trial.effective), trial.device_s),
            )
            for trial in trials
        ),
        best=_best(complete, direction),
    )


def _best(values: Sequence[float], direction: str) -> float | None:
    """Return the best finite value; None without one."""
    best = None
    for value in values:
        best = value if is_better(value, best, direction) else best
    return best
