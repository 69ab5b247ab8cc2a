from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from tuner.processes.messages import Progressed
from tuner.reporting.stages import SLOW_S, SlowStages, StageBar, describe_stage, stages


@pytest.mark.parametrize(
    ("progressed", "shown"),
    [
        (Progressed(stage="loading libraries"), "loading libraries"),
        (Progressed(stage="reading a.csv", done=1500), "reading a.csv: 1,500"),
        (Progressed(stage="encoding texts", done=500, total=2000), "encoding texts: 500 of 2,000 (25 %)"),
    ],
)
def test_a_stage_is_shown_with_what_is_known_of_it(progressed: Progressed, shown: str) -> None:
    assert describe_stage(progressed) == shown


def test_a_log_names_a_stage_only_where_it_is_slow_and_then_every_few_seconds() -> None:
    now = [0.0]
    slow = SlowStages(clock=lambda: now[0])
    shown = []
    for second in range(25):
        now[0] = float(second)
        shown.append(slow.line(Progressed(stage="encoding", done=second)))
    now[0] += SLOW_S
    assert slow.line(Progressed(stage="building the model")) is None, "it has just begun"
    assert [line for line in shown if line] == ["encoding: 10", "encoding: 20"]


def test_a_log_of_a_fast_preparation_has_no_line_of_it() -> None:
    text = io.StringIO()
    with stages(Console(file=text)) as show:
        for done in range(100):
            show(Progressed(stage="encoding", done=done, total=100))
    assert text.getvalue() == ""


def test_a_terminal_shows_one_line_that_vanishes() -> None:
    text = io.StringIO()
    console = Console(file=text, width=100, force_terminal=True, color_system=None)
    with stages(console) as show:
        show(Progressed(stage="caf\udce9.csv", done=3, total=4))
    assert "3 of 4 (75 %)" in text.getvalue()
    assert r"caf\udce9.csv" in text.getvalue()
    assert text.getvalue().endswith("\x1b[2K"), "the line is erased"


def test_the_clock_of_a_bar_counts_from_the_begin_of_its_stage() -> None:
    now = [0.0]
    bar = StageBar(clock=lambda: now[0])

    def shown() -> str:
        console = Console(file=(text := io.StringIO()), width=100)
        console.print(bar)
        return re.sub(r"\s+", " ", text.getvalue())

    bar.take(Progressed(stage="reading", done=1))
    now[0] = 70
    bar.take(Progressed(stage="reading", done=2))
    assert "reading: 2 1m10s" in shown()
    bar.take(Progressed(stage="encoding", done=1, total=2))
    assert "encoding: 1 of 2 (50 %) 0s" in shown()
