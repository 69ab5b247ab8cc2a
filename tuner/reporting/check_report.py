"""The report of `tuner check`: a line on each thing to know before a search is paid for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tuner.reporting.text import clock, count, describe, recipe_words, size
from tuner.security.redaction import redact
from tuner.trial.anatomy import Freezable

if TYPE_CHECKING:
    from tuner.machine.devices import Device
    from tuner.study.arms import ArmKey
    from tuner.study.config import StudyConfig
    from tuner.study.data_report import DataReport, Lengths
    from tuner.study.nearness import Nearness
    from tuner.study.recipe_changes import RecipeChange
    from tuner.trial.anatomy import Anatomy

#: Most files, classes and corners that are named; then `and 7 more`.
_FILES, _CLASSES, _CORNERS = 2, 10, 3
#: Splits in the order in which they are shown.
_SPLITS = ("train", "validation", "test")
#: Most characters of a class's name.
_NAME = 40


def noise(metric: str, rows: int) -> float | None:
    """Return the largest standard error that a share has on so many rows; None for metrics that are no share of rows.

    Args:
        metric: Name of the metric.
        rows: Validation rows.
    """
    return 0.5 / math.sqrt(rows) if metric == "accuracy" and rows > 0 else None


def few_rows(rows: int, error: float) -> str:
    """Return a warning that so few validation rows tell trials apart by luck.

    Args:
        rows: Validation rows.
        error: The standard error of a value on so many rows.
    """
    return (
        f"{rows:,} validation rows tell little: trials that differ by less than {2 * error:.2f} are a tie; "
        "give data.splits.validation more rows"
    )


def data_lines(report: DataReport, metric: str, max_length: int) -> list[str]:
    """Return the lines about the data: how they were read, rows, classes, guessing, lengths.

    Args:
        report: The account of the data.
        metric: Name of the metric.
        max_length: The study's `max_length`.
    """
    return [
        *_reading(report.reading),
        *_rows(report),
        *_guessing(report, metric),
        *([] if report.lengths is None else [_lengths(report.lengths, max_length)]),
    ]


def device_line(devices: Sequence[Device], cores: int, hidden: str | None) -> str:
    """Return the line about the devices that trials take with `--devices auto`.

    Args:
        devices: GPUs, or the CPU alone.
        cores: Cores of the CPU that this process may use.
        hidden: Value of CUDA_VISIBLE_DEVICES; None where it is not set.
    """
    if devices[0].kind == "cpu":
        because = "" if hidden is None else f" with CUDA_VISIBLE_DEVICES={hidden or repr(hidden)}"
        return _line("device:", f"the CPU ({cores} cores), as no GPU was found{because}")
    shown = [
        f"{each.label} ({each.name}{'' if each.memory_bytes is None else f', {size(each.memory_bytes)}'})"
        for each in devices
    ]
    return _line("device:", _first(shown, _CLASSES))


def model_line(anatomy: Anatomy, family: str, parameters: int | None) -> str:
    """Return the line about the model: its layers, family, size, dropout and padding."""
    parts = [_layers(anatomy), f"family {family}"]
    if parameters is not None:
        parts.append(f"{count(parameters)} parameters")
    modules = len(anatomy.dropouts)
    parts.append(f"dropout in {modules:,} module{'' if modules == 1 else 's'}" if modules else "no dropout")
    padding = anatomy.padding
    if padding is not None and padding.token is not None:
        new = "" if padding.embeddings is None else "new "
        parts.append(f"texts padded on the {padding.side} with the {new}token {padding.token!r}")
    elif padding is not None and padding.side != "right":
        parts.append(f"texts padded on the {padding.side}")
    return _line("model:", redact(", ".join(parts)))


def anatomy_view(anatomy: Anatomy) -> dict[str, Any]:
    """Return a summary of a model's anatomy, as JSON values."""
    return {
        "layers": anatomy.count,
        "freezable": anatomy.freezable.value,
        "reason": anatomy.reason,
        "dropouts": len(anatomy.dropouts),
        "padding": None if anatomy.padding is None else asdict(anatomy.padding),
    }


def first_line(first: Mapping[str, Any], changes: Sequence[RecipeChange], family: str) -> str:
    """Return the line about trial 0, which says where the space has changed the published recipe.

    Args:
        first: The values of trial 0.
        changes: Those that are not the recipe's.
        family: The architecture family of the recipe.
    """
    return _line("trial 0,", f"{recipe_words(changes, family)}{'; in all' if changes else ':'} {describe(first)}")


def search_line(config: StudyConfig, looks: Sequence[int], arms: Sequence[ArmKey] = ()) -> str:
    """Return the line about the search: where trials are judged, and which of them go on.

    Args:
        config: The study.
        looks: Percents of its schedule at which each trial is evaluated.
        arms: Of a search over depths, its arms.
    """
    *first, last = map(str, looks)
    places = f"{', '.join(first)} and {last} %" if first else f"{last} %"
    if not config.has_rungs:
        pruner = "no pruner" if config.pruner.name == "none" else f"the {_PRUNERS[config.pruner.name]} pruner"
        sampler = "tpe" if config.sampler.name == "auto" else config.sampler.name
        return _line("search:", f"plain: {sampler} draws, {pruner} judges; evaluated at {places}")
    if arms:
        ends = "; it ends where no full run is worth its price" if config.stops else ""
        market = f"a market of {len(arms)} arms, {arms[0].words(arms)} first"
        return _line("search:", f"{market}; evaluated at {places}{ends}")
    halves = f"{_SHARES[config.search.eta]} of the trials goes on from each"
    goes_on = {
        "auto": halves,
        "halving": halves,
        "percentile": "from 20 % on, all but the weakest quarter go on",
        "none": "all go on",
    }
    return _line("search:", f"each trial is evaluated at {places} of its schedule; {goes_on[config.search.promotion]}")


def head_line(nearness: Nearness) -> str:
    """Return the line about a head on frozen layers, which tells how near the task is to the pretraining."""
    depths = nearness.depth_words()
    return _line("head:", nearness.words() + ("" if depths is None else f"; {depths}"))


_SHARES = {2: "the better half", 3: "the best third", 4: "the best quarter"}
_PRUNERS = {
    "auto": "percentile",
    "percentile": "percentile",
    "median": "median",
    "successive_halving": "successive halving",
    "hyperband": "Hyperband",
}


def cost_lines(trial_s: Mapping[float | str, float], disk: Mapping[str, int], *, on_gpu: bool) -> list[str]:
    """Return the lines about seconds and bytes.

    Args:
        trial_s: Seconds of a trial on the CPU, by a value of `frozen_layers`.
        disk: Bytes by use, as in the JSON of `tuner check`.
        on_gpu: Whether trials take a GPU with `--devices auto`.
    """
    lines = []
    if trial_s:
        (frozen, seconds), *rest = trial_s.items()
        shown = [f"about {clock(seconds)} a trial with frozen_layers {_share(frozen)}"]
        shown += [f"{clock(seconds)} with {_share(frozen)}" for frozen, seconds in rest]
        where = "on the CPU; the GPU was not measured" if on_gpu else "on this CPU"
        cached = "; less where hidden states are cached" if disk["trunk_bytes"] else ""
        lines.append(_line("cost:", f"{', '.join(shown)}, {where}{cached}"))
    cached = f", at most {size(disk['trunk_bytes'])} of cached hidden states" if disk["trunk_bytes"] else ""
    lines.append(
        _line(
            "disk:",
            f"about {size(disk['checkpoint_bytes'])} a checkpoint of a trial, "
            f"{size(disk['data_bytes'])} of encoded data{cached}",
        )
    )
    return lines


def corners_line(corners: int, odd: Sequence[tuple[Mapping[str, Any], str]]) -> str:
    """Return the line about the corners of the search space.

    Args:
        corners: Their number.
        odd: Those whose training was given up, and why.
    """
    line = f"{corners - len(odd)} of {corners} train"
    if odd:
        named = [f"{describe(point)} ({reason})" for point, reason in odd]
        line += f"; given up, as the search would: {_first(named, _CORNERS)}"
    return _line("corners:", redact(line))


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """Return a line for each warning."""
    return [redact(f"warning: {warning}") for warning in warnings]


def _layers(anatomy: Anatomy) -> str:
    if anatomy.freezable == Freezable.NOTHING:
        return f"no layer can be frozen ({anatomy.reason})" if anatomy.reason else "no layer can be frozen"
    layers = f"{anatomy.count} layer{'' if anatomy.count == 1 else 's'}"
    if anatomy.freezable == Freezable.LAYERS:
        return layers
    if anatomy.count > 1 and len(set(anatomy.layers)) == 1:
        return f"one layer that runs {anatomy.count} times and is frozen whole or not at all"
    return f"{layers}, frozen all or none{f' ({anatomy.reason})' if anatomy.reason else ''}"


def _reading(reading: Sequence[str]) -> list[str]:
    if len(reading) == 1:  # the study file names it
        return [_line("reading:", redact(reading[0].partition(": ")[2]))]
    shown = list(reading[:_FILES])
    if len(reading) > _FILES:
        shown.append(f"and {len(reading) - _FILES:,} more")
    return [_line("reading:" if number == 0 else "", redact(text)) for number, text in enumerate(shown)]


def _rows(report: DataReport) -> list[str]:
    rows = report.rows
    order = sorted(rows.splits, key=_SPLITS.index)
    splits = ", ".join(f"{name} {rows.splits[name]:,}" for name in order)
    left_out = ", ".join(f"{each.count:,} {each.reason}" for each in rows.left_out)
    more = f"; left out: {left_out}" if left_out else ""
    lines = [_line("rows:", redact(f"{rows.read:,} read; {splits}{more}"))]
    if rows.classes:
        named = [
            f"{_name(name)} {' + '.join(f'{counts.get(split, 0):,}' for split in order)}"
            for name, counts in rows.classes.items()
        ]
        lines.append(_line("classes:", redact(f"{_first(named, _CLASSES)} ({' + '.join(order)})")))
    return lines


def _guessing(report: DataReport, metric: str) -> list[str]:
    parts = []
    if report.guess is not None:
        parts.append(f"the largest class: {metric} {report.guess:.3f}")
    rows = report.rows.splits.get("validation", 0)
    if (error := noise(metric, rows)) is not None:
        word = "noise of " if parts else ""
        parts.append(f"{word}{rows:,} validation rows: about ±{error:.3f}")
    return [_line("guessing" if report.guess is not None else "noise:", "; ".join(parts))] if parts else []


def _lengths(lengths: Lengths, max_length: int) -> str:
    limit = f"max_length {lengths.limit:,}" if lengths.limit == max_length else f"the model's limit {lengths.limit:,}"
    cut = "nothing"
    if lengths.texts_cut > 0:
        cut = f"{_percent(lengths.texts_cut)} of texts and {_percent(lengths.tokens_cut)} of tokens"
    return _line(
        "lengths:",
        f"median {lengths.median:,} tokens, longest {lengths.longest:,}; {limit} cuts {cut}; "
        f"{lengths.keeps_95:,} keeps 95 % of texts whole",
    )


def _line(word: str, rest: str) -> str:
    return f"{word or ' ' * len('reading:')} {rest}"


def _first(shown: Sequence[str], most: int) -> str:
    more = f", and {len(shown) - most:,} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _name(name: str) -> str:
    """Return the name of a class; in quotes where it would be lost between the counts, as a number would."""
    cut = name if len(name) <= _NAME else f"{name[:_NAME]}…"
    is_word = any(each.isalpha() for each in cut)
    return cut if is_word and cut.isprintable() and cut.strip() == cut else repr(cut)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "under 0.1 %"


def _share(frozen: float | str) -> str:
    return frozen if isinstance(frozen, str) else f"{frozen:g}"
