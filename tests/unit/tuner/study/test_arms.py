"""Arms of a search over depths, in words."""

from __future__ import annotations

import pytest

from tuner.study.arms import ArmKey


@pytest.mark.parametrize(
    ("frozen", "head", "words", "alone"),
    [
        (0.0, "random", "all layers, random head", "all layers"),
        (0.75, "fitted", "25 % of the layers, fitted head", None),
        ("gradual", "random", "layers unfrozen one by one, random head", "layers unfrozen one by one"),
        (1.0, "random", "the head alone", "the head alone"),
    ],
)
def test_an_arm_tells_its_head_where_a_study_has_heads_of_two_kinds(
    frozen: float | str, head: str, words: str, alone: str | None
) -> None:
    arm = ArmKey(frozen_layers=frozen, head_init=head)
    assert arm.words([arm, ArmKey(frozen_layers=0.5, head_init="fitted")]) == words
    if alone is not None:
        assert arm.words([arm, ArmKey(frozen_layers=0.5, head_init="random")]) == alone
