from __future__ import annotations

import signal

import pytest

from tuner.supervisor.farewell import farewell


@pytest.mark.parametrize(
    ("number", "left", "told"),
    [
        (signal.SIGINT, {3: 60}, "Stopped. Trial 3 is saved at 60 %; `tuner resume s` goes on."),
        (
            signal.SIGTERM,
            {4: 20, 3: 60},
            "Stopped by SIGTERM. Trials 3 at 60 % and 4 at 20 % are saved; `tuner resume s` goes on.",
        ),
        (signal.SIGINT, {}, "Stopped. `tuner resume s` goes on."),
        (signal.SIGINT, {1: None}, "Stopped. Trial 1 is saved; `tuner resume s` goes on."),
        (
            signal.SIGINT,
            {1: 0, 2: 30},
            "Stopped. Trial 2 is saved at 30 %, trial 1 begins again; `tuner resume s` goes on.",
        ),
        (signal.SIGINT, {1: 0, 2: 0}, "Stopped. Trials 1 and 2 begin again; `tuner resume s` goes on."),
    ],
)
def test_a_run_that_a_signal_ended_says_what_is_saved_and_what_goes_on(
    number: signal.Signals, left: dict[int, int | None], told: str
) -> None:
    assert farewell("s", number, left) == told
