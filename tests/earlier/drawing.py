"""What sampler and pruner answer to a fixed history, in a way that every version of tuner can be asked."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from search_spaces import SearchSpace, load_space, recipe_for

#: Trials of the history, and trials drawn after them.
TOLD, DRAWN = 30, 40
STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
#: The space of the preset for texts with BERT's recipe; and one in which some points have no warm-up.
SPACES: Mapping[str, Mapping[str, Any]] = {
    "preset": {},
    "conditional": {"lr_scheduler_type": ["linear", "constant"], "layerwise_lr_decay": {"low": 0.7, "high": 1.0}},
}
#: Pruners as a study file of version 0.1 has them: their steps, as all steps here, are tenths of a schedule.
PRUNERS: Mapping[str, Any] = {
    "none": "none",
    "percentile": "percentile",
    "percentile 50": {"name": "percentile", "percentile": 50, "n_startup_trials": 2, "n_warmup_steps": 1},
    "median": {"name": "median", "n_startup_trials": 3, "n_min_trials": 2},
    "successive_halving": "successive_halving",
    "hyperband": "hyperband",
}
#: Keys of a pruner whose values are steps.
PRUNER_STEPS = ("n_warmup_steps", "min_resource")


def written(pruner: Any, per_tenth: int) -> Any:
    """Return one of the pruners as it is written for a version that counts so many steps in a tenth."""
    if isinstance(pruner, str):
        return pruner
    return {key: value * per_tenth if key in PRUNER_STEPS else value for key, value in pruner.items()}


def space_of(name: str) -> SearchSpace:
    """Return one of the spaces."""
    recipe = recipe_for("bert", "google-bert/bert-base-uncased", 768)
    return load_space(
        dict(SPACES[name]), preset="text-classification", recipe=recipe, folder=Path(), source="the fixture"
    )


def document(**changes: Any) -> dict[str, Any]:
    """Return a study file with the defaults of version 0.1. A named pruner asks later versions for the plain search."""
    source = {"name": "fixture", "model": "google-bert/bert-base-uncased", "data": {"source": "imdb"}}
    return {**source, "pruner": "percentile", **changes}


@contextmanager
def quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


# ---- the sampler


def invented_history(space: SearchSpace) -> list[dict[str, Any]]:
    """Return trials with ends of every kind; trial 0 is the published recipe."""
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=5))
    drawn.enqueue_trial(space.clip(recipe_for("bert", "google-bert/bert-base-uncased", 768).defaults))
    history = []
    for number in range(TOLD):
        trial = drawn.ask()
        space.suggest(trial)
        history.append({"params": dict(trial.params), **invented_end(number, trial.params)})
    return history


def invented_end(number: int, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a trial with these parameters ended: its state, value, steps and the constraint that it violates."""
    rate, chance = params["learning_rate"], random.Random(number)
    value = min(rate / 5e-5, 5e-5 / rate) * (1 - params["dropout"]) + 0.1 * chance.random()
    steps = {step: value * step / 10 for step in range(1, 11)}
    if number in (9, 44):  # out of memory before the first evaluation
        return {"state": "pruned", "value": None, "steps": {}, "avoid": "out_of_memory"}
    if number == 13:
        return {"state": "pruned", "value": None, "steps": {1: value, 2: math.nan}, "avoid": "diverged"}
    if number in (17, 51):
        return {"state": "failed", "value": None, "steps": {1: steps[1]}, "avoid": None}
    if number in (28, 29, 40, 41, 66):
        return {"state": "running", "value": None, "steps": {step: steps[step] for step in (1, 2)}, "avoid": None}
    if number % 5 == 3:
        last = 3 + number % 4
        return {"state": "pruned", "value": None, "steps": {k: v for k, v in steps.items() if k <= last}, "avoid": None}
    return {"state": "complete", "value": value, "steps": steps, "avoid": None}


def end(study: optuna.Study, trial: optuna.Trial, told: Mapping[str, Any], per_tenth: int) -> None:
    """Give a trial the end that is written."""
    for tenth, value in told["steps"].items():
        trial.report(math.nan if value is None else value, int(tenth) * per_tenth)
    if told["avoid"] is not None:
        trial.set_constraint(told["avoid"], 1.0)
    if told["state"] != "running":
        study.tell(trial, told["value"], state=STATES[told["state"]])


def draw(
    sampler: optuna.samplers.BaseSampler,
    space: SearchSpace,
    history: list[dict[str, Any]],
    ends: Callable[[int, Mapping[str, Any]], Mapping[str, Any]],
    per_tenth: int,
) -> list[dict[str, Any]]:
    """Return the points that a sampler draws after a history, each told with its end before the next is drawn.

    Args:
        sampler: The sampler.
        space: Where it draws.
        history: The trials before, with their ends.
        ends: Gives the end of a drawn trial, by its number and parameters.
        per_tenth: Steps in a tenth of a schedule, in which ends are written.
    """
    points = []
    with quiet():
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for told in history:
            study.enqueue_trial(told["params"])
            trial = study.ask()
            space.suggest(trial)
            assert trial.params == told["params"]
            end(study, trial, told, per_tenth)
        for number in range(TOLD, TOLD + DRAWN):
            trial = study.ask()
            assert trial.number == number
            space.suggest(trial)
            points.append(dict(trial.params))
            end(study, trial, ends(number, trial.params), per_tenth)
    return points


# ---- the pruner


def invented_curves() -> list[dict[int, float]]:
    """Return 16 curves by tenth: good and bad ones, late and early ones, some evaluated at fewer steps."""
    chance, curves = random.Random(7), []
    for number in range(16):
        top, bend = chance.uniform(0.3, 0.9), chance.choice((1, 2, 5))
        steps = (2, 4, 6, 8, 10) if number % 5 == 4 else range(1, 11)
        curves.append({step: top * step / (step + bend) + 0.02 * chance.random() for step in steps})
    return curves


def answers(pruner: optuna.pruners.BasePruner, curves: list[dict[int, float]], per_tenth: int) -> list[list[bool]]:
    """Return of each curve, at each of its tenths, whether the pruner would end the trial there; it then ends."""
    found = []
    with quiet():
        # Hyperband chooses a trial's bracket by the study's name.
        study = optuna.create_study(study_name="fixture", direction="maximize", pruner=pruner)
        for curve in curves:
            trial, told = study.ask(), []
            for tenth, value in curve.items():
                trial.report(value, int(tenth) * per_tenth)
                told.append(bool(trial.should_prune()))
                if told[-1]:
                    break
            ended = TrialState.PRUNED if told[-1] else TrialState.COMPLETE
            study.tell(trial, None if told[-1] else max(curve.values()), state=ended)
            found.append(told)
    return found
