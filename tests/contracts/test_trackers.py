"""One suite for all trackers: what a run holds, and that it goes on where it was, with no point lost or double."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tracking import TRACKERS, TrackedTrial, environment, read

from storage import TrialState
from tuner.reporting.events import TrialDropped, TrialEnded, TrialEvaluated, TrialStarted, TrialWasOver
from tuner.reporting.trackers.relay import Relay
from tuner.study.trackers import TrackedStudy, TrackerName
from tuner.trial.evaluation import Evaluation

#: Their readers warn of what they do themselves.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.rest]
STUDY = TrackedStudy(name="reviews", key="0badcafe", metric="accuracy")
POINT: dict[str, Any] = {"learning_rate": 0.001, "batch_size": 16, "lr_scheduler_type": "linear"}
EFFECTIVE = {"optimiser_steps": 40, "groups": [{"rate": 0.001}], "dropout": {"encoder": 0.1}}


def evaluation(step: int) -> Evaluation:
    return Evaluation(
        step=step,
        value=step / 200,
        epoch=step / 50,
        optimiser_steps=10 * step,
        train_loss=1.0,
        validation_loss=0.5,
        learning_rate=0.001,
        metrics={"f1_macro": 0.25},
    )


def curve(*steps: int) -> tuple[dict[str, Any], ...]:
    return tuple(evaluation(step).to_dict() for step in steps)


def started(number: int = 0, *steps: int) -> TrialStarted:
    """Return the start of a trial that has been evaluated at some steps before."""
    return TrialStarted(
        number=number,
        lane=0,
        device="cpu",
        hyperparameters=POINT,
        again=bool(steps),
        effective=EFFECTIVE if steps else None,
        curve=curve(*steps),
    )


def evaluated(step: int, number: int = 0) -> TrialEvaluated:
    return TrialEvaluated(number=number, evaluation=evaluation(step), effective=EFFECTIVE)


def ended(state: TrialState, *steps: int, number: int = 0, value: float | None = None) -> TrialEnded:
    return TrialEnded(
        number=number,
        state=state,
        value=value,
        reason="too slow" if state == TrialState.PRUNED else None,
        seconds=1.0,
        finished=1,
        hyperparameters=POINT,
        effective=EFFECTIVE,
        curve=curve(*steps),
    )


class Tracked:
    """One tracker, as it is used on a machine after another."""

    def __init__(self, name: str, root: Path) -> None:
        self._name, self._root = name, root

    def tell(
        self, *events: TrialStarted | TrialEvaluated | TrialEnded | TrialDropped, over: Sequence[TrialWasOver] = ()
    ) -> None:
        """Tell a new process of it of trials that were over, and then of some events."""
        said: list[str] = []
        relay = Relay(TrackerName(self._name), STUDY, self._root / "log", notice=said.append)
        relay.catch_up(over)
        for event in events:
            relay.put(event)
        relay.finish()
        relay.close(time.monotonic() + 60)
        assert said == []

    def runs(self) -> dict[str, list[TrackedTrial]]:
        return read(self._name, self._root, STUDY.name, STUDY.metric)

    def run(self, number: int = 0) -> TrackedTrial:
        """Return the one run of a trial; of wandb offline the newest folder, which holds the whole run."""
        found = self.runs()[STUDY.run_name(number)]
        assert len(found) == 1 or self._name == "wandb"
        return found[-1]


@pytest.fixture(params=TRACKERS)
def tracked(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracked:
    pytest.importorskip(request.param, reason="its extra is not installed")
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return Tracked(request.param, tmp_path)


def test_a_run_has_the_values_of_its_trial_each_evaluation_by_optimiser_step_and_the_end(tracked: Tracked) -> None:
    tracked.tell(
        started(),
        started(1),
        evaluated(20),
        evaluated(20, number=1),
        evaluated(40),
        ended(TrialState.PRUNED, 20, number=1, value=0.1),
        ended(TrialState.COMPLETE, 20, 40, value=0.2),
        ended(TrialState.FAILED, number=2),
        # A trial with the values of another one takes over its evaluations, and never starts.
        ended(TrialState.COMPLETE, 20, 40, number=3, value=0.2),
    )
    assert sorted(tracked.runs()) == [STUDY.run_name(number) for number in range(4)]
    run = tracked.run()
    assert run.hyperparameters == pytest.approx(POINT)
    assert run.is_effective
    assert run.points == [(200, pytest.approx(0.1)), (400, pytest.approx(0.2))]
    assert (run.state, run.value) == ("complete", pytest.approx(0.2))
    pruned, failed, twin = tracked.run(1), tracked.run(2), tracked.run(3)
    assert (pruned.state, pruned.points, pruned.value) == ("pruned", [(200, pytest.approx(0.1))], pytest.approx(0.1))
    assert (failed.state, failed.points, failed.value) == ("failed", [], None)
    assert (twin.state, twin.points) == ("complete", run.points)


@pytest.mark.parametrize("last", [(), (ended(TrialState.INTERRUPTED, 20, 40),)], ids=["killed", "interrupted"])
def test_a_trial_that_moves_goes_on_in_its_run_and_no_point_is_lost_or_double(
    tracked: Tracked, last: tuple[TrialEnded, ...]
) -> None:
    tracked.tell(started(), evaluated(20), evaluated(40), *last)
    # The evaluation at 50 % was reported, and its machine ended before the tracker was told. At 40 % it is made again.
    tracked.tell(
        started(0, 20, 40, 50), evaluated(40), evaluated(60), ended(TrialState.COMPLETE, 20, 40, 50, 60, value=0.3)
    )
    run = tracked.run()
    assert [step for step, _ in run.points] == [200, 400, 500, 600]
    assert [value for _, value in run.points] == pytest.approx([0.1, 0.2, 0.25, 0.3])
    assert (run.state, run.value, run.is_effective) == ("complete", pytest.approx(0.3), True)
    assert run.hyperparameters == pytest.approx(POINT)


def test_a_trial_that_was_put_aside_goes_on_in_the_same_process(tracked: Tracked) -> None:
    tracked.tell(
        started(),
        evaluated(20),
        ended(TrialState.SHELVED, 20, value=0.1),
        started(1),
        TrialDropped(number=1, text="another worker has taken it over"),
        started(0, 20),
        evaluated(40),
        ended(TrialState.COMPLETE, 20, 40, value=0.2),
    )
    run = tracked.run()
    assert [step for step, _ in run.points] == [200, 400]
    assert (run.state, run.value) == ("complete", pytest.approx(0.2))


def test_trials_that_were_over_are_told_where_their_ends_are_not_known_and_once(tracked: Tracked) -> None:
    ends = [ended(TrialState.COMPLETE, 20, 40, number=number, value=0.2) for number in range(3)]
    over = [TrialWasOver(**{each.name: getattr(end, each.name) for each in fields(end)}) for end in ends]
    # The first one is known, the second one is known without its end, and the third one not at all.
    tracked.tell(started(), evaluated(20), evaluated(40), ends[0], started(1), evaluated(20, number=1))
    before = tracked.runs()
    tracked.tell(over=over)
    told = tracked.runs()
    assert sorted(told) == [STUDY.run_name(number) for number in range(3)]
    for number in range(3):
        run = tracked.run(number)
        assert [step for step, _ in run.points] == [200, 400]
        assert (run.state, run.value) == ("complete", pytest.approx(0.2))
    assert told[STUDY.run_name(0)] == before[STUDY.run_name(0)]
    tracked.tell(over=over)
    assert tracked.runs() == told
