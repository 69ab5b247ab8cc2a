from __future__ import annotations

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from storage import plain_name, stored_name
from storage.plain_storage import joined_distribution


@pytest.mark.parametrize(
    ("name", "generation", "stored"), [("dropout", 1, "dropout"), ("batch_size", 12, "batch_size#12")]
)
def test_a_stored_name_has_its_plain_name(name: str, generation: int, stored: str) -> None:
    assert stored_name(name, generation) == stored
    assert plain_name(stored) == name


@pytest.mark.parametrize("name", ["#2", "a#b", "a#", "a"])
def test_a_name_of_another_program_stays_as_it_is(name: str) -> None:
    assert plain_name(name) == name


@pytest.mark.parametrize(
    ("kinds", "joint"),
    [
        ((CategoricalDistribution((8, 16)), CategoricalDistribution((32, 8))), CategoricalDistribution((8, 16, 32))),
        ((FloatDistribution(1, 2), FloatDistribution(0, 1.5)), FloatDistribution(0, 2)),
        ((FloatDistribution(1, 2, log=True), IntDistribution(2, 4)), FloatDistribution(1, 4, log=True)),
        ((FloatDistribution(1, 2, log=True), CategoricalDistribution((0.0, 3.0))), FloatDistribution(0, 3)),
        (
            (FloatDistribution(0, 1), CategoricalDistribution(("gradual", 0.5))),
            CategoricalDistribution(("gradual", 0.5, 0.0, 1.0)),
        ),
    ],
)
def test_one_distribution_stands_for_all(kinds: tuple[BaseDistribution, ...], joint: BaseDistribution) -> None:
    assert joined_distribution(kinds) == joint


def test_values_of_trials_are_choices_beside_words() -> None:
    kinds = (FloatDistribution(0, 1), CategoricalDistribution(("gradual",)))
    assert joined_distribution(kinds, [0.25, "gradual"]) == CategoricalDistribution(("gradual", 0.0, 1.0, 0.25))
