"""The live view fits each terminal, and says what a person asks of a search."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from live_states import ABOUT, state

from storage import TrialState
from tuner.reporting.events import Ranked
from tuner.reporting.live.screen import screen
from tuner.reporting.live.state import EndedTrial, LiveState, Message, Stage
from tuner.reporting.live.symbols import ASCII, symbols_for

SIZES = [(20, 5), (40, 10), (80, 24), (81, 23), (140, 40), (200, 50)]


def shown(found: LiveState, width: int = 80, height: int = 24) -> list[str]:
    return [line.plain for line in screen(found, width, height)]


def crowded() -> LiveState:
    """More of everything than fits."""
    found = state()
    trials = tuple(replace(found.running[0], number=number) for number in range(40))
    leaders = tuple(Ranked(number=number, value=0.9 - number / 100) for number in range(20))
    message = Message(moment="13:24", text="the store is full; " * 20)
    stages = tuple(Stage(name=f"stage {number} " * 30, done=1, total=2, seconds=1.0) for number in range(9))
    return replace(
        found, running=trials, leaders=leaders, ended=found.ended * 20, messages=(message,) * 9, stages=stages
    )


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("found", [state(), crowded()], ids=["usual", "crowded"])
def test_no_line_is_wider_and_the_view_no_higher_than_the_terminal(found: LiveState, width: int, height: int) -> None:
    lines = screen(found, width, height)
    assert lines
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width


def test_at_80_columns_the_view_is_the_one_of_the_docs() -> None:
    assert shown(state()) == [
        " rotten-tomatoes   accuracy, higher is better   MiniLM-L6   640 train / 300 val",
        " █████████████████████████████████░░░░░  13/16  4m18s gone, about 1m20s left",
        "",
        " RUNNING  where  done        accuracy  curve, 0.48 to 0.83  from      lr  batch",
        "   13     cpu:0  ████████░░    0.7667  ▃▅▇▇                 60 %  1.0e-4     64",
        "   14     cpu:1  ██░░░░░░░░    0.5700  ▃                          7.1e-5     32",
        "",
        " BEST   took          accuracy  against trial 0 (noise is about ±0.045)",
        "    0  1m22s  recipe    0.8100",
        "    2    27s            0.7967  -0.0133  a tie",
        "",
        " LAST ENDED",
        "   12 pruned at 20 %  0.5367  needed 0.5608",
        "   10 complete        0.7533",
        "    9 complete        0.7700",
        "",
        " 8 complete  5 pruned  0 failed  2 running  1 waiting    last saved 6s ago",
        " cpu: 2 lanes, load 1.9 of 2 cores",
        " ! 13:24 the database does not answer, training goes on: connection refused",
        " Ctrl-C saves and leaves; again leaves at once.   tuner dashboard: curves",
    ]


def test_a_wide_terminal_has_a_column_for_each_hyperparameter_that_varies_and_for_no_other() -> None:
    (head,) = [line for line in shown(state(), 200, 50) if "RUNNING" in line]
    assert head.split()[-7:] == ["lr", "batch", "frz", "epochs", "schedule", "drop", "for"]
    assert "decay" not in head
    (row,) = [line for line in shown(state(), 200, 50) if line.startswith("   13 ")]
    assert row.split()[-7:] == ["1.0e-4", "64", "3/6", "2", "cosine", "0.12", "5s"]


def test_all_curves_are_drawn_on_the_scale_of_the_study() -> None:
    found = state()
    low, high = found.running
    trials = (replace(low, curve=((10, 0.48), (20, 0.49))), replace(high, curve=((10, 0.82), (20, 0.83))))
    rows = shown(replace(found, running=trials))[4:6]
    assert "▁▁" in rows[0]
    assert "██" in rows[1]


@pytest.mark.parametrize(
    ("value", "direction", "told"),
    [
        (0.84, "maximize", "+0.0300  a tie"),
        (0.9, "maximize", "+0.0900  better"),
        (0.7, "maximize", "-0.1100  worse"),
        (0.7, "minimize", "-0.1100  better"),
        (0.9, "minimize", "+0.0900  worse"),
    ],
)
def test_the_best_are_compared_with_the_recipe_beyond_the_noise_alone(value: float, direction: str, told: str) -> None:
    about = replace(ABOUT, direction=direction)
    found = replace(state(), about=about, leaders=(Ranked(number=7, value=value),))
    (row,) = [line for line in shown(found) if line.startswith("    7 ")]
    assert row.endswith(told)


def test_where_nothing_is_known_of_the_noise_only_the_difference_is_shown() -> None:
    found = replace(state(), about=replace(ABOUT, sizes=None))
    lines = shown(found)
    assert any(line.endswith("against trial 0") for line in lines)
    assert any(line.endswith("-0.0133") for line in lines)


def test_trials_that_do_not_fit_are_counted() -> None:
    rows = [line for line in shown(crowded(), 80, 60) if re.match(r"   +\d+ +cpu:0", line)]
    assert f"   and {40 - len(rows)} more" in shown(crowded(), 80, 60)
    assert len(rows) > 10


def test_before_trials_run_the_stages_of_the_preparation_are_shown() -> None:
    stages = (
        Stage(name="loading libraries", done=0, total=0, seconds=7.0),
        Stage(name="encoding train", done=320, total=640, seconds=2.0),
    )
    found = LiveState(about=ABOUT, stages=stages, trials=16, finished=0, seconds=9.0)
    assert shown(found)[1:] == [
        " ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0/16  9s gone",
        "",
        " PREPARING",
        "   ██████████      7s  loading libraries",
        "   █████░░░░░      2s  encoding train: 320 of 640",
    ]


def test_a_budget_in_full_runs_is_shown_as_what_is_spent_of_it() -> None:
    about = replace(ABOUT, runs=4.0, trials=None)
    found = replace(state(), about=about, trials=None, spent=1.04, left_s=None)
    assert shown(found)[1].endswith("░  1.0 of 4 full runs, 13 trials  4m18s gone")


def test_a_trial_that_is_put_aside_and_one_that_failed_say_so() -> None:
    rows = (
        EndedTrial(number=3, state=TrialState.SHELVED, percent=20, value=0.5, reason="0.5 at 20 %"),
        EndedTrial(number=4, state=TrialState.FAILED, percent=None, value=None, reason="ValueError: no"),
    )
    lines = shown(replace(state(), ended=rows))
    assert "    3 put aside at 20 %  0.5000" in lines
    assert "    4 failed                     ValueError: no" in lines


def test_a_trial_that_is_interrupted_waits_and_is_counted_once() -> None:
    counted = {TrialState.COMPLETE: 1, TrialState.RUNNING: 1, TrialState.INTERRUPTED: 1, TrialState.PAUSED: 1}
    found = replace(state(), counts=counted, waiting=2)
    assert any(line.startswith(" 1 complete  0 pruned  0 failed  1 running  2 waiting") for line in shown(found))


def test_a_terminal_without_utf_8_gets_ascii() -> None:
    assert symbols_for("utf-8") is not ASCII
    symbols = symbols_for("ascii")
    assert symbols is ASCII
    lines = [line.plain for line in screen(crowded(), 40, 60, symbols)]
    assert all(line.isascii() for line in lines)
    assert any("#" in line for line in lines)
