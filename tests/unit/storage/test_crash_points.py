from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import storage
from storage import crash_points


@pytest.fixture
def reached() -> Iterator[list[str]]:
    points: list[str] = []
    crash_points.hook = points.append
    yield points
    crash_points.hook = None


def test_a_moment_that_nobody_waits_for_passes() -> None:
    assert crash_points.hook is None
    for point in crash_points.POINTS:
        crash_points.reach(point)


def test_a_hook_is_told_of_each_moment(reached: list[str]) -> None:
    for point in crash_points.POINTS:
        crash_points.reach(point)
    assert reached == list(crash_points.POINTS)


def test_an_error_in_the_hook_is_not_swallowed() -> None:
    def fail(point: str) -> None:
        raise RuntimeError(point)

    crash_points.hook = fail
    try:
        with pytest.raises(RuntimeError, match="telling"):
            crash_points.reach("telling")
    finally:
        crash_points.hook = None


def test_every_moment_that_is_named_is_reached_somewhere_and_no_other() -> None:
    root = Path(storage.__file__).parents[1]
    found = set()
    for path in [*(root / "storage").rglob("*.py"), *(root / "tuner").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "reach":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path}:{node.lineno}"
                found.add(name.value)
    named = (
        *crash_points.POINTS,
        *crash_points.HEAD_POINTS,
        *crash_points.PLAN_POINTS,
        *crash_points.TEST_POINTS,
        *crash_points.UPGRADE_POINTS,
    )
    assert found == set(named)
    assert len(set(named)) == len(named)
