"""Which trials keep their weights while a study runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tuner.supervisor.best_trials import BestTrials


class Ranking:
    """A history of complete trials, of which only the values matter."""

    def __init__(self, direction: str, values: dict[int, float]) -> None:
        self.direction = direction
        self._values = values

    def labelled(self, label: str) -> frozenset[int]:
        return frozenset()

    def top(self, count: int | None = None) -> list[tuple[int, float]]:
        assert count is None
        sign = -1 if self.direction == "maximize" else 1
        return sorted(self._values.items(), key=lambda entry: sign * entry[1])[:count]


def best_trials(
    values: dict[int, float], *, keep: int = 1, direction: str = "maximize", tested: tuple[int, ...] = ()
) -> BestTrials:
    live = SimpleNamespace(current=SimpleNamespace(keep=keep))
    opening = {"opened": {"winner": tested[-1], "trials": list(tested)}} if tested else {}
    return BestTrials(
        cast(Any, Ranking(direction, values)),
        cast(Any, SimpleNamespace(content=lambda: opening)),
        cast(Any, live),
        cast(Any, lambda call, *arguments: call(*arguments)),
    )


def test_a_trial_for_which_the_test_split_was_opened_keeps_its_weights_though_others_are_better() -> None:
    assert best_trials({0: 0.5, 1: 0.9, 2: 0.7, 3: 0.8}, tested=(0, 2)).numbers() == [1, 0, 2]


def test_trial_0_is_among_those_that_keep_their_weights_though_others_are_better() -> None:
    values = {0: 0.5, 1: 0.9, 2: 0.7}
    assert best_trials(values).numbers() == [1, 0]
    assert best_trials(values, keep=2).numbers() == [1, 2, 0]
    assert best_trials(values, keep=5).numbers() == [1, 2, 0]
    assert best_trials(values, direction="minimize").numbers() == [0]


def test_trial_0_keeps_its_weights_however_weak_it_is_and_another_does_not() -> None:
    better = best_trials({1: 0.9})
    assert better.would_include(0, 0.1)
    assert not better.would_include(2, 0.1)


@pytest.mark.parametrize(("value", "kept"), [(0.91, True), (0.9, True), (0.89, False)])
def test_the_weights_of_a_trial_are_kept_where_it_is_as_good_as_the_last_of_the_best(value: float, kept: bool) -> None:
    assert best_trials({1: 0.9, 2: 0.5}).would_include(3, value) is kept
    assert best_trials({1: -0.9, 2: -0.5}, direction="minimize").would_include(3, -value) is kept
    assert best_trials({1: 0.9}, keep=2).would_include(3, value), "there is room"
