"""When a supervisor takes a study with trials that are put aside for over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tuner.supervisor.judging import Moves
from tuner.supervisor.supervisor import Supervisor


def is_over(unfinished: list[int], moves: Moves = Moves(), *, trains: bool = False, over: bool = True) -> bool:  # noqa: B008
    """Return whether a supervisor ends, which finds so many unfinished trials at each look, and makes these moves."""
    removed: list[int] = []
    here = SimpleNamespace(
        _ending=None,
        _lanes=SimpleNamespace(any=trains, is_any_free=True),
        _study_watch=SimpleNamespace(unfinished=lambda: unfinished.pop(0)),
        _judge=SimpleNamespace(look=lambda *, idle: moves, is_over=lambda: over),
        _lifecycle=SimpleNamespace(checkpointing=SimpleNamespace(remove_trials=removed.extend)),
    )
    here._look_at_trials = lambda: Supervisor._look_at_trials(cast(Any, here))
    found = Supervisor._is_over(cast(Any, here))
    assert removed == list(moves.ended)
    return found


def test_a_study_is_over_where_no_trial_is_left_and_none_can_be_promoted() -> None:
    assert is_over([0, 0])
    assert not is_over([0, 0], trains=True)
    assert not is_over([1])


def test_a_study_whose_plan_has_not_ended_is_not_over_though_no_trial_is_left() -> None:
    assert not is_over([0, 0], over=False)


@pytest.mark.parametrize("moves", [Moves(started=1), Moves(ended=(3,))])
def test_a_study_is_not_over_while_shelved_trials_are_promoted_or_ended(moves: Moves) -> None:
    assert not is_over([0], moves)


def test_a_study_is_not_over_where_another_supervisor_has_promoted_a_trial_meanwhile() -> None:
    # It may die before it trains the trial: then this supervisor is the only one that is left.
    assert not is_over([0, 1])
