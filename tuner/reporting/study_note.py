"""The note that optuna-dashboard shows beside a study: its question, how it stands, what it has found, how to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage import TrialState
from tuner.errors import NoBestTrial
from tuner.reporting.result import result_sentences, scored
from tuner.reporting.text import clock, describe
from tuner.reporting.views import Standing, best_view, recipe_of, status_view, trials_over
from tuner.study.noise import standard_error

if TYPE_CHECKING:
    from storage import Database, StudyRecord

#: Trials below which the importance of hyperparameters is mostly chance.
TRIALS_FOR_IMPORTANCE = 50


def study_note(database: Database, study: StudyRecord) -> str:
    """Return the note of a study, in Markdown.

    Args:
        database: Where the study is.
        study: The study.
    """
    status = status_view(database, study)
    try:
        best: dict[str, Any] | None = best_view(database, study)
    except NoBestTrial:
        best = None
    parts = [
        f"## {study.name}: {status['state']}",
        _question(study, status),
        *_result(status, best),
        _state(status),
        _reading(status),
        _going_on(study, status, best),
    ]
    return "\n\n".join(parts)


def study_attributes(study: StudyRecord) -> dict[str, Any]:
    """Return what a person wants to know of a study at a glance, by name: the question that it asks.

    Args:
        study: The study.
    """
    config, sizes = study.config, study.facts.get("sizes") or {}
    source = (config.get("data") or {}).get("source")
    found = {
        "task": config.get("train") or config.get("task"),
        "model": config.get("model"),
        "data": source if isinstance(source, str) else None,
        "metric": f"{config['metric']['name']}, {_better(config['metric']['direction'])}",
        **{f"{split} rows": rows for split, rows in sizes.items() if rows},
        "guessing the largest class": _rounded(study.facts.get("guess")),
        "seed": config.get("seed"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _question(study: StudyRecord, status: Mapping[str, Any]) -> str:
    config, sizes = study.config, study.facts.get("sizes") or {}
    metric, direction = status["metric"], config["metric"]["direction"]
    what = f"`{config['model']}`" if config.get("model") else f"`{config.get('train')}`"
    sentences = [f"Which hyperparameters give {what} the best {metric} ({_better(direction)})?"]
    if sizes.get("train") and sizes.get("validation"):
        sentences.append(
            f"A trial trains on {sizes['train']:,} rows. It is measured on {sizes['validation']:,} others."
        )
        value = status["best"]["value"] if status["best"] else status["guess"]
        if value is not None:
            noise = 2 * standard_error(value, sizes["validation"], direction)
            sentences.append(f"On so many rows the {metric} of one model is known to about ±{noise:.2g}.")
    return " ".join(sentences)


def _result(status: Mapping[str, Any], best: Mapping[str, Any] | None) -> list[str]:
    if best is None or best["value"] is None:
        return ["**Result:** no trial is complete yet."]
    seen, recipe = best["validation"], best["recipe"]
    rows = ["| | trial | on the validation rows | settings |", "|--|--|--|--|"]
    told = scored(best["metric"], best["value"], seen["right"], seen["rows"])
    rows.append(f"| best | {best['trial']} | {told} | {describe(best['hyperparameters'])} |")
    if recipe["value"] is not None and recipe["trial"] != best["trial"]:
        told = scored(best["metric"], recipe["value"], seen["recipe_right"], seen["rows"])
        rows.append(f"| recipe | 0 | {told} | {recipe_of(best)} |")
    sentences = [f"Trial {best['trial']} is the best.", *result_sentences(best, status["guess"])]
    return ["\n".join(rows), f"**Result:** {' '.join(sentences)}"]


def _state(status: Mapping[str, Any]) -> str:
    counts, spent, budget = status["trials"], status["spent"], status["budget"]
    named = ", ".join(f"{counts[state.value]} {state.value}" for state in TrialState if counts[state.value])
    lines = [f"**Trials:** {trials_over(status)} of {counts['total']} over{f' ({named})' if named else ''}."]
    about = "about " if spent["projected"] else ""
    runs = "" if spent["runs"] is None else f"{about}{spent['runs']:.2f} runs of trial 0, "
    most = f" The budget is {budget['runs']:g} runs." if budget.get("runs") else ""
    lines.append(f"**Spent:** {runs}{clock(spent['device_s'])} of device time.{most}")
    if status["reason"]:
        lines.append(f"**{str(status['state']).capitalize()}:** {status['reason']}.")
    if status["head"] is not None:
        lines.append(f"**Task:** {status['head']['words']}.")
    if status["search"] is not None and status["search"]["reason"]:
        lines.append(f"**The search so far:** {status['search']['reason']}.")
    return "  \n".join(lines)


def _reading(status: Mapping[str, Any]) -> str:
    trials, metric = trials_over(status), status["metric"]
    few = f" This study has {trials}." if trials < TRIALS_FOR_IMPORTANCE else ""
    return "\n".join(
        [
            "### How to read this page",
            "",
            "- A step is a percent of the trial's own schedule. So short and long trials compare.",
            f"- The value of a complete trial is its best {metric}. That of a pruned trial is its last one.",
            f"- Trial 0 is {recipe_of(status)}.",
            "- The importance of hyperparameters means little below about "
            f"{TRIALS_FOR_IMPORTANCE} trials: with another seed it is another picture.{few}",
            "- Each trial has a note: how it ended, its curve, and what was really trained.",
        ]
    )


def _going_on(study: StudyRecord, status: Mapping[str, Any], best: Mapping[str, Any] | None) -> str:
    name, state = study.name, status["state"]
    lines = ["### How to go on", ""]
    if state == Standing.RUNNING:
        lines.append(f"- `tuner pause {name}` stops it for a while. Nothing is lost.")
    if state in (Standing.PAUSED, Standing.INTERRUPTED):
        lines.append(f"- `tuner resume {name}` goes on, on any machine that reaches this database.")
    if best is not None:
        if status["test"]["state"] == "locked":
            lines.append(f"- `tuner test {name}` asks rows that no trial has seen.")
        lines.append(f"- `tuner export {name} FOLDER` takes the best model.")
    lines.append(f"- `tuner status {name}` says the same in a terminal.")
    return "\n".join(lines)


def _better(direction: str) -> str:
    return "higher is better" if direction == "maximize" else "lower is better"


def _rounded(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value
