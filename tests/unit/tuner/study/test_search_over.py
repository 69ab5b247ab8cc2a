from __future__ import annotations

from typing import Any

import pytest

from tuner.study.search_over import SearchOver, is_searched_by_plan

CONFIG: dict[str, Any] = {"budget": {"trials": None, "runs": 4.0, "time": None}, "stop": None}
OVER = SearchOver(reason="no full run is worth its price", cuts=False)


def test_the_end_of_a_search_is_read_back_from_the_plan() -> None:
    assert SearchOver.parse(OVER.to_content(CONFIG), CONFIG) == OVER
    assert SearchOver.parse({}, CONFIG) is None
    assert SearchOver.parse({"over": "yes"}, CONFIG) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"budget": {**CONFIG["budget"], "runs": 6.0}},
        {"budget": {**CONFIG["budget"], "trials": 8}},
        {"stop": "none"},
    ],
)
def test_it_holds_for_one_budget_only(changed: dict[str, Any]) -> None:
    assert SearchOver.parse(OVER.to_content(CONFIG), {**CONFIG, **changed}) is None


def test_it_holds_for_one_search_space_only_unless_it_was_stored_before_spaces_were_edited() -> None:
    content, edited = OVER.to_content(CONFIG), {**CONFIG, "search_space": {"dropout": {"choices": [0.1]}}}
    assert SearchOver.parse(content, edited) is None
    content["over"]["bounds"].pop()
    assert SearchOver.parse(content, edited) == OVER


def test_a_larger_budget_in_time_does_not_open_it_again() -> None:
    later = {**CONFIG, "budget": {**CONFIG["budget"], "time": 60.0}}
    assert SearchOver.parse(OVER.to_content(CONFIG), later) == OVER


def test_studies_without_arms_have_a_slot_for_each_trial() -> None:
    assert not is_searched_by_plan({"looks": [100]})
    assert is_searched_by_plan({"arms": [[0.5, "random"], [0.0, "random"]]})
