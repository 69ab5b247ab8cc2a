from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from live_states import BEGAN, POINT, ended, evaluated
from rich.console import Console

from storage import TrialState
from tuner.processes.messages import Progressed
from tuner.reporting.events import Decided, Event, Notice, TrialStarted
from tuner.reporting.lines import Lines
from tuner.reporting.terminal import progress

FEW = replace(BEGAN, study="s", trials=4, finished=1)


def started(number: int, *, again: bool = False, steps: int | None = None, at: int | None = None) -> TrialStarted:
    return TrialStarted(
        number=number,
        lane=0,
        device="cuda:0",
        hyperparameters=POINT,
        again=again,
        optimiser_steps=steps,
        resumed_at=at,
    )


EVENTS: list[Event] = [
    FEW,
    started(1),
    evaluated(1, 50, 0.25),
    evaluated(1, 100, 0.75),
    ended(1, TrialState.COMPLETE, 0.75, finished=2),
    started(2, again=True),
    ended(2, TrialState.PRUNED, 0.5, finished=3, reason="[0.5] at 20 %, needed 0.6"),
    started(3, again=True, steps=120, at=60),
    ended(3, TrialState.PAUSED, None, finished=3, reason="paused; `tuner resume s` goes on"),
    Notice(text="something [bold]odd[/bold]"),
]


def lines_of(*events: Event, now: Callable[[], str] = lambda: "2026-12-02 13:24:05") -> list[str]:
    text = io.StringIO()
    lines = Lines(Console(file=text, width=20), now)
    for event in events:
        lines(event)
    return text.getvalue().splitlines()


def test_a_pipe_gets_a_line_an_event_with_its_time_and_neither_colour_nor_wrapping() -> None:
    point = "lr 0.000104 batch 64 epochs 2 dropout 0.12 decay 0.01 cosine frozen 0.5"
    found = lines_of(*EVENTS)
    assert {line[:20] for line in found} == {"2026-12-02 13:24:05 "}
    found = [re.sub(r", about \d+s left", ", LEFT", line[20:]) for line in found]
    assert found == [
        "study s: 1 of 4 trials finished, 2 workers",
        f"trial 1 started on cuda:0: {point}",
        "trial 1 50 %: value 0.2500, training loss 0.5000, validation loss 0.2500",
        "trial 1 100 %: value 0.7500, training loss 0.5000, validation loss 0.2500",
        "trial 1 complete value 0.7500 after 25s; 2/4, best 0.7500 (trial 1), LEFT",
        f"trial 2 again on cuda:0: {point}",
        "trial 2 pruned value 0.5000 ([0.5] at 20 %, needed 0.6) after 25s; 3/4, best 0.7500 (trial 1), LEFT",
        f"trial 3 again from optimiser step 120 on cuda:0, resumed at 60 %: {point}",
        "trial 3 paused (paused; `tuner resume s` goes on) after 25s; 3/4, best 0.7500 (trial 1), LEFT",
        "something [bold]odd[/bold]",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_what_no_terminal_takes_is_shown_escaped(terminal: bool) -> None:
    written = io.BytesIO()
    console = Console(file=io.TextIOWrapper(written, encoding="utf-8"), width=140, force_terminal=terminal)
    with progress(console) as watch:
        watch(FEW)
        watch(ended(1, TrialState.FAILED, None, finished=1, reason="ValueError: caf\udce9.csv"))
        watch(Notice(text="no file caf\udce9.txt"))
        if terminal:
            watch._display.show()
    console.file.flush()
    assert rb"ValueError: caf\udce9.csv" in written.getvalue()
    assert rb"no file caf\udce9.txt" in written.getvalue()


def test_a_pipe_gets_a_line_of_a_slow_stage_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("tuner.reporting.stages.time.monotonic", lambda: now[0])
    text = io.StringIO()
    lines = Lines(Console(file=text, width=20), lambda: "2026-12-02 13:24:05")
    for second in range(12):
        now[0] += 1
        lines(Progressed(stage="encoding texts", done=second, total=20))
    assert text.getvalue() == "2026-12-02 13:24:05 encoding texts: 10 of 20 (50 %)\n"


def test_where_the_number_of_trials_has_no_bound_lines_say_what_is_spent() -> None:
    found = lines_of(
        replace(FEW, trials=None, finished=0),
        ended(0, TrialState.COMPLETE, 0.5, finished=1),
        Decided(text="search: 3 trials begin with the head alone, which costs little", spent=1.04, runs=4.0),
        ended(1, TrialState.COMPLETE, 0.75, finished=2),
    )
    assert [line[20:] for line in found] == [
        "study s: 0 trials finished, 2 workers",
        "trial 0 complete value 0.5000 after 25s; 1 trial, best 0.5000 (trial 0)",
        "search: 3 trials begin with the head alone, which costs little",
        "trial 1 complete value 0.7500 after 25s; 2 trials, 1.0 runs, best 0.7500 (trial 1)",
    ]
