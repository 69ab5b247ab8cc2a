"""The note that optuna-dashboard shows beside a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.reporting.effective_lines import effective_lines


def trial_note(
    *,
    state: str,
    value: float | None,
    reason: str | None,
    effective: Mapping[str, Any] | None,
    curve: Sequence[Mapping[str, Any]],
    recipe: str | None = None,
    decisions: Sequence[str] = (),
) -> str:
    """Return a trial's note in Markdown: its end, its learning curve and its effective configuration.

    Args:
        state: The state in which the trial ended.
        value: Its value.
        reason: Why the trial ended before its schedule.
        effective: Its effective configuration.
        curve: Its evaluations, in order.
        recipe: Of trial 0, in words what it is: the published recipe, and where the search space has changed it.
        decisions: Why it began and why it went on, in order.
    """
    shown = "no value" if value is None else f"value {value:.6g}"
    end = [f"**{state}**, {shown}", *([reason] if reason else []), *([f"This is {recipe}."] if recipe else [])]
    parts = ["  \n".join(end)]
    if decisions:
        parts.append("\n".join(["### Decisions", "", *(f"- {each}" for each in decisions)]))
    if curve:
        rows = [
            f"| {e['step']} | {e['epoch']:.2f} | {e['value']:.4f} | {e['train_loss']:.4f} | "
            f"{e['validation_loss']:.4f} | {e['learning_rate']:.3g} |"
            for e in curve
        ]
        head = [
            "### Learning curve",
            "",
            "| % | epoch | value | training loss | validation loss | learning rate |",
            "|--|--|--|--|--|--|",
        ]
        parts.append("\n".join(head + rows))
    if effective:
        parts.append("\n".join(["### Effective configuration", "", *effective_lines(effective)]))
    return "\n\n".join(parts) + "\n"
