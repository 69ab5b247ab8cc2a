"""The lines of `tuner status`."""

from __future__ import annotations

import pytest

from tuner.cli.status_command import search_line


@pytest.mark.parametrize(
    ("state", "over", "line"),
    [
        ("running", False, "search now: 2 trials begin"),
        ("paused", False, None),
        ("interrupted", False, None),
        ("stopped", False, None),
        ("finished", True, "search ended: 2 trials begin"),
        ("paused", True, "search ended: 2 trials begin"),
    ],
)
def test_what_the_search_does_now_is_told_while_the_study_runs(state: str, over: bool, line: str | None) -> None:
    assert search_line({"over": over, "reason": "2 trials begin"}, state) == line


def test_a_search_that_has_said_nothing_has_no_line() -> None:
    assert search_line(None, "running") is None
    assert search_line({"over": False, "reason": None}, "running") is None
