"""When a supervisor takes a study with trials that are put aside for over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tuner.supervisor.rungs import Moves
from tuner.supervisor.supervisor import Supervisor


def is_over(unfinished: list[int], moves: Moves = Moves(), *, trains: bool = False) -> bool:  # noqa: B008 (it is frozen)
    """Return whether a supervisor ends, which finds so many unfinished trials at each look, and makes these moves."""
    removed: list[int] = []
    here = SimpleNamespace(
        _ending=None,
        _lanes=SimpleNamespace(any=trains),
        _study_watch=SimpleNamespace(unfinished=lambda: unfinished.pop(0)),
        _rungs=SimpleNamespace(look=lambda: moves),
        _lifecycle=SimpleNamespace(checkpointing=SimpleNamespace(remove_trials=removed.extend)),
    )
    here._look_at_rungs = lambda: Supervisor._look_at_rungs(cast(Any, here))
    found = Supervisor._is_over(cast(Any, here))
    assert removed == list(moves.ended)
    return found


def test_a_study_is_over_where_no_trial_is_left_and_none_can_be_promoted() -> None:
    assert is_over([0, 0])
    assert not is_over([0, 0], trains=True)
    assert not is_over([1])


@pytest.mark.parametrize("moves", [Moves(promoted=(3,)), Moves(ended=(3,))])
def test_a_study_is_not_over_while_shelved_trials_are_promoted_or_ended(moves: Moves) -> None:
    assert not is_over([0], moves)


def test_a_study_is_not_over_where_another_supervisor_has_promoted_a_trial_meanwhile() -> None:
    # It may die before it trains the trial: then this supervisor is the only one that is left.
    assert not is_over([0, 1])
