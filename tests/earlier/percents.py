"""What version 0.1 said in tenths of a trial's schedule, in percents: what its studies say once they are upgraded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def read_in_percents(command: str, told: Any) -> Any:
    """Return what a reading command of version 0.1 printed, as it is printed after the upgrade."""
    return _READ.get(command, lambda same: same)(told)


def trial_in_percents(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Return one trial as `tuner trials` prints it."""
    return {**trial, "steps": [_step(each) for each in trial["steps"]]}


def _trials(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "trials": [trial_in_percents(trial) for trial in told["trials"]]}


def _shown(trials: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **trial_in_percents(trial),
            "evaluations": [_step(each) for each in trial["evaluations"]],
            "effective": _effective(trial["effective"]),
            "checkpoints": {
                "resume": [_checkpoint(each) for each in trial["checkpoints"]["resume"]],
                "best": _checkpoint(trial["checkpoints"]["best"]),
            },
        }
        for trial in trials
    ]


def _best(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "effective": _effective(told["effective"])}


def _logs(told: Mapping[str, Any]) -> dict[str, Any]:
    # The step of a checkpoint counts optimiser steps.
    return {**told, "events": [_step(each) if each["kind"] == "report" else each for each in told["events"]]}


def _step(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "step": 10 * entry["step"]}


def _checkpoint(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {**entry, "tenth": None if entry["tenth"] is None else 10 * entry["tenth"]}


def _effective(told: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if told is None or "evaluations" not in told:
        return told
    return {**told, "evaluations": [10 * tenth for tenth in told["evaluations"]]}


_READ: Mapping[str, Callable[[Any], Any]] = {"trials": _trials, "show": _shown, "best": _best, "logs": _logs}
