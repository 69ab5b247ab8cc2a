"""At which percents of its schedule a trial is evaluated, and how many evaluations it can afford."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.trial.looks import LOOKS, affordable_looks


@pytest.mark.parametrize("count", LOOKS)
def test_fewer_looks_are_some_of_those_that_more_looks_have(count: int) -> None:
    looks = LOOKS[count]
    assert len(looks) == count
    assert list(looks) == sorted(set(looks))
    assert looks[-1] == 100
    assert all(set(looks) <= set(other) for more, other in LOOKS.items() if more > count)


@given(
    train=st.integers(1, 10**7),
    validation=st.integers(1, 10**7),
    epochs=st.floats(0.1, 6),
    share=st.floats(0, 1),
)
def test_validating_costs_at_most_a_quarter_of_training(
    train: int, validation: int, epochs: float, share: float
) -> None:
    looks = affordable_looks(train_tokens=train, validation_tokens=validation, epochs=epochs, trained_share=share)
    cost = train * epochs * (1 + 3 * share)
    assert looks in LOOKS.values()
    assert len(looks) * validation <= cost / 4 or len(looks) == 1
    more = [other for other in LOOKS if other > len(looks)]
    assert all(other * validation > cost / 4 for other in more), "no more evaluations would have been cheap enough"


def test_a_frozen_encoder_is_cheap_to_train_and_so_is_evaluated_less() -> None:
    def looks(share: float) -> tuple[int, ...]:
        return affordable_looks(train_tokens=1000, validation_tokens=200, epochs=3, trained_share=share)

    assert (looks(1.0), looks(0.0)) == (LOOKS[10], LOOKS[2])
