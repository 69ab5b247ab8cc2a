"""What benchmarks are measured with: whole process trees, turns, and what decides an exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import measuring
import pytest
import verdicts
from measured_functions import burn, burn_below, fail
from verdicts import Equality, Gate

#: Seconds of work that is counted, and what the interpreter's own start may add.
WORK_S, START_S = 0.5, 0.4


def options(**changed: Any) -> verdicts.Options:
    return verdicts.Options(**{"small": False, "rounds": 1, "json": None, **changed})


def test_a_function_is_called_in_a_process_of_its_own_and_its_processor_time_is_counted() -> None:
    found = measuring.measure(burn, seconds=WORK_S)
    assert found.report["argument"] == WORK_S
    assert found.report["cpu_s"] < WORK_S < found.cpu_s < WORK_S + START_S
    assert found.peak_bytes > 1 << 20


def test_what_a_command_leaves_behind_is_counted_too() -> None:
    assert measuring.measure(burn_below, seconds=WORK_S).cpu_s > WORK_S


def test_a_function_that_fails_says_why() -> None:
    with pytest.raises(measuring.Failed, match="no such thing"):
        measuring.measure(fail)


def test_a_command_is_run_with_one_thread_and_its_output_is_kept() -> None:
    command = [sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['MORE'])"]
    assert measuring.run(command, environment={"MORE": "less"}).report["stdout"] == "1 less\n"


def test_systems_take_turns_and_another_one_begins_each_round() -> None:
    order: list[str] = []
    found = measuring.interleave(
        {name: lambda name=name: order.append(name) or len(order) for name in "ab"},  # type: ignore[misc, func-returns-value]
        2,
    )
    assert order == ["a", "b", "b", "a"]
    assert found == {"a": [1, 4], "b": [2, 3]}
    assert measuring.median(found["a"], float) == 2.5


@pytest.mark.parametrize(
    ("gate", "holds"),
    [
        (Gate("g", 2.0, at_least=2.0), True),
        (Gate("g", 1.9, at_least=2.0), False),
        (Gate("g", 1.3, at_most=1.3), True),
        (Gate("g", 1.4, at_most=1.3), False),
        (Gate("g", float("nan"), at_least=0.0), False),
    ],
)
def test_a_gate_holds_from_its_limit_on(gate: Gate, holds: bool) -> None:
    assert gate.holds is holds


@pytest.mark.parametrize(
    ("small", "gate", "difference", "code"),
    [
        (False, 2.0, 0.0, 0),
        (False, 0.5, 0.0, 1),
        (True, 0.5, 0.0, 0),
        (True, 2.0, 1.0, 1),
        (True, 2.0, float("nan"), 1),
    ],
)
def test_inequality_decides_always_and_a_missed_gate_only_in_whole_runs(
    small: bool, gate: float, difference: float, code: int
) -> None:
    told = options(small=small)
    assert verdicts.finish(told, gates=[Gate("g", gate, at_least=1)], equalities=[Equality("e", difference)]) == code


def test_a_gate_is_told_with_its_unit() -> None:
    assert str(Gate("g", 1.25, at_least=1, at_most=2)) == "g: 1.25x, asked for >= 1x and <= 2x"
    assert str(Gate("g", 1.25, at_most=2, unit=" FR")) == "g: 1.25 FR, asked for <= 2 FR"


def test_a_folder_of_data_is_asked_for_except_in_small_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdicts.parse("", folder="TABLES", arguments=["there"]).folder == Path("there")
    assert verdicts.parse("", folder="TABLES", arguments=["--small"]).folder is None
    assert verdicts.parse("", arguments=[]).folder is None
    with pytest.raises(SystemExit):
        verdicts.parse("", folder="TABLES", arguments=[])
    assert "say which folder TABLES is, or --small" in capsys.readouterr().err


def test_all_that_was_found_is_written_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = options(json=tmp_path / "found.json")
    verdicts.show(told, "A title", ("system", "CPU-s"), [("ours", 1.23456), ("theirs", 12345.6)])
    verdicts.finish(told, equalities=[Equality("losses", 0.0)])
    assert capsys.readouterr().out.splitlines()[:6] == [
        "",
        "A title",
        "",
        "| system | CPU-s |",
        "|--------|------:|",
        "| ours   |  1.23 |",
    ]
    content = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert content["tables"][0]["rows"] == [["ours", 1.23456], ["theirs", 12345.6]]
    assert content["equalities"] == [{"name": "losses", "difference": 0.0, "at_most": 0.0, "holds": True}]
