"""The text of a drafted study file: its keys, with comments that say what was seen."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuner.reporting.check_report import data_lines, model_line, warning_lines

if TYPE_CHECKING:
    from tuner.study.data_report import Lengths
    from tuner.study.data_sketch import DataSketch
    from tuner.study.local import LocalStudy

#: Column from which comments begin, where a line is shorter.
_COMMENT = 38
#: Words that YAML reads as something else than a word, and characters of words that need no quotes.
_NO_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "none", "y", "n", "~")
_PLAIN = re.compile(r"[A-Za-z./][\w./@:+-]*(?<!:)")
#: Most names of columns in a comment.
_NAMED = 6


def draft_text(
    document: Mapping[str, Any], study: LocalStudy, sketch: DataSketch, *, duplicates: int, is_causal: bool
) -> str:
    """Return the text of a study file.

    Args:
        document: Its content.
        study: The study, set up.
        sketch: The columns of the data.
        duplicates: Rows whose text or picture stands in the data before.
        is_causal: Whether the model is a language model that continues texts.
    """
    assert study.prepared is not None
    prepared, report = study.prepared, study.prepared.report
    judged = study.config.metric.name
    hidden = ("lengths:",) if document["metric"] == judged else ("lengths:", "guessing")
    seen = [
        *(line for line in data_lines(report, judged, 0) if not line.startswith(hidden)),
        *([] if report.lengths is None else [_lengths(report.lengths)]),
        model_line(prepared.anatomy, study.recipe.family, None),
        *warning_lines(study.warnings),
    ]
    lines = ["# Written by `tuner init`. What it saw in the data and in the model:", *(f"#   {each}" for each in seen)]
    comments = _comments(document, study, sketch, duplicates=duplicates, is_causal=is_causal)
    for key, value in document.items():
        if key != "data":
            lines.append(_line(f"{key}: {_flow(value)}", comments.get(key)))
            continue
        lines.append("data:")
        lines += [_line(f"  {name}: {_flow(each)}", comments.get(f"data.{name}")) for name, each in value.items()]
    rate = study.space.parameters["learning_rate"].to_dict()
    lines += [
        "",
        "# The search space is the task's, around the published recipe of the model's family. It has learning rates",
        f"# from {rate['low']:.2g} to {rate['high']:.2g}. To change a part:",
        "# search_space:",
        "#   learning_rate: {low: 1e-5, high: 5e-4, log: true}   # searches",
        "#   frozen_layers: 0.5                                  # fixes",
        "#   batch_size: [16, 32]                                # chooses",
    ]
    return "\n".join(lines) + "\n"


def _comments(
    document: Mapping[str, Any], study: LocalStudy, sketch: DataSketch, *, duplicates: int, is_causal: bool
) -> dict[str, str]:
    """Return the comments by key."""
    assert study.prepared is not None
    report, data = study.prepared.report, document["data"]
    comments = {
        "name": f"`tuner status {document['name']}` will show how it stands",
        "model": f"family {study.recipe.family}" + (", a language model" if is_causal else ""),
        "data.splits": _splits(data["splits"], sketch, has_classes=bool(report.rows.classes)),
        "budget": "or {runs: 4}: device time of four times trial 0",
        "seed": "of the splits, the sampler and every trial",
    }
    used = [name for key in data for name in _names(data[key]) if key not in ("source", "splits", "deduplicate")]
    others = [each.name for each in sketch.columns if each.name not in used]
    if others and used:
        shown = ", ".join(json.dumps(name, ensure_ascii=False) for name in others[:_NAMED])
        comments["data.source"] = f"other columns: {shown}{' and more' if len(others) > _NAMED else ''}"
    for key in ("text", "prompt", "completion"):
        found = [column for name in _names(data.get(key)) if (column := sketch.column(name)) is not None]
        if found:
            comments[f"data.{key}"] = f"about {sum(each.words for each in found):.0f} words a row"
    classes = report.rows.classes
    if classes:
        comments["data.label"] = f"{len(classes):,} classes"
    if duplicates:
        comments["data.deduplicate"] = f"rows that repeat the text or picture of another one: {duplicates:,}"
    if is_causal and document["task"] != "causal-lm":
        comments["task"] = "`--task causal-lm` would have it write texts"
    if "adapter" in document:
        comments["adapter"] = "adapters beside the weights: a language model is large; `none` trains the weights"
    comments["metric"] = _metric(document, classes)
    if report.lengths is not None:
        comments["max_length"] = _cut(document["max_length"], report.lengths)
    return {key: comment for key, comment in comments.items() if comment}


def _metric(document: Mapping[str, Any], classes: Mapping[str, Mapping[str, int]]) -> str:
    counts = sorted((each.get("train", 0) for each in classes.values()), reverse=True)
    if not counts:
        return ""
    if document["metric"] == "f1_macro":
        return f"not accuracy: the largest class has {counts[0]:,} training rows, the smallest {counts[-1]:,}"
    return "f1_macro is the choice where classes differ in size"


def _splits(splits: Mapping[str, Any], sketch: DataSketch, *, has_classes: bool) -> str:
    if any(isinstance(each, str) for each in splits.values()):
        return "names are splits of the source; numbers and shares are carved from train"
    if any(isinstance(each, int) for each in splits.values()):
        return f"of {sketch.rows:,} rows: few to begin with; raise train under another name"
    return "shares, with the same classes in each" if has_classes else "shares of the rows"


def _cut(tokens: int, lengths: Lengths) -> str:
    if tokens >= lengths.longest:
        return f"cuts nothing: the longest text has {lengths.longest:,} tokens"
    least = "at most 5 %" if tokens >= lengths.keeps_95 else "more than 5 %"
    return (
        f"cuts {least} of the texts; the longest has {lengths.longest:,} tokens, half have {lengths.median:,} or less"
    )


def _lengths(lengths: Lengths) -> str:
    return (
        f"lengths: median {lengths.median:,} tokens, longest {lengths.longest:,}; "
        f"{lengths.keeps_95:,} keeps 95 % of texts whole"
    )


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, list) else []


def _line(text: str, comment: str | None) -> str:
    # A line of a class or a column may hold characters that would end the comment.
    shown = "".join(each if each.isprintable() else "�" for each in comment or "")
    return f"{text:<{_COMMENT}}  # {shown}" if shown else text


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _NO_WORDS
    return value if is_plain else json.dumps(value, ensure_ascii=False)
