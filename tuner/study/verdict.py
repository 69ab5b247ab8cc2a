"""The verdict of a study: whether its winner is better than the published recipe, told by rows no trial has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Keys of the plan's part with the test split.
_OPENED, _RESULT = "opened", "result"


class VerdictWord(StrEnum):
    """What the rows of the test split say of the winner beside the published recipe."""

    #: Better than the recipe, by more than chance explains.
    BETTER = "better"
    #: No difference that chance does not explain; or the winner is the recipe itself.
    INDISTINGUISHABLE = "indistinguishable"
    #: Worse than the recipe, by more than chance explains.
    WORSE = "worse"
    #: There is no complete trial 0 to compare the winner with, or the metric has no value on the test split.
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The test split of a study, opened for some trials. Their models are read with it, in any number of attempts."""

    #: Number of the winner, the best trial when the test split was opened.
    winner: int
    #: Numbers of the trials whose models read it: trial 0, where it is complete, and the winner.
    trials: tuple[int, ...]

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Opening | None:
        """Return the opening; None where the test split is closed.

        Args:
            content: The plan's part with the test split.
        """
        stored = content.get(_OPENED)
        if not isinstance(stored, Mapping):
            return None
        winner, trials = stored.get("winner"), stored.get("trials")
        if type(winner) is not int or not isinstance(trials, list) or any(type(each) is not int for each in trials):
            return None
        return cls(winner=winner, trials=tuple(trials))

    def to_content(self) -> dict[str, Any]:
        """Return the entry of the plan."""
        return {_OPENED: {"winner": self.winner, "trials": list(self.trials)}}


def opened_trials(content: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the numbers of the trials for which the test split was opened.

    Args:
        content: The plan's part with the test split.
    """
    opening = Opening.parse(content)
    return () if opening is None else opening.trials


def tested_models(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the models have reached on the test split, as `tuner.training.held_out.judge` returns it.

    None where it has told no verdict, or rows have no number of a class.

    Args:
        content: The plan's part with the test split.
    """
    result = content.get(_RESULT)
    if Verdict.parse(content) is None or not isinstance(result, Mapping) or not result.get("targets"):
        return None
    return result


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the test split has told."""

    word: VerdictWord
    metric: str
    #: Number of the winner.
    trial: int
    #: Rows of the test split.
    rows: int
    #: Value of the winner, and of trial 0 where it is complete; None where the metric has no value on these rows.
    test_value: float | None
    recipe_value: float | None
    #: Rows that each gets right; None where the metric is not the share of these rows.
    right: int | None
    recipe_right: int | None
    #: Value of the winner less that of trial 0, and where it lies with a probability of 95 %.
    difference: float | None
    interval: tuple[float, float] | None
    #: Probability of at least such a difference between equal models; None where it was not computed.
    p_value: float | None
    #: Value of a model that knows how frequent each target is; None where the task has no such guess.
    guess: float | None
    #: Of a model without a fresh head: its value before training, the winner's value less that one, and where the
    #: difference lies with a probability of 95 %.
    untouched_value: float | None = None
    untouched_difference: float | None = None
    untouched_interval: tuple[float, float] | None = None

    @classmethod
    def of(cls, opening: Opening, found: Mapping[str, Any], *, metric: str, direction: str) -> Verdict:
        """Judge what models have reached on the test split.

        Args:
            opening: For which trials it was opened.
            found: As `tuner.training.held_out.judge` returns it.
            metric: Name of the study's metric.
            direction: `maximize` or `minimize`.
        """
        models = {model["trial"]: model for model in found["models"]}
        winner, recipe = models[opening.winner], models.get(0)
        beside = winner["beside"]
        is_recipe = opening.winner == 0
        word, interval = VerdictWord.INDISTINGUISHABLE, None
        if recipe is None or winner["value"] is None or recipe["value"] is None:
            word, recipe = VerdictWord.NONE, None
        elif not is_recipe and beside["interval"] is not None:
            low, high = interval = tuple(beside["interval"])
            if direction == "minimize":
                low, high = -high, -low
            word = VerdictWord.BETTER if low > 0 else VerdictWord.WORSE if high < 0 else word
        return cls(
            word=word,
            metric=metric,
            trial=opening.winner,
            rows=found["rows"],
            test_value=winner["value"],
            recipe_value=None if recipe is None else recipe["value"],
            right=winner["right"],
            recipe_right=None if recipe is None else recipe["right"],
            difference=None if recipe is None else 0.0 if is_recipe else beside["difference"],
            interval=interval,
            p_value=None if recipe is None or is_recipe else beside["p_value"],
            guess=found["guess"],
            **_untouched(found.get("untouched")),
        )

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Verdict | None:
        """Return the verdict; None where the test split has not told one.

        Args:
            content: The plan's part with the test split.
        """
        result = content.get(_RESULT)
        stored = result.get("verdict") if isinstance(result, Mapping) else None
        if not isinstance(stored, Mapping):
            return None
        try:
            intervals = {name: _interval(stored.get(name)) for name in ("interval", "untouched_interval")}
            return cls(**{**stored, "word": VerdictWord(stored["word"]), **intervals})
        except (IndexError, KeyError, TypeError, ValueError):  # another program has written something else
            return None

    def to_content(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entry of the plan.

        Args:
            found: What the models have reached, as `tuner.training.held_out.judge` returns it.
        """
        intervals = {name: _listed(getattr(self, name)) for name in ("interval", "untouched_interval")}
        verdict = {**self.__dict__, "word": self.word.value, **intervals}
        return {_RESULT: {**found, "verdict": verdict}}

    def to_dict(self, *, best: int | None) -> dict[str, Any]:
        """Return JSON values for people's programs.

        Args:
            best: Number of the study's best trial now.
        """
        return {
            "word": self.word.value,
            "split": "test",
            "trial": self.trial,
            "metric": self.metric,
            "rows": self.rows,
            "test_value": self.test_value,
            "recipe_value": self.recipe_value,
            "right": self.right,
            "recipe_right": self.recipe_right,
            "difference": self.difference,
            "interval": _listed(self.interval),
            "p_value": self.p_value,
            "guess": self.guess,
            "untouched_value": self.untouched_value,
            "untouched_difference": self.untouched_difference,
            "untouched_interval": _listed(self.untouched_interval),
            "is_of_best": best == self.trial,
        }

    def sentences(self, *, best: int | None) -> list[str]:
        """Return the verdict for people: sentences of which the first one is the verdict itself.

        Args:
            best: Number of the study's best trial now.
        """
        if self.test_value is None:
            why = f"{self.metric} has no value on the {self.rows:,} test rows, as where a class is absent"
            return [f"Trial {self.trial}: {why}.", *self._spent(best)]
        told = f"on {self.rows:,} test rows it reaches {self._reached(self.test_value, self.right)}"
        if self.guess is not None:
            told += f", guessing {self.guess:.4f}"
        if self.word == VerdictWord.NONE:
            first = f"Trial {self.trial}: {told}; there is no trial 0 to compare it with."
        elif self.trial == 0:
            first = f"Trial 0 is the best: {told}. The search has found nothing better."
        else:
            assert self.recipe_value is not None
            assert self.difference is not None
            beside = f"trial 0 {self._reached(self.recipe_value, self.recipe_right)}"
            difference = _difference(self.difference, self.interval)
            first = f"Trial {self.trial} is {_WORDS[self.word]} trial 0: {told}, {beside}; {difference}."
        return [first, *self._beside_untouched(), *self._spent(best)]

    @property
    def method(self) -> str | None:
        """How the two models were compared, as a sentence; None where they were not."""
        if self.interval is None:
            return None
        if self.p_value is None:
            return "The interval holds the middle 95 % of the differences on 2,000 drawings of the rows (bootstrap)."
        return f"McNemar's exact test of the rows that one of the two alone gets right: p = {self.p_value:.2g}."

    def _beside_untouched(self) -> list[str]:
        if self.untouched_value is None or self.untouched_difference is None:
            return []
        difference = _difference(self.untouched_difference, self.untouched_interval)
        return [f"Before training the model reaches {self.metric} {self.untouched_value:.4f} on them; {difference}."]

    def _spent(self, best: int | None) -> list[str]:
        if best is None or best == self.trial:
            return []
        return [f"Its test split is spent: the study went on after, and trial {best} has no test value."]

    def _reached(self, value: float, right: int | None) -> str:
        shown = f"{self.metric} {value:.4f}"
        return shown if right is None else f"{shown} ({right:,} right)"


def _untouched(found: Mapping[str, Any] | None) -> dict[str, Any]:
    if not found or found["value"] is None or not found["beside"]:
        return {}
    return {
        "untouched_value": found["value"],
        "untouched_difference": found["beside"]["difference"],
        "untouched_interval": _interval(found["beside"]["interval"]),
    }


def _interval(stored: Any) -> tuple[float, float] | None:
    return None if stored is None else (float(stored[0]), float(stored[1]))


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _difference(difference: float, interval: tuple[float, float] | None) -> str:
    told = f"a difference of {difference:+.4f}"
    if interval is None:
        return told
    return f"{told}, with 95 % probability {interval[0]:+.4f} to {interval[1]:+.4f}"


_WORDS = {
    VerdictWord.BETTER: "better than",
    VerdictWord.INDISTINGUISHABLE: "not distinguishable from",
    VerdictWord.WORSE: "worse than",
}
