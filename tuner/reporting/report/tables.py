"""Tables and lines of a report, as plain text: each form of the report writes them in its own way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage import TrialState
from tuner.reporting.text import clock, counted
from tuner.reporting.views import recipe_of

if TYPE_CHECKING:
    from tuner.reporting.report.report import Report

#: Classes up to which the confusion is a matrix. Of more, the pairs that are confused most often are listed.
MATRIX_CLASSES = 12
#: Classes, and pairs of classes, that are listed of many.
_LISTED = 30
#: Fewer complete trials do not tell which hyperparameter matters.
TELLING_TRIALS = 50
#: Characters of a text that are shown.
_TEXT = 600
#: Shown where there is no value.
NOTHING = "-"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a table."""

    text: str
    #: By this the rows are sorted; None sorts by the text.
    key: float | None = None
    #: Whether it stands out from its row.
    stands_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row of the data that a model gets wrong, or that it alone gets right."""

    place: str
    label: str
    #: The input, cut where it is long; empty for images.
    text: str
    #: What each model takes it for, with its confidence, the best trial last.
    taken_for: tuple[str, ...]


def number(value: float | None) -> str:
    """Return a value of a metric, as every text of tuner shows it."""
    return NOTHING if value is None else f"{value:.4f}"


def setting(value: Any) -> str:
    """Return the value of a hyperparameter."""
    if value is None:
        return NOTHING
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Return a duration; a short one with a tenth of a second."""
    return f"{seconds:.1f}s" if seconds < 10 else clock(seconds)


def comparison(report: Report) -> Table | None:
    """Return the best trial beside trial 0; None before a trial is complete. Rows stand out where the two differ."""
    best = report.best
    if best is None:
        return None
    shown = [trial for trial in (report.trial(0), report.trial(best["trial"])) if trial is not None]
    if best["trial"] == 0:
        shown = shown[:1]
    seen = best["validation"]
    rows = [(best["metric"], [number(_value(trial)) for trial in shown])]
    right = {0: seen["recipe_right"], best["trial"]: seen["right"]}
    if seen["rows"] is not None and seen["right"] is not None:
        rows.append((f"right, of {seen['rows']:,}", [_count(right[trial["number"]]) for trial in shown]))
    names = dict.fromkeys(name for trial in shown for name in trial["hyperparameters"])
    rows += [(name, [setting(trial["hyperparameters"].get(name)) for trial in shown]) for name in names]
    rows.append(("device time", [duration(trial["device_s"]) for trial in shown]))
    titles = ["trial 0" if trial["number"] == 0 else f"trial {trial['number']}, the best" for trial in shown]
    if best["trial"] == 0:
        titles = ["trial 0, the best"]
    return Table(
        headings=("", *titles),
        rows=tuple(
            (Cell(text=name), *(Cell(text=each, stands_out=len({*values}) > 1) for each in values))
            for name, values in rows
        ),
    )


def recipe_sentence(report: Report) -> str | None:
    """Return what trial 0 is; None where the study has no recipe."""
    if report.status["recipe"]["family"] is None or report.status["parent"] is not None:
        return None
    return f"Trial 0 is {recipe_of(report.status)}."


def trials_table(report: Report) -> Table:
    """Return all trials by number, with the hyperparameters that vary, and the values that pruned ones missed."""
    best = None if report.best is None else report.best["trial"]
    missed = {each.trial: each.missed.needed for each in report.pictures.curves.curves if each.missed is not None}
    metric = str(report.status["metric"])
    headings = [
        "trial",
        "state",
        metric,
        *(["needed"] if missed else []),
        "done",
        *report.varied,
        "took",
        "why it ended",
    ]
    rows = []
    for trial in report.trials:
        values = [trial["hyperparameters"].get(name) for name in report.varied]
        last, needed = trial["steps"][-1]["step"] if trial["steps"] else None, missed.get(trial["number"])
        rows.append(
            (
                Cell(text=str(trial["number"]), key=trial["number"], stands_out=trial["number"] == best),
                Cell(text=str(trial["state"])),
                Cell(text=number(trial["value"]), key=_key(trial["value"])),
                *([Cell(text=number(needed), key=needed)] if missed else []),
                Cell(text=NOTHING if last is None else f"{last} %", key=last),
                *(Cell(text=setting(value), key=_key(value)) for value in values),
                Cell(text=duration(trial["device_s"]), key=trial["device_s"]),
                Cell(text=trial["reason"] or ""),
            )
        )
    return Table(headings=tuple(headings), rows=tuple(rows))


def cost_lines(report: Report) -> list[str]:
    """Return what the study has cost: sentences."""
    cost = report.cost
    lines = [f"{duration(cost.wall_s)} of wall time, during which some worker held a trial."]
    about = "about " if cost.projected else ""
    runs = "" if cost.runs is None else f", {about}{cost.runs:.1f} times a full run of trial 0"
    lines.append(f"{cost.device_s / 3600:.3g} device hours ({duration(cost.device_s)}){runs}.")
    counts = report.status["trials"]
    told = [f"{counts[state]:,} {state.value}" for state in TrialState if counts[state]]
    lines.append(f"{counted(counts['total'], 'trial')}: {', '.join(told) or 'none has begun'}.")
    if cost.pruned_share:
        lines.append(f"{cost.pruned_share:.0%} of the device time went to trials that were pruned.")
    lines += [f"On {kind}: {duration(seconds)}." for kind, seconds in cost.by_device.items()]
    return lines


def data_lines(report: Report) -> list[str]:
    """Return what is known of the data: sentences."""
    data, account = report.data, report.data.account
    if data.source is None:
        return ["The study's own training function reads its data."]
    lines = [f"Source: {data.source}."]
    if data.sizes:
        lines.append("Rows: " + ", ".join(f"{count:,} {split}" for split, count in data.sizes.items()) + ".")
    if account is not None:
        lines += [f"{each['count']:,} rows are left out {each['reason']}." for each in account["rows"]["left_out"]]
        if (lengths := account["lengths"]) is not None:
            lines.append(
                f"Texts have {lengths['median']:,} tokens in the median and {lengths['longest']:,} at most; "
                f"{lengths['limit']:,} are kept, so {lengths['texts_cut']:.1%} of the texts are cut and "
                f"{lengths['tokens_cut']:.1%} of the tokens are lost."
            )
        lines += [f"{_begun(each)}." for each in account["warnings"]]
    if report.status["guess"] is not None:
        lines.append(f"Guessing the largest class reaches {report.status['metric']} {report.status['guess']:.4f}.")
    if data.fingerprint:
        lines.append(f"Fingerprint of the rows and of how they are read: {data.fingerprint}.")
    return lines


def classes_table(report: Report) -> Table | None:
    """Return the rows of each class by split, or the classes where those are not counted; None without classes."""
    account, labels = report.data.account, report.data.labels
    if not labels:
        return None
    counted: Mapping[str, Mapping[str, int]] = {} if account is None else account["rows"]["classes"]
    splits = [*(report.data.sizes if counted else ())]
    rows = [
        (Cell(text=label), *(Cell(text=_count(counted.get(label, {}).get(split, 0))) for split in splits))
        for label in labels[:_LISTED]
    ]
    if len(labels) > _LISTED:
        rows.append((Cell(text=f"and {len(labels) - _LISTED:,} more"), *(Cell(text="") for _ in splits)))
    return Table(headings=("class", *splits), rows=tuple(rows))


def confusion_table(mistakes: Mapping[str, Any]) -> Table:
    """Return rows by their class and by the class that they are taken for; of many classes, pairs of them."""
    labels, confusion = mistakes["labels"], mistakes["confusion"]
    if len(labels) <= MATRIX_CLASSES:
        return Table(
            headings=("class", *(f"taken for {label}" for label in labels)),
            rows=tuple(
                (
                    Cell(text=label),
                    *(Cell(text=f"{count:,}", stands_out=one == other) for other, count in enumerate(counts)),
                )
                for one, (label, counts) in enumerate(zip(labels, confusion, strict=True))
            ),
        )
    pairs = [
        (count, labels[one], labels[other])
        for one, counts in enumerate(confusion)
        for other, count in enumerate(counts)
        if one != other and count
    ]
    pairs.sort(key=lambda pair: -pair[0])
    rows = tuple((Cell(text=one), Cell(text=other), Cell(text=f"{count:,}")) for count, one, other in pairs[:_LISTED])
    return Table(headings=("class", "taken for", "rows"), rows=rows)


def scores_table(mistakes: Mapping[str, Any]) -> Table:
    """Return how well each class is told; of many, those that are told worst."""
    classes: Sequence[Mapping[str, Any]] = mistakes["classes"]
    if len(classes) > _LISTED:
        classes = sorted(classes, key=lambda each: each["f1"])[:_LISTED]
    return Table(
        headings=("class", "rows", "precision", "recall", "f1"),
        rows=tuple(
            (
                Cell(text=each["label"]),
                Cell(text=f"{each['rows']:,}"),
                *(Cell(text=_share(each[name])) for name in ("precision", "recall", "f1")),
            )
            for each in classes
        ),
    )


def examples(mistakes: Mapping[str, Any]) -> list[tuple[str, list[Example]]]:
    """Return rows with a title for each kind: what only one of the two models gets right, and confident mistakes."""
    best, alone = mistakes["trial"], mistakes["alone"]
    found = [(f"Mistakes that trial {best} is most confident of", mistakes["confident_mistakes"])]
    if mistakes["recipe_trial"] is not None:
        found = [
            (f"Rows that only trial {best} gets right ({alone['winner']:,})", mistakes["only_winner"]),
            (f"Rows that only trial 0 gets right ({alone['recipe']:,})", mistakes["only_recipe"]),
            *found,
        ]
    return [(title, [_example(row) for row in rows]) for title, rows in found]


def mistakes_sentences(mistakes: Mapping[str, Any]) -> list[str]:
    """Return how many rows the best trial gets wrong, and what its confidence is worth."""
    wrong, rows = mistakes["rows"] - mistakes["right"], mistakes["rows"]
    calibration = mistakes["calibration"]
    return [
        f"Trial {mistakes['trial']} gets {wrong:,} of {rows:,} {mistakes['split']} rows wrong.",
        f"Its mean confidence is {calibration['confidence']:.3f}, and {mistakes['right'] / rows:.3f} of the rows are "
        f"right; the calibration error is {calibration['error']:.3f}.",
    ]


def versions_line(report: Report) -> str | None:
    """Return the versions of the libraries; None where none are recorded."""
    versions = report.repeat.versions
    if not versions:
        return None
    return f"Libraries: {', '.join(f'{name} {version}' for name, version in versions.items())}."


def fixed_line(report: Report) -> str | None:
    """Return the hyperparameters that are the same in all trials; None where there are none."""
    fixed = report.pictures.points.fixed
    if not fixed:
        return None
    return f"The same in all trials: {', '.join(f'{name} {setting(value)}' for name, value in fixed.items())}."


def few_trials(report: Report) -> str | None:
    """Return a sentence where there are too few trials to tell which hyperparameter matters; otherwise None."""
    if report.complete >= TELLING_TRIALS or not report.varied:
        return None
    those = "1 complete trial is" if report.complete == 1 else f"{report.complete:,} complete trials are"
    return f"{those} too few to tell which hyperparameter matters: about {TELLING_TRIALS} are needed."


def _example(row: Mapping[str, Any]) -> Example:
    text = " ".join(row["text"].split())
    taken: Iterable[Mapping[str, Any]] = row["predictions"]
    return Example(
        place=row["place"],
        label=row["label"],
        text=text if len(text) <= _TEXT else f"{text[:_TEXT]}…",
        taken_for=tuple(f"trial {each['trial']}: {each['label']} ({each['confidence']:.3f})" for each in taken),
    )


def _value(trial: Mapping[str, Any]) -> float | None:
    """Return the value of a complete trial; that of another one is not yet what it is worth."""
    value: float | None = trial["value"] if trial["state"] == TrialState.COMPLETE else None
    return value


def _count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _key(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _begun(sentence: str) -> str:
    """Return a sentence that begins with a capital and ends without a full stop."""
    return f"{sentence[:1].upper()}{sentence[1:]}".rstrip(".")
