"""Reads what the live view shows of a whole study. Cheap: plain SQL that reads few columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from storage import History, Slots, TrialState
from tuner.reporting.events import About, Ranked, Standings
from tuner.study.parents import parent_of

if TYPE_CHECKING:
    from storage import Database, StudyRecord

#: Seconds between two reads of how trials stand: after one has ended, and for those of other machines.
TURN_S, STILL_S = 2.0, 15.0
#: The largest share of the time that these reads take.
SHARE = 0.005
#: Best trials that are read.
_LEADERS = 20


def standings_of(database: Database, study: StudyRecord) -> Standings:
    """Return how the trials of a study stand."""
    history, slots = History(database, study), Slots(database, study.id)
    counts, top = history.counts(), history.top()
    # Trial 0 of a confirmation or a refit is one of those that they train, and no recipe.
    has_recipe = parent_of(study.facts) is None
    first = next((each for each in top if each[0] == 0), None) if has_recipe else None
    leaders = top[:_LEADERS]
    numbers = [number for number, _ in [*leaders, *([first] if first else [])]]
    seconds = {slot.trial_number: slot.device_s for slot in slots.over(numbers)} if numbers else {}

    def ranked(entry: tuple[int, float]) -> Ranked:
        return Ranked(number=entry[0], value=entry[1], device_s=seconds.get(entry[0]))

    begun = sum(counts.values()) - counts.get(TrialState.INTERRUPTED, 0) - counts.get(TrialState.PAUSED, 0)
    return Standings(
        counts=counts,
        waiting=max(0, slots.totals().slots - begun),
        leaders=tuple(ranked(each) for each in leaders),
        recipe=None if first is None else ranked(first),
    )


class StandingsReader:
    """Reads how trials stand when that may have changed, and so seldom that it takes little of the processor.

    Args:
        database: Where the study is.
        study: The study.
        clock: Returns seconds.
    """

    def __init__(self, database: Database, study: StudyRecord, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._study, self._clock = database, study, clock
        self._read_at, self._least_s = clock(), 0.0
        self._has_turned = False

    def note_turn(self) -> None:
        """Note that trials stand otherwise than when they were read last."""
        self._has_turned = True

    @property
    def is_due(self) -> bool:
        """Whether they are to be read now."""
        since = self._clock() - self._read_at
        return since >= max(self._least_s, TURN_S if self._has_turned else STILL_S)

    def read(self) -> Standings:
        """Read them now."""
        began = self._clock()
        found = standings_of(self._database, self._study)
        self._read_at = self._clock()
        self._least_s, self._has_turned = (self._read_at - began) / SHARE, False
        return found


def about(database: Database, study: StudyRecord) -> About:
    """Return what a study is, and how its trials stand."""
    return About(
        **_of_config(study.config),
        study=study.name,
        sizes=study.facts.get("sizes"),
        has_recipe=parent_of(study.facts) is None,
        varying=varying(study.facts.get("space") or {}),
        scale=History(database, study).value_range(),
        gone_s=study.wall_s,
        standings=standings_of(database, study),
    )


def about_new(name: str, config: Mapping[str, Any]) -> About:
    """Return what a study is that is not in the database yet.

    Args:
        name: Its name.
        config: Its study file, with all defaults filled in.
    """
    return About(**_of_config(config), study=name)


def _of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    metric = config["metric"]
    return {
        "metric": metric["name"],
        "direction": metric["direction"],
        "model": _short(config.get("model")),
        "trials": config["budget"].get("trials"),
        "runs": config["budget"].get("runs"),
    }


def _short(model: str | None) -> str | None:
    """Return the part of a model's name that tells most: the last one, or that before it where it is `model`."""
    parts = [part for part in (model or "").removeprefix("package:").split("/") if part]
    if len(parts) > 1 and parts[-1] == "model":
        parts.pop()
    return parts[-1] if parts else None


def varying(space: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the hyperparameters that a stored search space does not fix."""
    return tuple(name for name, each in space.items() if isinstance(each, Mapping) and not _is_fixed(each))


def _is_fixed(parameter: Mapping[str, Any]) -> bool:
    if "choices" in parameter:
        return len(parameter["choices"]) < 2
    return bool(parameter.get("low") == parameter.get("high"))
