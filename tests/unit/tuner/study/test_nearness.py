"""How near a task is to the pretraining, in a number and in words."""

from __future__ import annotations

import pytest

from tuner.study.nearness import Distance, Nearness


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
    found = Nearness.of(metric="accuracy", direction="maximize", value=value, guess=guess)
    assert found.distance is distance
    assert found.to_dict() == {
        "value": value,
        "guess": guess,
        "share": pytest.approx(share, abs=1e-4),
        "distance": distance,
    }


def test_a_loss_is_perfect_at_0() -> None:
    assert Nearness.of(metric="loss", direction="minimize", value=0.2, guess=0.7).distance is Distance.NEAR
    assert Nearness.of(metric="loss", direction="minimize", value=0.6, guess=0.7).distance is Distance.FAR


def test_it_is_said_in_words() -> None:
    near = Nearness.of(metric="accuracy", direction="maximize", value=0.79, guess=0.03)
    assert near.words() == "near the pretraining: a head on frozen layers reaches accuracy 0.790, guessing 0.030"
    unknown = Nearness.of(metric="score", direction="maximize", value=0.4, guess=None)
    assert unknown.words() == "a head on frozen layers reaches score 0.400"
    assert unknown.distance is None
    assert Nearness.of(metric="accuracy", direction="maximize", value=1.0, guess=1.0).distance is None
