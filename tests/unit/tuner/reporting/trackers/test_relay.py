from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from storage import TrialState
from tuner.reporting.events import Began, Event, Notice, TrialEnded, TrialStarted, TrialWasOver
from tuner.reporting.trackers.relay import Relay, Trackers
from tuner.study.trackers import TrackedStudy, TrackerName

STUDY = TrackedStudy(name="reviews", key="0badcafe", metric="accuracy")


def started(number: int) -> TrialStarted:
    return TrialStarted(number=number, lane=0, device="cpu", hyperparameters={}, again=False)


def ended(number: int) -> TrialEnded:
    return TrialEnded(number=number, state=TrialState.COMPLETE, value=1.0, reason=None, seconds=1.0, finished=1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[list[str], list[str]]]:
    """Tell a tracker of some events; return what it has written down, and what a person is told."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)

    def tell(
        *events: TrialStarted | TrialEnded, over: Sequence[TrialWasOver] = (), last_s: float = 30.0
    ) -> tuple[list[str], list[str]]:
        said: list[str] = []
        function = "tracker_functions:writes"
        relay = Relay(TrackerName.WANDB, STUDY, tmp_path / "log", notice=said.append, function=function, patience_s=2.0)
        begun = time.monotonic()
        relay.catch_up(over)
        for event in events:
            relay.put(event)
        assert time.monotonic() - begun < 0.5, "the supervisor does not wait"
        relay.finish()
        relay.close(time.monotonic() + last_s)
        written = tmp_path / "written"
        return written.read_text().splitlines() if written.is_file() else [], said

    return tell


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (1, "it has not answered for 2 s"),
        (2, "its process ended"),
        (3, "ValueError: no such project"),
    ],
    ids=["hangs", "crashes", "fails"],
)
def test_a_trial_that_a_tracker_fails_is_left_alone_after_one_line_and_later_ones_are_tracked(
    told: Callable[..., tuple[list[str], list[str]]], number: int, why: str
) -> None:
    written, said = told(started(number), ended(number), started(4), ended(4))
    assert said == [f"wandb: {why}; trial {number} is not tracked there any further"]
    assert written[-2:] == ["TrialStarted 4", "TrialEnded 4"]
    assert f"TrialEnded {number}" not in written


def test_the_trials_that_run_beside_one_that_hangs_are_named_with_it(
    told: Callable[..., tuple[list[str], list[str]]],
) -> None:
    written, said = told(started(0), started(1), ended(0))
    assert said == ["wandb: it has not answered for 2 s; trials 0, 1 are not tracked there any further"]
    assert written == ["TrialStarted 0"]


def test_trials_that_were_over_are_told_before_others_and_no_more_of_them_after_a_failure(
    told: Callable[..., tuple[list[str], list[str]]],
) -> None:
    over = [TrialWasOver(**vars(ended(number))) for number in (7, 2, 8)]
    written, said = told(started(4), over=over)
    assert said == ["wandb: its process ended; trials that were over are not told there"]
    assert written == ["TrialWasOver 7", "TrialStarted 4"]


def test_the_end_of_a_run_waits_no_longer_than_it_is_told(told: Callable[..., tuple[list[str], list[str]]]) -> None:
    begun = time.monotonic()
    _, said = told(started(1), last_s=0.1)
    assert time.monotonic() - begun < 10
    assert said == ["wandb has not taken everything in time; what is left is dropped"]


def test_a_study_without_trackers_has_its_events_handed_on_and_no_process() -> None:
    seen: list[Event] = []
    began = Began(study="reviews", direction="maximize", metric="accuracy", trials=1, finished=0, lanes=1)
    with Trackers(seen.append, (), STUDY, None) as watch:
        watch(began)
        watch(Notice(text="a line"))
    assert seen == [began, Notice(text="a line")]
