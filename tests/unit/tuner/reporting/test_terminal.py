from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from tuner.processes.messages import Progressed
from tuner.reporting.events import Began, Decided, Event, Notice, TrialEnded, TrialEvaluated, TrialStarted
from tuner.reporting.terminal import Lines, LiveTable, RunTotals, progress
from tuner.trial.evaluation import Evaluation

POINT = {
    "learning_rate": 5e-5,
    "batch_size": 16,
    "num_train_epochs": 3,
    "dropout": 0.1,
    "weight_decay": 0.01,
    "lr_scheduler_type": "linear",
    "frozen_layers": "gradual",
    "warmup_ratio": 0.06,
}
BEGAN = Began(study="s", direction="maximize", metric="accuracy", trials=4, finished=1, lanes=2)


def started(number: int, *, again: bool = False, steps: int | None = None) -> TrialStarted:
    return TrialStarted(
        number=number, lane=0, device="cuda:0", hyperparameters=POINT, again=again, optimiser_steps=steps
    )


def evaluated(number: int, step: int, value: float) -> TrialEvaluated:
    evaluation = Evaluation(
        step=step,
        value=value,
        epoch=step / 100,
        optimiser_steps=step,
        train_loss=0.5,
        validation_loss=0.25,
        learning_rate=1e-5,
    )
    return TrialEvaluated(number=number, evaluation=evaluation)


def ended(
    number: int, state: str, value: float | None, *, finished: int, reason: str | None = None, seconds: float = 10.0
) -> TrialEnded:
    return TrialEnded(number=number, state=state, value=value, reason=reason, seconds=seconds, finished=finished)


EVENTS: list[Event] = [
    BEGAN,
    started(1),
    evaluated(1, 50, 0.25),
    evaluated(1, 100, 0.75),
    ended(1, "complete", 0.75, finished=2),
    started(2, again=True),
    ended(2, "pruned", 0.5, finished=3, reason="pruned: [weak]", seconds=20.0),
    started(3, again=True, steps=120),
    ended(3, "paused", None, finished=3, reason="paused; `tuner resume s` goes on", seconds=15.0),
    Notice(text="something [bold]odd[/bold]"),
]


def test_a_pipe_gets_a_line_an_event_without_colour_or_wrapping() -> None:
    text = io.StringIO()
    with progress(Console(file=text, width=20)) as watch:
        assert isinstance(watch, Lines)
        for event in EVENTS:
            watch(event)
    point = "lr 5e-05 batch 16 epochs 3 dropout 0.1 decay 0.01 linear warmup 0.06 frozen gradual"
    assert text.getvalue().splitlines() == [
        "study s: 1 of 4 trials finished, 2 worker(s)",
        f"trial 1 started on cuda:0: {point}",
        "trial 1 50 %: value 0.2500, training loss 0.5000, validation loss 0.2500",
        "trial 1 100 %: value 0.7500, training loss 0.5000, validation loss 0.2500",
        "trial 1 complete value 0.7500 after 10s; 2/4, best 0.7500 (trial 1), about 10s left",
        f"trial 2 again on cuda:0: {point}",
        "trial 2 pruned value 0.5000 (pruned: [weak]) after 20s; 3/4, best 0.7500 (trial 1), about 8s left",
        f"trial 3 again from optimiser step 120 on cuda:0: {point}",
        "trial 3 paused (paused; `tuner resume s` goes on) after 15s; 3/4, best 0.7500 (trial 1), about 8s left",
        "something [bold]odd[/bold]",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_what_no_terminal_takes_is_shown_escaped(terminal: bool) -> None:
    written = io.BytesIO()
    console = Console(file=io.TextIOWrapper(written, encoding="utf-8"), width=140, force_terminal=terminal)
    with progress(console) as watch:
        watch(ended(1, "failed", None, finished=1, reason="ValueError: caf\udce9.csv"))
        watch(Notice(text="no file caf\udce9.txt"))
    console.file.flush()
    assert rb"ValueError: caf\udce9.csv" in written.getvalue()
    assert rb"no file caf\udce9.txt" in written.getvalue()


def terminal() -> tuple[Console, Callable[[], str]]:
    text = io.StringIO()
    console = Console(file=text, width=140, height=30, force_terminal=True, color_system=None)
    return console, lambda: re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())


def test_a_terminal_shows_running_trials_and_keeps_a_line_of_each_that_ended() -> None:
    console, shown = terminal()
    with progress(console) as watch:
        assert isinstance(watch, LiveTable)
        for event in EVENTS[:4]:
            watch(event)
        watch._live.refresh()
        assert re.search(r"1\s+cuda:0\s+0s\s+▁█ 0\.7500\s+lr 5e-05", shown())
        assert "1/4 trials, no best yet, about ? left" in shown()
        for event in EVENTS[4:]:
            watch(event)
        watch._live.refresh()
    assert re.search(r"1 complete\s+0\.7500\s+lr 5e-05", shown())
    assert re.search(r"2 pruned\s+0\.5000\s+lr 5e-05.*pruned: \[weak\]", shown())
    assert re.search(r"3 paused\s+lr 5e-05.*  paused;\s+`tuner", shown())
    assert "3/4 trials, best 0.7500 (trial 1), about 8s left" in shown()
    assert "something [bold]odd[/bold]" in shown()


def test_the_clock_of_a_running_trial_goes_on_between_events(monkeypatch: pytest.MonkeyPatch) -> None:
    console, shown = terminal()
    now = [100.0]
    monkeypatch.setattr("tuner.reporting.terminal.time.monotonic", lambda: now[0])
    with LiveTable(console) as table:
        table(BEGAN)
        table(started(0))
        now[0] += 75
        table._live.refresh()
        assert "1m15s" in shown()


def test_the_best_follows_the_direction_and_counts_complete_trials_alone() -> None:
    totals = RunTotals()
    totals.take(Began(study="s", direction="minimize", metric="loss", trials=9, finished=0, lanes=1))
    assert totals.remaining_s is None
    for number, (state, value) in enumerate(
        [("complete", 0.5), ("pruned", 0.1), ("complete", 0.4), ("complete", 0.6), ("failed", None)]
    ):
        totals.take(ended(number, state, value, finished=number + 1))
    assert totals.best == (2, 0.4)
    assert totals.remaining_s == pytest.approx(40)


def test_a_terminal_shows_the_stage_of_the_preparation_until_trials_run() -> None:
    console, shown = terminal()
    with LiveTable(console) as table:
        table(Progressed(stage="encoding texts", done=500, total=2000))
        assert "encoding texts: 500 of 2,000 (25 %)" in shown()
        assert "trials" not in shown(), "nothing is known of them"
        table(BEGAN)
        table(started(0))
        assert "1/4 trials, no best yet" in shown().rpartition("encoding texts")[2]


def test_a_pipe_gets_a_line_of_a_slow_stage_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    now = [100.0]
    monkeypatch.setattr("tuner.reporting.stages.time.monotonic", lambda: now[0])
    with progress(Console(file=text, width=20)) as watch:
        for second in range(12):
            now[0] += 1
            watch(Progressed(stage="encoding texts", done=second, total=20))
    assert text.getvalue() == "encoding texts: 10 of 20 (50 %)\n"


def test_where_the_number_of_trials_has_no_bound_lines_say_what_is_spent() -> None:
    text = io.StringIO()
    with progress(Console(file=text, width=200)) as watch:
        for event in (
            replace(BEGAN, trials=None, finished=0),
            ended(0, "complete", 0.5, finished=1),
            Decided(text="search: 3 trials begin with the head alone, which costs little", spent=1.04, runs=4.0),
            ended(1, "complete", 0.75, finished=2),
        ):
            watch(event)
    assert text.getvalue().splitlines() == [
        "study s: 0 trials finished, 2 worker(s)",
        "trial 0 complete value 0.5000 after 10s; 1 trials, best 0.5000 (trial 0)",
        "search: 3 trials begin with the head alone, which costs little",
        "trial 1 complete value 0.7500 after 10s; 2 trials, 1.0 of 4 runs, best 0.7500 (trial 1)",
    ]
