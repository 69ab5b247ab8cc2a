"""How near a task is to the pretraining of its model, told by a head on frozen layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from storage import HeadRecord

if TYPE_CHECKING:
    from storage import StudyRecord

#: Shares of the way from guessing to a perfect value. From the first one on a task is near, up to the second it is far.
NEAR, FAR = 0.6, 0.4


class Distance(StrEnum):
    """The distance of a task, in words."""

    NEAR = "near"
    BETWEEN = "between"
    FAR = "far"


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """What a head on frozen layers reaches."""

    metric: str
    #: Value of the study's metric by cross-validation on the training split.
    value: float
    #: Value that guessing has; None where the task has no guess.
    guess: float | None
    #: Share of the way from guessing to a perfect value; None without a guess.
    share: float | None
    #: By share of the layers, what a linear classifier on their output reaches, and its LogME.
    depths: tuple[Mapping[str, float], ...] = ()

    @classmethod
    def of(
        cls,
        *,
        metric: str,
        direction: str,
        value: float | None,
        guess: float | None,
        depths: Sequence[Mapping[str, float]] = (),
    ) -> Nearness | None:
        """Judge the value of a head; return None where it has none.

        Args:
            metric: Name of the study's metric.
            direction: `maximize`, where 1 is perfect, or `minimize`, where 0 is.
            value: The value of the head.
            guess: The value of guessing.
            depths: What the states of each depth tell, as JSON values.
        """
        if value is None:
            return None
        perfect = 1.0 if direction == "maximize" else 0.0
        share = None if guess is None or guess == perfect else (value - guess) / (perfect - guess)
        return cls(metric=metric, value=value, guess=guess, share=share, depths=tuple(depths))

    @classmethod
    def of_study(cls, study: StudyRecord, content: Mapping[str, Any]) -> Nearness | None:
        """Judge the fitted head of a study; return None where there is none, or it has no value.

        Args:
            study: The study.
            content: The part of its plan with its fitted head.
        """
        head, metric = HeadRecord.parse(content), study.config["metric"]
        if head is None:
            return None
        return cls.of(
            metric=metric["name"],
            direction=metric["direction"],
            value=head.value,
            guess=study.facts.get("guess"),
            depths=_sound_depths(content.get("depths")),
        )

    @property
    def distance(self) -> Distance | None:
        """How near the task is; None where nobody can say."""
        if self.share is None:
            return None
        if self.share >= NEAR:
            return Distance.NEAR
        return Distance.FAR if self.share <= FAR else Distance.BETWEEN

    def words(self) -> str:
        """Return a sentence for people, without a full stop."""
        reached = f"a head on frozen layers reaches {self.metric} {self.value:.3f}"
        if self.guess is None or self.distance is None:
            return reached
        return f"{_WORDS[self.distance]}: {reached}, guessing {self.guess:.3f}"

    def depth_words(self) -> str | None:
        """Return what the states of each depth tell, for people; None where nobody knows."""
        if not self.depths:
            return None
        first, *rest = [(f"{each['frozen']:.0%}".replace("%", " %"), f"{each['accuracy']:.3f}") for each in self.depths]
        told = [
            f"{first[0]} of the layers reaches accuracy {first[1]}",
            *(f"of {share} {value}" for share, value in rest),
        ]
        return f"a linear classifier on the output of the lowest {', '.join(told)}"

    def probe(self) -> dict[str, Any]:
        """Return what the states of each depth tell, as JSON values."""
        return {"depths": [dict(each) for each in self.depths], "guess": self.guess}

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        share = None if self.share is None else round(self.share, 4)
        return {"value": round(self.value, 6), "guess": self.guess, "share": share, "distance": self.distance}


def _sound_depths(stored: Any) -> list[dict[str, float]]:
    """Return the scores of depths that are sound; other programs may have written others."""
    names = ("frozen", "accuracy")
    found = [each for each in stored if isinstance(each, Mapping)] if isinstance(stored, list) else []
    return [
        {name: float(each[name]) for name in (*names, "logme") if isinstance(each.get(name), int | float)}
        for each in found
        if all(isinstance(each.get(name), int | float) for name in names)
    ]


_WORDS = {
    Distance.NEAR: "near the pretraining",
    Distance.BETWEEN: "some way from the pretraining",
    Distance.FAR: "far from the pretraining",
}
