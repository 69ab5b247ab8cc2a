"""How near a task is to the pretraining, in a number and in words."""

from __future__ import annotations

import pytest

from tuner.study.nearness import Distance, Nearness


def judged(value: float, guess: float | None, *, metric: str = "accuracy", direction: str = "maximize") -> Nearness:
    found = Nearness.of(metric=metric, direction=direction, value=value, guess=guess)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "guess", "share", "distance"),
    [
        (0.79, 0.03, 0.7835, Distance.NEAR),
        (0.68, 0.2, 0.6, Distance.NEAR),
        (0.55, 0.08, 0.5109, Distance.BETWEEN),
        (0.65, 0.5, 0.3, Distance.FAR),
        (0.5, 0.5, 0.0, Distance.FAR),
        (0.4, 0.5, -0.2, Distance.FAR),
    ],
)
def test_the_way_from_guessing_to_a_perfect_value_tells(
    value: float, guess: float, share: float, distance: Distance
) -> None:
    found = judged(value, guess)
    assert found.distance is distance
    assert found.to_dict() == {
        "value": value,
        "guess": guess,
        "share": pytest.approx(share, abs=1e-4),
        "distance": distance,
    }


def test_a_loss_is_perfect_at_0() -> None:
    assert judged(0.2, 0.7, metric="loss", direction="minimize").distance is Distance.NEAR
    assert judged(0.6, 0.7, metric="loss", direction="minimize").distance is Distance.FAR


def test_a_head_without_a_value_tells_nothing() -> None:
    assert Nearness.of(metric="roc_auc", direction="maximize", value=None, guess=0.5) is None


def test_it_is_said_in_words() -> None:
    near = judged(0.79, 0.03)
    assert near.words() == "near the pretraining: a head on frozen layers reaches accuracy 0.790, guessing 0.030"
    unknown = judged(0.4, None, metric="score")
    assert unknown.words() == "a head on frozen layers reaches score 0.400"
    assert unknown.distance is None
    assert judged(1.0, 1.0).distance is None


def test_the_depths_are_told_by_the_share_of_the_layers_below_the_classifier() -> None:
    depths = [{"frozen": frozen, "accuracy": value} for frozen, value in ((0.25, 0.693), (0.5, 0.682), (1.0, 0.587))]
    found = Nearness.of(metric="f1_macro", direction="maximize", value=0.6, guess=0.5, depths=depths)
    assert found is not None
    assert found.depth_words() == (
        "a linear classifier on the output of the lowest 25 % of the layers reaches accuracy 0.693, "
        "of 50 % 0.682, of 100 % 0.587"
    )
    assert judged(0.6, 0.5).depth_words() is None
