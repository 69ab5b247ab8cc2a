"""The result of a search in sentences: no more than its rows can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.reporting.text import beside_guess, no_better_than_guess
from tuner.trial.evaluation import is_better


def result_sentences(best: Mapping[str, Any], guess: float | None) -> list[str]:
    """Return what a study has found: the verdict of its test split, or what validation tells, and what that is worth.

    Args:
        best: The result of `tuner.reporting.views.best_view`.
        guess: The metric's value for guessing on the validation split; None where it is not known.
    """
    if best["parent"] is not None:
        return [f"It follows from study {best['parent']}, which is the one to ask."]
    return [*confirmed_words(best), *_found(best, guess)]


def verdict_word(best: Mapping[str, Any], guess: float | None) -> str | None:
    """Return the verdict about the best trial in a sentence of few words; None where the values tell none.

    Args:
        best: The result of `tuner.reporting.views.best_view`.
        guess: The metric's value for guessing on the validation split; None where it is not known.
    """
    if best["parent"] is not None or no_better_than_guess(best["value"], guess, best["direction"]):
        return None
    if best["verdict"] is not None:
        return None  # its sentences begin with the verdict
    recipe, noise = best["recipe"], best["validation"]["noise"]
    if recipe["value"] is None:
        return None
    if recipe["trial"] == best["trial"]:
        return "no trial is better than the recipe."
    gain = best["value"] - recipe["value"] if best["direction"] == "maximize" else recipe["value"] - best["value"]
    if gain == 0:
        return "a tie."
    if noise is None or best["confirmation"] is not None:
        return None
    if abs(gain) <= noise:
        return "no clear winner."
    expected = best["validation"]["expected"]
    if gain < 0:
        return None
    if expected is not None and abs(expected - recipe["value"]) <= noise:
        return "ahead on these rows, and no clear winner on others."
    return "better than the recipe on these rows."


def confirmed_words(best: Mapping[str, Any]) -> list[str]:
    """Return what a confirmation says of the trial that it puts first; nothing without one.

    Args:
        best: The result of `tuner.reporting.views.best_view`.
    """
    study = best["confirmation"]
    return [] if study is None else [f"A confirmation puts it first: with other seeds it was ahead, in study {study}."]


def _found(best: Mapping[str, Any], guess: float | None) -> list[str]:
    no_better = no_better_than_guess(best["value"], guess, best["direction"])
    if best["verdict"] is not None:
        return [*([no_better] if no_better else []), *best["verdict"]["sentences"]]
    if no_better:
        return [no_better]
    sentences = [] if guess is None else [f"Guessing the largest class: {best['metric']} {guess:.4f}."]
    if best["recipe"]["value"] is not None:
        sentences.append(_beside_recipe(best))
    return [*sentences, *_worth(best)]


def scored(metric: str, value: float, right: int | None, rows: int | None, guess: float | None = None) -> str:
    """Return a value with what it rests on, such as `accuracy 0.8333, 250 of 300 right`."""
    if right is None or rows is None:
        return beside_guess(metric, value, guess)
    return f"{metric} {value:.4f}, {right:,} of {rows:,} right"


def _beside_recipe(best: Mapping[str, Any]) -> str:
    recipe, value, seen = best["recipe"], best["value"], best["validation"]
    published = scored(best["metric"], recipe["value"], seen["recipe_right"], seen["rows"])
    if recipe["trial"] == best["trial"]:
        if best["confirmation"] is not None:
            return f"Trial 0 has {published}: with other seeds no trial was ahead of it."
        return f"No trial beat trial 0 ({published})."
    gain = value - recipe["value"] if best["direction"] == "maximize" else recipe["value"] - value
    if gain == 0:
        return f"That is the value of trial 0 ({published})."
    if not is_better(value, recipe["value"], best["direction"]):
        return f"Trial 0 has {published}."
    if seen["noise"] is None:
        return f"It is better than trial 0 ({published}) by {gain:.4f}."
    if gain <= seen["noise"]:
        return (
            f"It is better than trial 0 ({published}) by {gain:.4f} on these rows: within the noise, which is about "
            f"{seen['noise']:.2g} for {seen['rows']:,} rows."
        )
    return (
        f"It beats trial 0 ({published}) by {gain:.4f} on these rows; the noise is about {seen['noise']:.2g} for "
        f"{seen['rows']:,} rows."
    )


def _worth(best: Mapping[str, Any]) -> list[str]:
    """Return what a validation score is worth."""
    if best["validation"]["rows"] is None:  # of a study that trains with a function of its own, nothing is known
        return []
    seen = best["validation"]
    told = "These are validation scores, by which the best trial was chosen: they are somewhat too good"
    if best["confirmation"] is not None:
        told = "These are validation scores; the trial was chosen by its values with other seeds on the same rows"
    elif seen["expected"] is not None:
        less = best["value"] - seen["expected"]
        told = (
            "These are validation scores, by which the best trial was chosen: "
            f"{seen['expected']:.4f} is expected of it on other rows, {less:.4f} less"
        )
    if best["test"]["state"] == "none":
        return [f"{told}. The study has no test split that could tell more."]
    return [f"{told}. `tuner test {best['study']}` tells by {best['test']['rows']:,} rows that no trial has seen."]
