"""What a command that ran trials says at its end: how the study stands, what it has found, and what to do next."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from tuner.reporting.result import result_sentences, verdict_word
from tuner.reporting.text import clock, plain_reason, short_name, short_value, spent_words
from tuner.reporting.views import recipe_of, trials_over

#: Columns of the words at the beginning of a line.
_WORD = 11
#: Stands between a name and its value until lines are broken, so that the two stay together.
_JOINED = "\0"


@dataclass(frozen=True, kw_only=True)
class Next:
    """A command that goes on with a study, and what it is for."""

    word: str
    command: str


def state_lines(status: Mapping[str, Any]) -> list[str]:
    """Return how a study stands, what it has spent, and why a search over depths has ended.

    Args:
        status: The result of `tuner.reporting.views.status_view`.
    """
    trials, state, spent = status["trials"], status["state"], status["spent"]
    counts = f"{trials['complete']} complete, {trials['pruned']} pruned, {trials['failed']} failed"
    done = f"{trials_over(status)} of {trials['total']} trials ({counts})"
    why = f": {plain_reason(status['reason'])}" if status["reason"] else ""
    first = f"Study {status['study']} is finished: {done}."
    if state in ("paused", "stopped"):
        first = f"Study {status['study']} is {state} after {done}{why}."
    elif state != "finished":
        first = f"Study {status['study']} goes on: {done}."
    told = spent_words(spent["runs"], spent["device_s"], projected=spent["projected"])
    lines = [first, f"Spent: {told} in {clock(status['budget']['spent_s'])}."]
    if status["search"] and status["search"]["over"]:
        lines.append(f"The search ended: {status['search']['reason']}.")
    return lines


def found_lines(
    best: Mapping[str, Any], first: Mapping[str, Any] | None, guess: float | None, *, width: int | None = None
) -> list[str]:
    """Return the best trial beside trial 0 with the settings that differ, and the verdict.

    Args:
        best: The result of `tuner.reporting.views.best_view`.
        first: The hyperparameters of trial 0; None before it has drawn them.
        guess: The metric's value for guessing on the validation split; None where it is not known.
        width: Columns at which sentences are broken; None breaks none.
    """
    sentences = result_sentences(best, guess)
    if best["recipe"]["value"] is not None and best["parent"] is None:
        sentences.append(f"Trial 0 is {recipe_of(best)}.")
    if (word := verdict_word(best, guess)) is not None:
        sentences.insert(0, word)
    lines = [line for cells in _table(best, first) for line in _row(*cells, width=width)]
    if sentences:
        lines += _broken("Verdict:" if word else "", sentences, width)
    return lines


def next_lines(commands: Sequence[Next]) -> list[str]:
    """Return a line for each command."""
    return [f"  {each.word:<{_WORD}}{each.command}" for each in commands]


def _table(best: Mapping[str, Any], first: Mapping[str, Any] | None) -> list[tuple[str, str, str, str]]:
    seen, recipe, own = best["validation"], best["recipe"], best["hyperparameters"]
    is_beside = recipe["value"] is not None and recipe["trial"] != best["trial"] and best["parent"] is None
    rows = seen["rows"]
    what = "settings that differ" if is_beside else "settings"
    head = ("", best["metric"], "" if not rows else f"on {rows:,} rows", what)
    differing = [name for name in own if not is_beside or (first or {}).get(name) != own[name]]
    lines = [head]
    layers = (best["effective"] or {}).get("layers")
    if is_beside:
        settings = _settings(first or {}, differing, layers)
        lines.append((f"recipe {0:>5}", f"{recipe['value']:.4f}", _right(seen["recipe_right"]), settings))
    lines.append(
        (f"best {best['trial']:>7}", f"{best['value']:.4f}", _right(seen["right"]), _settings(own, differing, layers))
    )
    return lines


def _settings(values: Mapping[str, Any], names: Sequence[str], layers: int | None) -> str:
    shown = [(short_name(name), short_value(name, values[name], layers)) for name in names if name in values]
    return "  ".join(value if name in ("schedule", "adapter") else f"{name}{_JOINED}{value}" for name, value in shown)


def _right(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,} right"


def _row(what: str, value: str, right: str, settings: str, *, width: int | None) -> list[str]:
    before = f"  {what:<12}{value:>10}   {right:<16}"
    if width is None:
        return [(before + settings.replace(_JOINED, " ")).rstrip()]
    wrapper = textwrap.TextWrapper(max(40, width), initial_indent=before, subsequent_indent=" " * cell_len(before))
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return [line.replace(_JOINED, " ") for line in wrapper.wrap(settings)] or [before.rstrip()]


def _broken(head: str, sentences: Sequence[str], width: int | None) -> list[str]:
    indent = " " * (_WORD if head else 2)
    begin = f"  {head} " if head else indent
    if width is None:
        return [f"{begin}{sentences[0]}", *(f"{indent}{each}" for each in sentences[1:])]
    text = " ".join(sentences)
    wrapper = textwrap.TextWrapper(max(40, width), initial_indent=begin, subsequent_indent=indent)
    wrapper.break_long_words = wrapper.break_on_hyphens = False  # commands stay whole
    return wrapper.wrap(text)
