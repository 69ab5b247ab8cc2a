"""The output of the reading commands as JSON values. Its keys are a contract."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from search_spaces import SEVEN
from storage import (
    Database,
    EventRecord,
    Events,
    History,
    PlanPart,
    Plans,
    Slots,
    StudyRecord,
    StudyState,
    TrialRecord,
    TrialState,
    Workers,
)
from tuner.errors import NoBestTrial
from tuner.reporting.text import recipe_words
from tuner.study.budget import overdrawn
from tuner.study.chosen import chosen_trial
from tuner.study.full_runs import WorkUnits, spent_at_one_price, spent_by
from tuner.study.nearness import Nearness
from tuner.study.noise import right_rows, standard_error
from tuner.study.optimism import expected_score
from tuner.study.parents import parent_of
from tuner.study.recipe_changes import RecipeChange, stored_recipe_changes
from tuner.study.search_over import SearchOver, is_searched_by_plan
from tuner.study.verdict import Opening, Verdict
from tuner.trial.result import TWIN
from tuner.trial.row_bits import unpacked

#: Best trials that are compared row by row.
MOST_COMPARED = 200


class Standing(StrEnum):
    """How a study stands, from its state, its slots and its workers together."""

    #: A worker has shown a sign of life lately.
    RUNNING = "running"
    #: A person has paused it, or a part of its budget is spent.
    PAUSED = "paused"
    #: A person has ended it.
    STOPPED = "stopped"
    #: Every trial of its budget is over, or stays put aside as the study says.
    FINISHED = "finished"
    #: Trials are left, and no worker runs them.
    INTERRUPTED = "interrupted"


class SplitState(StrEnum):
    """The test split of a study."""

    #: The study has none.
    NONE = "none"
    #: Nothing has read it.
    LOCKED = "locked"
    #: It is opened; the verdict is to come.
    OPEN = "open"
    #: It has told its verdict, and can tell no other.
    SPENT = "spent"


def status_view(database: Database, study: StudyRecord) -> dict[str, Any]:
    """Return the state of a study: that of `overview`, with trial 0 and the cost so far."""
    history = History(database, study)
    first = history.first()
    spent = spent_at_one_price(first, history.device_seconds()) or spent_by(history.trials(), WorkUnits.of(study))
    seen = overview(database, study)
    best = None if seen["best"] is None else seen["best"]["trial"]
    return {
        **seen,
        "recipe": _recipe_of_study(study, first),
        **_test_split(database, study, best),
        "spent": spent.to_dict(),
        **_head(database, study),
    }


def _head(database: Database, study: StudyRecord) -> dict[str, Any]:
    """Return what the fitted head and the hidden states tell of the task; None where there is no head, or not yet."""
    nearness = Nearness.of_study(study, Plans(database, study.id, PlanPart.HEAD).content())
    if nearness is None:
        return {"head": None, "probe": None}
    return {"head": {**nearness.to_dict(), "words": nearness.words()}, "probe": nearness.probe()}


def overview(database: Database, study: StudyRecord) -> dict[str, Any]:
    """Return the state of a study: trials by state, the best trial, the budget and the workers.

    Cheap: reads few rows.
    """
    history = History(database, study)
    counts = history.counts()
    best = chosen_trial(database, study)
    slots = Slots(database, study.id)
    totals = slots.totals()
    workers = Workers(database, study.id).alive()
    spent = overdrawn(study.name, study.config["budget"], wall_s=study.wall_s, device_s=totals.device_s)
    put_aside = counts.get(TrialState.SHELVED, 0) > 0 and not study.config.get("keep_shelved")
    is_over = slots.unfinished() == 0 and not put_aside
    search = _search(database, study)
    if search is not None:
        is_over = is_over and search["over"]
    state = _standing(study, is_over, bool(workers), spent is not None)
    reason = None
    if state == Standing.PAUSED:
        reason = Events(database, study.id).paused_because() if study.state == StudyState.PAUSED else spent
    return {
        "study": study.name,
        "state": state,
        "trials": {"total": totals.slots, **{each.value: counts.get(each, 0) for each in TrialState}},
        "best": None if best is None else {"trial": best.number, "value": best.value},
        "parent": parent_of(study.facts),
        "guess": study.facts.get("guess"),
        "reason": reason,
        "overdrawn": spent,
        "search": search,
        "metric": study.config["metric"]["name"],
        "direction": study.config["metric"]["direction"],
        "budget": {
            **study.config["budget"],
            "spent_s": round(study.wall_s, 1),
            "spent_device_s": round(totals.device_s, 1),
        },
        "workers": [
            {
                "host": worker.host,
                "pid": worker.pid,
                "device": worker.device,
                "trial": worker.trial,
                "beat_age_s": round(worker.beat_age_s, 1),
            }
            for worker in workers
        ],
    }


def _search(database: Database, study: StudyRecord) -> dict[str, Any] | None:
    """Return how a search over depths stands, and why; None where the study is none."""
    if not is_searched_by_plan(study.facts):
        return None
    over = SearchOver.parse(Plans(database, study.id).content(), study.config)
    reason = Events(database, study.id).decided_last() if over is None else over.reason
    return {"over": over is not None, "reason": reason}


def trials_over(status: Mapping[str, Any]) -> int:
    """Return how many trials of a study are over.

    Args:
        status: The result of `status_view`.
    """
    return sum(status["trials"][state.value] for state in TrialState if state.is_over)


def _standing(study: StudyRecord, finished: bool, worked_on: bool, spent: bool) -> Standing:
    if study.state == StudyState.STOPPED:
        return Standing.STOPPED
    if finished:
        return Standing.FINISHED
    if study.state == StudyState.PAUSED or spent:
        return Standing.PAUSED
    return Standing.RUNNING if worked_on else Standing.INTERRUPTED


def trial_view(trial: TrialRecord) -> dict[str, Any]:
    """Return the summary of one trial."""
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "reason": trial.reason,
        "hyperparameters": in_order(trial.hyperparameters),
        "steps": [{"step": step, "value": value} for step, value in trial.steps],
        "device_s": round(trial.device_s, 1),
        "restarts": trial.restarts,
    }


def show_view(study: StudyRecord, trial: TrialRecord) -> dict[str, Any]:
    """Return all data of one trial."""
    return {
        "study": study.name,
        "metric": study.config["metric"]["name"],
        **trial_view(trial),
        "started": trial.started,
        "ended": trial.ended,
        "evaluations": [dict(evaluation) for evaluation in trial.evaluations],
        "effective": trial.effective,
        "checkpoints": trial.checkpoints.to_dict(),
    }


def best_view(database: Database, study: StudyRecord) -> dict[str, Any]:
    """Return the best trial, and trial 0, the published recipe or what the space has made of it, to compare it with.

    Raises:
        NoBestTrial: No trial is complete.
    """
    history = History(database, study)
    trials, chosen = history.trials(), chosen_trial(database, study)
    best = None if chosen is None else next((trial for trial in trials if trial.number == chosen.number), None)
    if chosen is None or best is None:
        raise NoBestTrial(f"study {study.name!r} has no complete trial yet; `tuner status {study.name}` shows why")
    first = next((trial for trial in trials if trial.number == 0), None)
    recipe = _recipe_of_study(study, first)
    return {
        "study": study.name,
        "parent": parent_of(study.facts),
        "confirmation": chosen.confirmation,
        "trial": best.number,
        "metric": study.config["metric"]["name"],
        "direction": history.direction,
        "value": best.value,
        "hyperparameters": in_order(best.hyperparameters),
        "effective": best.effective,
        # A contract from before `recipe`.
        "default": None if recipe["value"] is None else {"trial": 0, "value": recipe["value"]},
        "recipe": recipe,
        "guess": study.facts.get("guess"),
        "validation": {
            **_validation(study, best.value, recipe["value"]),
            "expected": None if chosen.confirmation else _expected(history, study, best),
        },
        "metrics": _metrics_of(best),
        "front": front(trials, history.direction),
        **_test_split(database, study, best.number),
    }


def _expected(history: History, study: StudyRecord, best: TrialRecord) -> float | None:
    """Return what is expected of the best trial on rows that nobody has seen; None where the metric does not tell."""
    rows = study.facts.get("sizes", {}).get("validation")
    if not rows or best.value is None or right_rows(study.config["metric"]["name"], best.value, rows) is None:
        return None
    bits = history.right_rows(MOST_COMPARED)
    if best.number not in bits or len(bits) < 2:
        return None
    import numpy as np

    expected = expected_score(np.stack([unpacked(each, rows) for _, each in sorted(bits.items())]))
    return round(min(expected, best.value), 6)


def _metrics_of(trial: TrialRecord) -> dict[str, float]:
    """Return the other metrics of a trial at its best evaluation."""
    found = next((each for each in trial.evaluations if each.get("value") == trial.value), {})
    metrics = found.get("metrics")
    return dict(metrics) if isinstance(metrics, Mapping) else {}


def front(trials: Iterable[TrialRecord], direction: str) -> list[dict[str, Any]]:
    """Return the complete trials of which no other one is as good and cheaper, the best first."""
    sign = -1.0 if direction == "maximize" else 1.0
    trained = [
        (sign * each.value, each.device_s, each.number, each)
        for each in trials
        # A trial that has taken over the values of another one has cost nothing, and there is no model of it.
        if each.state == TrialState.COMPLETE and each.value is not None and not (each.reason or "").startswith(TWIN)
    ]
    found: list[dict[str, Any]] = []
    for *_, each in sorted(trained, key=lambda entry: entry[:3]):
        if not found or each.device_s < found[-1]["device_s"]:
            found.append({"trial": each.number, "value": each.value, "device_s": round(each.device_s, 1)})
    return found


def _validation(study: StudyRecord, best: float | None, recipe: float | None) -> dict[str, Any]:
    """Return what the values of the best trial and of trial 0 rest on."""
    rows, metric = study.facts.get("sizes", {}).get("validation"), study.config["metric"]
    noise = None if rows is None or best is None else 2 * standard_error(best, rows, metric["direction"])
    return {
        "rows": rows,
        "right": right_rows(metric["name"], best, rows),
        "recipe_right": right_rows(metric["name"], recipe, rows),
        # Two standard errors.
        "noise": noise,
    }


def verdict_view(database: Database, study: StudyRecord) -> dict[str, Any]:
    """Return what the test split has told of a study.

    Raises:
        NoBestTrial: It has told nothing.
    """
    content = Plans(database, study.id, PlanPart.TEST).content()
    verdict, best = Verdict.parse(content), chosen_trial(database, study)
    if verdict is None:
        raise NoBestTrial(f"the test split of study {study.name!r} is not opened; `tuner test {study.name}` opens it")
    number = None if best is None else best.number
    models = content["result"]["models"]
    return {
        "study": study.name,
        "verdict": verdict.to_dict(best=number),
        "models": [{name: model.get(name) for name in ("trial", "value", "right", "metrics")} for model in models],
        "sentences": verdict.sentences(best=number),
        "method": verdict.method,
        "recipe": _recipe_of_study(study, History(database, study).first()),
    }


def _test_split(database: Database, study: StudyRecord, best: int | None) -> dict[str, Any]:
    """Return what the test split has told, None where it has told nothing; how many rows it has, and its state."""
    content = Plans(database, study.id, PlanPart.TEST).content()
    verdict, rows = Verdict.parse(content), study.facts.get("sizes", {}).get("test")
    state = SplitState.LOCKED if Opening.parse(content) is None else SplitState.OPEN
    if verdict is not None:
        state = SplitState.SPENT
    told = None if verdict is None else {**verdict.to_dict(best=best), "sentences": verdict.sentences(best=best)}
    return {"verdict": told, "test": {"rows": rows or None, "state": state if rows else SplitState.NONE}}


def _recipe_of_study(study: StudyRecord, first: TrialRecord | None) -> dict[str, Any]:
    changes = stored_recipe_changes(study.facts, first.hyperparameters if first else None)
    value = first.value if first is not None and first.state == TrialState.COMPLETE else None
    return recipe_view(changes, study.facts.get("family"), value)


def recipe_view(changes: Iterable[RecipeChange], family: str | None, value: float | None) -> dict[str, Any]:
    """Return trial 0 beside the published recipe.

    Args:
        changes: The values that are not the recipe's.
        family: The architecture family of the recipe.
        value: The value of trial 0; None where it is not complete.
    """
    return {"trial": 0, "value": value, "family": family, "changes": [change.to_dict() for change in changes]}


def recipe_of(view: Mapping[str, Any]) -> str:
    """Return in words what trial 0 of a study is.

    Args:
        view: The result of `status_view` or `best_view`.
    """
    recipe = view["recipe"]
    return recipe_words([RecipeChange(**change) for change in recipe["changes"]], recipe["family"])


def event_view(event: EventRecord) -> dict[str, Any]:
    """Return one entry of the event log."""
    return {
        "id": event.id,
        "time": _moment(event.moment),
        "kind": event.kind,
        "trial": event.trial,
        "attempt": event.attempt,
        "worker": event.owner,
        # A contract from before a step was only that of an evaluation.
        "step": event.optimiser_steps if event.step is None else event.step,
        "value": event.value,
        "detail": event.detail,
    }


def _moment(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_order(hyperparameters: Any) -> dict[str, Any]:
    """Return hyperparameters by name: the seven that every study has first, then the others."""
    known = [name for name in SEVEN if name in hyperparameters]
    return {name: hyperparameters[name] for name in [*known, *(n for n in hyperparameters if n not in SEVEN)]}
