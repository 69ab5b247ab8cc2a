"""Short forms of values in lines for people: hyperparameters, durations, curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search_spaces import NAMES
from search_spaces.recipes import GENERIC
from tuner.study.recipe_changes import stored_recipe_changes
from tuner.trial.anatomy import frozen_count
from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from tuner.study.recipe_changes import RecipeChange

_BARS = "▁▂▃▄▅▆▇█"
#: Short names of hyperparameters, in the order in which they are shown; a schedule's name speaks for itself.
_SHORT = {
    "learning_rate": "lr",
    "batch_size": "batch",
    "num_train_epochs": "epochs",
    "dropout": "dropout",
    "weight_decay": "decay",
    "lr_scheduler_type": "",
    "warmup_ratio": "warmup",
    "frozen_layers": "frozen",
    "head_init": "head",
    "adapter": "",
    "lora_rank": "rank",
    "lora_alpha": "alpha",
    "lora_dropout": "lora dropout",
    "lora_targets": "in",
}
#: Heads of columns that differ from the short names.
_HEADS = {
    "dropout": "drop",
    "lr_scheduler_type": "schedule",
    "frozen_layers": "frz",
    "adapter": "adapter",
    "head_learning_rate_factor": "head x",
}


def describe(hyperparameters: Mapping[str, Any]) -> str:
    """Return hyperparameters in one line, with short names; those that are missing are left out."""
    parts = []
    for name, label in _SHORT.items():
        if name in hyperparameters:
            parts.append(f"{label} {_shown(hyperparameters[name])}".strip())
    parts += [f"{name} {_shown(value)}" for name, value in hyperparameters.items() if name not in NAMES]
    return " ".join(parts)


def recipe_words(changes: Iterable[RecipeChange], family: str | None) -> str:
    """Return what trial 0 is: `the published recipe`, and where the search space has changed it.

    Args:
        changes: The values that are not the recipe's.
        family: The architecture family of the recipe. For the generic one nothing is published.
    """
    word = "generic" if family == GENERIC else "published"
    shown = [
        f"{_SHORT.get(each.name) or each.name} {_shown(each.used)} ({word} {_shown(each.published)})"
        for each in changes
    ]
    return f"the {word} recipe" + (f", changed by your space: {', '.join(shown)}" if shown else "")


def stored_recipe_words(facts: Mapping[str, Any], point: Mapping[str, Any] | None) -> str:
    """Return what trial 0 of a study is; see `recipe_words`.

    Args:
        facts: The facts that are stored with the study.
        point: The values of trial 0; None before it has drawn them.
    """
    return recipe_words(stored_recipe_changes(facts, point), facts.get("family"))


def spent_words(runs: float | None, device_s: float, *, projected: bool) -> str:
    """Return what a study has spent, such as `about 3.9 runs (12m40s of device time)`.

    Args:
        runs: Full runs; None where they are not known.
        device_s: Device seconds.
        projected: Whether the price of a full run was projected.
    """
    shown = "about ?" if runs is None else f"about {runs:.1f}" if projected else f"{runs:.1f}"
    return f"{shown} runs ({clock(device_s)} of device time)"


def size(count: int) -> str:
    """Return a number of bytes for people, such as `1.2 GB`."""
    number = float(count)
    for unit in ("bytes", "kB", "MB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} GB" if number < 999.5 else f"{number:,.0f} GB"


def count(number: int) -> str:
    """Return a large number for people, such as `22.7 million`."""
    for unit, word in ((10**9, "billion"), (10**6, "million")):
        if number >= unit:
            return f"{number / unit:.3g} {word}"
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Return how many there are of something, such as `1 trial` or `2,000 trials`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def beside_guess(metric: str, value: float, guess: float | None) -> str:
    """Return a value of the metric beside the one that guessing reaches.

    Args:
        metric: Name of the metric.
        value: The value.
        guess: The metric where every row is given the largest class; None where it is not known.
    """
    shown = f"{metric} {value:.4f}"
    return shown if guess is None else f"{shown} (guessing the largest class: {guess:.4f})"


def no_better_than_guess(value: float, guess: float | None, direction: str) -> str | None:
    """Return a sentence where the best value of a study is no better than guessing; otherwise None."""
    if guess is None or is_better(value, guess, direction):
        return None
    return f"No trial beats guessing the largest class ({guess:.4f}): the search has found nothing that is of use yet."


def clock(seconds: float | None) -> str:
    """Return a duration for people, such as `1h01m`; `?` for None."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def short_name(name: str) -> str:
    """Return the short name of a hyperparameter, for the head of a column."""
    return _HEADS.get(name) or _SHORT.get(name) or name


def frozen_words(share: Any, layers: int | None) -> str:
    """Return frozen layers, such as `3/12`; as the share that they are where the number of layers is not known."""
    if not isinstance(share, int | float):
        return "" if share is None else str(share)
    if layers is None or not share:
        return f"{share:g}"
    return f"{frozen_count(share, layers)}/{layers}"


def short_value(name: str, value: Any, layers: int | None = None) -> str:
    """Return a value of a hyperparameter for a column.

    Args:
        name: The hyperparameter.
        value: Its value.
        layers: Layers of the model, of which some may be frozen; None where their number is not known.
    """
    if name == "frozen_layers":
        return frozen_words(value, layers)
    if name == "learning_rate" and isinstance(value, float):
        return scientific(value)
    if isinstance(value, str):
        return value.split("_")[0][:10]
    return _shown(value)


def scientific(value: float) -> str:
    """Return a number with its power of ten, such as `1.5e-4`; 0 as `0`."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def plain_reason(reason: str) -> str:
    """Return why a trial ended, without the word for its state, which version 0.1 stored in front of it."""
    return reason.removeprefix("pruned: ")


def sparkline(values: Sequence[float], scale: tuple[float, float] | None = None, heights: str = _BARS) -> str:
    """Return values as a curve of characters.

    Args:
        values: The values; `?` stands for one that is not finite.
        scale: The values of the lowest and of the highest point, beyond which a point does not go; None takes those of
            the curve itself. Where both are equal, all points are low.
        heights: A character for each height of a point, the lowest first.
    """
    numbers = [value for value in values if math.isfinite(value)]
    low, high = scale or (min(numbers, default=0.0), max(numbers, default=0.0))
    span, top = (high - low) or 1.0, len(heights) - 1
    shares = (min(1.0, max(0.0, (value - low) / span)) if math.isfinite(value) else None for value in values)
    return "".join("?" if share is None else heights[round(share * top)] for share in shares)
