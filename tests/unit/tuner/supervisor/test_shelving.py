"""The life of a trial at its rung: put aside with or without a checkpoint, judged again, and disturbed meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from attempts import evaluated
from shelving import LOOKS, StudyInMemory, local_study, rungs_of

from storage import CheckpointRef, Checkpoints, CheckpointsUnreachable, Lease, SlotState
from tuner.machine.devices import CPU, Lane
from tuner.processes.messages import Answer, Evaluated, Finished, Leave, Save, Saved
from tuner.reporting.events import TrialDropped, TrialEnded, TrialStarted
from tuner.study.live_config import LiveConfig
from tuner.supervisor.attempt import Attempt
from tuner.supervisor.attempt_state import AttemptState
from tuner.supervisor.background import Outcome as CallOutcome
from tuner.supervisor.crash import Crashes
from tuner.supervisor.lanes import Lanes
from tuner.supervisor.launch import Launcher
from tuner.supervisor.lifecycle import TrialLifecycle
from tuner.supervisor.receiver import Receiver
from tuner.supervisor.stop_request import StopKind, StopRequest
from tuner.supervisor.transfers import Kept, Restored
from tuner.trial.result import Constraint, Outcome, TrialResult, Verdict
from tuner.trial.run import TrialRun

RUNNING, INTERRUPTED, SHELVED = SlotState.RUNNING, SlotState.INTERRUPTED, SlotState.SHELVED
SIGNAL = StopRequest(kind=StopKind.INTERRUPTED, reason="stopped by SIGTERM")
OLDER = Checkpoints(
    resume=(CheckpointRef(key="trial-00001/attempt-1/step-00000003", sha256="a" * 64, bytes=9, optimiser_steps=3),)
)


class Store:
    """Moves no file, and notes what it is asked for. It may fail."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        #: By the name of a call, the error that it raises.
        self.fails: dict[str, Exception] = {}
        #: Why the store takes no files.
        self.problem: str | None = None

    def _note(self, name: str, *more: Any) -> None:
        self.done.append((name, *more))
        if name in self.fails:
            raise self.fails[name]

    def restore(self, _: object, number: int, checkpoints: Checkpoints) -> Restored:
        self._note("restore", number)
        resume = checkpoints.resume[0] if checkpoints.resume else None
        folder = None if resume is None else Path(resume.key)
        return Restored(folder=folder, checkpoints=checkpoints, optimiser_steps=resume.optimiser_steps if resume else 0)

    def stage(self, _: object, number: int, __: object, *, size: int) -> Path:
        self._note("stage", number)
        return Path("staged")

    def keep(self, _: object, number: int, checkpoints: Checkpoints, *, optimiser_steps: int, **__: object) -> Kept:
        self._note("keep", number, optimiser_steps)
        if self.problem is not None:
            return Kept(checkpoints=checkpoints, problem=self.problem)
        key = f"trial-{number:05d}/attempt-2/step-{optimiser_steps:08d}"
        made = CheckpointRef(key=key, sha256="b" * 64, bytes=9, optimiser_steps=optimiser_steps)
        return Kept(checkpoints=Checkpoints(resume=(made,)))

    def forget(self, _: object, __: int, keys: tuple[str, ...]) -> None:
        self._note("delete", *keys)

    def end(self, number: int, _: object, *, complete: bool) -> None:
        self._note("end", number, complete)

    def give_back(self, *_: object) -> None: ...


class Threads:
    """Calls that wait for the store, made when the test says so."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []

    def start(self, call: Callable[[], Any], then: Callable[[Any], None]) -> None:
        self._calls.append(lambda: then(CallOutcome(call)))

    def run(self) -> None:
        """Make the calls, and those that follow from them."""
        while self._calls:
            self._calls.pop(0)()


class Process:
    """A trainer of which only the pipe and the end matter."""

    def __init__(self) -> None:
        self.pipe, self.connection = Pipe()
        self.killed = False

    def kill(self) -> None:
        self.killed = True

    def exit(self) -> tuple[int | None, int]:
        return 1, 4


class Supervisor:
    """One lane of a supervisor of a study in memory: launcher, receiver and lifecycle are the real ones."""

    def __init__(self, study: StudyInMemory, **config: Any) -> None:
        self.study, self.store, self.threads = study, Store(), Threads()
        self.runs: list[TrialRun] = []
        self.events: list[Any] = []
        self.notices: list[str] = []
        local, self.lanes = local_study(**config), Lanes((Lane(index=0, device=CPU, threads=1),))
        live = LiveConfig(local.config)
        edges = SimpleNamespace(
            ledger=study,
            judge=rungs_of(study, local),
            twins=SimpleNamespace(take_over=lambda _: None),
            best_trials=SimpleNamespace(would_include=lambda *_: True),
            fork_server=SimpleNamespace(start=self._fork, restart=lambda: None),
            crashes=Crashes(),
            micro_batches=SimpleNamespace(start=lambda _: {}, take=lambda *_: None),
            transfers=self.store,
            background=self.threads,
            watch=self.events.append,
            notice=self.notices.append,
            changed=lambda: None,
        )
        self.lifecycle = TrialLifecycle(self.lanes, live, cast(Any, edges))
        self.launcher = Launcher(self.lanes, live, local, cast(Any, edges), self.lifecycle)
        self._receiver = Receiver(self.lanes, live, cast(Any, edges), self.lifecycle)
        self.process: Process | None = None

    def _fork(self, _: str, arguments: dict[str, Any], __: dict[str, str]) -> Any:
        self.runs.append(arguments["run"])
        self.process = Process()
        return self.process

    @property
    def attempt(self) -> Attempt:
        (attempt,) = self.lanes.attempts()
        return attempt

    def turn(self, request: StopRequest | None = None) -> None:
        """Make the next moves until there are none."""
        for _ in range(4):
            self.lifecycle.drive(request)
            self.threads.run()

    def launch(self) -> None:
        """Claim a trial, and go on until it trains or has left."""
        self.launcher.fill_lanes()
        self.turn()

    def hears(self, message: object) -> None:
        """Have the trainer send a message, and take it."""
        assert self.process is not None
        self.process.pipe.send(message)
        self._receiver.attend(self.process.connection)  # type: ignore[arg-type]

    def says(self) -> list[Any]:
        """Return what the trainer was told since the last time, but for the word to leave if it can save nothing."""
        assert self.process is not None
        told = []
        while self.process.pipe.poll():
            told.append(self.process.pipe.recv())
        return [each for each in told if not isinstance(each, Leave)]

    def evaluate(self, step: int, value: float) -> Verdict:
        """Have the trainer report an evaluation; return the verdict."""
        self.hears(Evaluated(evaluation=evaluated(step, value)))
        (answer,) = [each for each in self.says() if isinstance(each, Answer)]
        assert answer.step == step
        return answer.verdict

    def save(self, steps: int) -> None:
        """Have the trainer write a checkpoint as it was told to, and leave."""
        self.hears(Saved(folder="staged", optimiser_steps=steps, best=None))
        self.threads.run()
        self.hears(Finished(result=TrialResult(state=Outcome.LEFT)))
        self.turn()


def training(values: dict[int, float] | None = None, *, target: int = 4, **config: Any) -> Supervisor:
    """Return a supervisor that trains trial 1 of a study of eight, whose trial 0 runs elsewhere."""
    study = StudyInMemory(trials=8)
    study.add(None, RUNNING)
    study.add(values, INTERRUPTED, target=target)
    supervisor = Supervisor(study, **config)
    supervisor.launch()
    return supervisor


def words(study: StudyInMemory) -> list[str]:
    return [word for word, *_ in study.told]


def ended(supervisor: Supervisor) -> TrialEnded:
    (event,) = [event for event in supervisor.events if isinstance(event, TrialEnded)]
    return event


# ---- put aside


def test_a_trial_is_put_aside_with_a_checkpoint_of_its_rung() -> None:
    supervisor = training()
    assert supervisor.runs[0].target == 4
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    assert supervisor.says() == [Save(folder="staged", leave=True)]
    supervisor.save(4)
    assert supervisor.study.told == [("reported", 1, 4), ("shelved", 1, 4, "0.6 at 4 %", True)]
    assert supervisor.store.done == [("restore", 1), ("stage", 1), ("keep", 1, 4)]
    assert supervisor.process is not None
    assert supervisor.process.killed
    assert not supervisor.lanes.any
    assert not supervisor.lanes.leases
    event = ended(supervisor)
    assert (event.state, event.value, event.reason) == ("shelved", 0.6, "0.6 at 4 %")


def test_a_trial_that_is_cheaper_to_train_again_is_put_aside_at_once_and_this_is_written_down() -> None:
    supervisor = training()
    attempt = supervisor.attempt
    attempt.saving.checkpoints, attempt.saving.cost_s = OLDER, 1000.0
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    ((word, number, rung, reason, keeps),) = [each for each in supervisor.study.told if each[0] == "shelved"]
    assert (word, number, rung, keeps) == ("shelved", 1, 4, False)
    assert reason.startswith("0.6 at 4 %; no checkpoint is kept, as training to here again takes less time (")
    assert reason.endswith(" s) than keeping one (2e+03 s)")
    assert ("delete", OLDER.keys[0]) in supervisor.store.done, "what the database names no longer is removed"
    assert ("stage", 1) not in supervisor.store.done
    assert not supervisor.lanes.any


@pytest.mark.parametrize(("trained_s", "keeps"), [(1999.0, False), (2001.0, True)])
def test_a_checkpoint_is_kept_where_training_took_longer_than_to_write_and_read_it(
    trained_s: float, keeps: bool
) -> None:
    supervisor = training()
    attempt = supervisor.attempt
    attempt.saving.cost_s = 1000.0
    attempt.slot = replace(attempt.slot, device_s=900.0)  # of earlier attempts
    attempt.started -= trained_s - 900.0
    assert supervisor.lifecycle.shelving(attempt, 4, "0.6 at 4 %").keeps is keeps


def test_a_trial_that_is_promoted_while_it_is_put_aside_is_interrupted() -> None:
    supervisor = training()
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    supervisor.study.change(1, target=8)
    supervisor.save(4)
    assert supervisor.study.slots[1].state is INTERRUPTED
    assert ended(supervisor).state == "interrupted"


def test_a_trial_that_another_worker_took_over_is_dropped_and_its_checkpoints_are_left() -> None:
    supervisor = training()
    supervisor.attempt.saving.checkpoints, supervisor.attempt.saving.cost_s = OLDER, 1000.0
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.study.lost.add(1)
    supervisor.turn()
    dropped = TrialDropped(number=1, text="trial 1: another worker has taken it over, it is dropped here")
    assert dropped in supervisor.events
    assert [name for name, *_ in supervisor.store.done] == ["restore"]
    assert not supervisor.lanes.any


def test_a_trial_that_is_pruned_at_its_rung_is_told_so_with_its_rank() -> None:
    study = StudyInMemory(trials=8)
    for value in (0.5, 0.6, 0.7, 0.8):
        study.add(value)
    study.add(None, INTERRUPTED)
    supervisor = Supervisor(study)
    supervisor.launch()
    assert supervisor.evaluate(4, 0.25) is Verdict.PRUNED
    supervisor.hears(Finished(result=TrialResult(state=Outcome.PRUNED, value=0.25)))
    supervisor.turn()
    assert study.told[-1] == ("pruned", 4, 0.25, "0.25 at 4 %, needed 0.5: 5th of 5, 3 still to come, and 4 go on")
    assert supervisor.store.done[-1] == ("end", 4, False)


def test_the_published_recipe_goes_on_from_every_rung_and_the_last_step_is_never_judged() -> None:
    study = StudyInMemory(trials=8)
    study.add(None, INTERRUPTED)
    for value in (0.5, 0.6, 0.7, 0.8, 0.9):
        study.add(value)
    supervisor = Supervisor(study)
    supervisor.launch()
    assert supervisor.runs[0].target == 100
    assert [supervisor.evaluate(step, -1.0) for step in LOOKS] == [Verdict.GO_ON] * len(LOOKS)
    other = training(target=100)
    assert other.evaluate(100, -1.0) is Verdict.GO_ON


# ---- judged again


def interrupted(value: float, *others: float, **slot: Any) -> Supervisor:
    """Return a supervisor of eight trials, one of which has a value at its rung and has heard no verdict."""
    study = StudyInMemory(trials=8)
    study.add(None, RUNNING)
    for other in others:
        study.add(other)
    study.change(study.add(value, INTERRUPTED), **slot)
    return Supervisor(study)


def test_a_trial_whose_worker_died_before_the_verdict_is_put_aside_without_a_trainer() -> None:
    supervisor = interrupted(0.6, checkpoints=OLDER)
    supervisor.launch()
    assert supervisor.study.told == [("shelved", 1, 4, "0.6 at 4 %", True)]
    assert supervisor.study.slots[1].checkpoints == OLDER
    assert (supervisor.runs, supervisor.store.done) == ([], [])
    assert not supervisor.lanes.any


def test_a_trial_whose_worker_died_before_the_verdict_is_pruned_without_a_trainer() -> None:
    supervisor = interrupted(0.25, 0.5, 0.6, 0.7, 0.8)
    supervisor.launch()
    why = "0.25 at 4 %, needed 0.5: 5th of 5, 3 still to come, and 4 go on"
    assert supervisor.study.told[-1] == ("pruned", 5, 0.25, why)
    assert (supervisor.runs, supervisor.store.done) == ([], [("end", 5, False)])
    assert ended(supervisor).reason == why
    assert not supervisor.lanes.any


def test_a_trial_that_has_diverged_is_avoided_though_its_worker_died_before_the_verdict() -> None:
    supervisor = interrupted(math.nan, 0.5)
    supervisor.launch()
    result = supervisor.study.results[2]
    assert (result.state, result.avoid) == (Outcome.PRUNED, Constraint.DIVERGED)
    assert result.reason == "diverged: the evaluation at 4 % is nan"


def test_a_trial_that_was_promoted_before_it_heard_so_trains_on() -> None:
    supervisor = interrupted(0.6, target=8, checkpoints=OLDER)
    supervisor.launch()
    assert supervisor.runs[0].target == 8
    assert words(supervisor.study) == []


def test_a_trial_that_is_promoted_as_it_is_judged_again_trains_on() -> None:
    supervisor = interrupted(0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # of eight, four go on, and one is still to come
    supervisor.launch()
    assert supervisor.study.slots[7].target == 8
    assert supervisor.study.slots[7].state is RUNNING
    assert isinstance(supervisor.events[-1], TrialStarted)


def test_a_trial_that_another_worker_took_over_as_it_was_judged_again_frees_its_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervisor = interrupted(0.6)
    begin = supervisor.study.begin

    def lost_after(lease: Lease, **how: int) -> Any:
        begun = begin(lease, **how)
        supervisor.study.lost.add(lease.slot)
        return begun

    monkeypatch.setattr(supervisor.study, "begin", lost_after)
    supervisor.launch()
    assert not supervisor.lanes.any
    assert not supervisor.lanes.leases
    dropped = TrialDropped(number=1, text="trial 1: another worker has taken it over, it is dropped here")
    assert dropped in supervisor.events


def test_a_value_that_another_program_has_reported_alone_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = interrupted(0.6)
    begin = supervisor.study.begin

    def without_evaluations(lease: Lease, **how: int) -> Any:
        return begin(lease, **how) if how else replace(begin(lease), curve={})

    monkeypatch.setattr(supervisor.study, "begin", without_evaluations)
    supervisor.launch()
    assert isinstance(supervisor.events[-1], TrialStarted)


# ---- promoted


def test_a_promoted_trial_without_a_checkpoint_trains_to_its_rung_again_without_being_judged_there() -> None:
    supervisor = training({4: 0.6}, target=8)
    assert (supervisor.runs[0].restored, supervisor.runs[0].target, supervisor.runs[0].earlier) == (None, 8, ())
    assert supervisor.evaluate(4, 0.6) is Verdict.GO_ON
    assert supervisor.study.told == [], "its value is not reported twice"
    assert supervisor.evaluate(8, 0.7) is Verdict.SHELVED
    assert supervisor.study.values[1] == {4: 0.6, 8: 0.7}


def test_a_promoted_trial_goes_on_from_the_checkpoint_of_its_rung() -> None:
    study = StudyInMemory(trials=8)
    study.add(None, RUNNING)
    study.change(study.add({4: 0.6}, INTERRUPTED, target=8), checkpoints=OLDER)
    supervisor = Supervisor(study)
    supervisor.launch()
    assert supervisor.runs[0].restored == Path(OLDER.keys[0])
    assert supervisor.evaluate(8, 0.7) is Verdict.SHELVED


# ---- disturbed while it is put aside


def test_a_signal_while_a_trial_is_put_aside_lets_it_be_put_aside() -> None:
    supervisor = training()
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    supervisor.turn(SIGNAL)
    assert supervisor.says() == [Save(folder="staged", leave=True)]
    supervisor.save(4)
    assert words(supervisor.study) == ["reported", "shelved"]
    assert supervisor.study.slots[1].state is SHELVED


def test_a_trial_that_is_not_put_aside_in_time_after_a_signal_is_given_back_and_judged_again() -> None:
    supervisor = training()
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn(SIGNAL)
    supervisor.lifecycle.abandon(SIGNAL)
    assert supervisor.study.told[-1] == ("released", 1, "interrupted", "stopped by SIGTERM", False)
    again = Supervisor(supervisor.study)
    again.launch()
    assert supervisor.study.told[-1] == ("shelved", 1, 4, "0.6 at 4 %", True)
    assert again.runs == []


def test_a_trial_that_comes_to_its_rung_as_it_leaves_is_given_back_and_judged_again() -> None:
    supervisor = training()
    supervisor.turn(SIGNAL)
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.save(4)
    assert supervisor.study.told[-1] == ("released", 1, "interrupted", "stopped by SIGTERM", False)


def test_a_trial_is_put_aside_with_its_older_checkpoint_where_the_store_takes_no_other() -> None:
    supervisor = training()
    supervisor.attempt.saving.checkpoints = OLDER
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.store.fails["stage"] = CheckpointsUnreachable("the store does not answer")
    supervisor.turn()
    assert words(supervisor.study) == ["reported", "warned", "shelved"]
    assert supervisor.study.told[-1] == ("shelved", 1, 4, "0.6 at 4 %", True)
    assert ("delete", OLDER.keys[0]) not in supervisor.store.done
    assert not supervisor.lanes.any


def test_a_trial_is_put_aside_where_the_store_refuses_its_checkpoint() -> None:
    supervisor = training()
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    supervisor.store.problem = "the disk is full"
    supervisor.save(4)
    assert words(supervisor.study) == ["reported", "warned", "shelved"]
    assert supervisor.study.slots[1].state is SHELVED


def test_a_trial_whose_checkpoint_may_or_may_not_be_named_is_given_back_and_judged_again() -> None:
    supervisor = training()
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    supervisor.store.fails["keep"] = CheckpointsUnreachable("gone in the middle")
    supervisor.hears(Saved(folder="staged", optimiser_steps=4, best=None))
    supervisor.turn()
    assert supervisor.study.told[-1][:3] == ("released", 1, "interrupted")
    again = Supervisor(supervisor.study)
    again.launch()
    assert supervisor.study.told[-1] == ("shelved", 1, 4, "0.6 at 4 %", True)


def test_a_trainer_that_dies_while_its_trial_is_put_aside_leaves_it_to_be_judged_again() -> None:
    supervisor = training()
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    assert supervisor.process is not None
    supervisor.process.pipe.close()
    supervisor._receiver.attend(supervisor.process.connection)  # type: ignore[arg-type]
    supervisor.turn()
    assert supervisor.study.told[-1] == ("released", 1, "interrupted", "its trainer ended before it had saved", False)
    again = Supervisor(supervisor.study)
    again.launch()
    assert again.study.slots[1].state is SHELVED


def test_a_checkpoint_that_was_under_way_is_stored_before_the_trial_is_put_aside() -> None:
    supervisor = training()
    supervisor.attempt.saving.due, supervisor.attempt.saving.cost_s = True, 0.0
    supervisor.turn()
    assert supervisor.says() == [Save(folder="staged", leave=False)]
    assert supervisor.evaluate(4, 0.6) is Verdict.SHELVED
    supervisor.turn()
    assert supervisor.says() == [], "one at a time"
    supervisor.hears(Saved(folder="staged", optimiser_steps=4, best=None))
    supervisor.turn()
    assert supervisor.attempt.state is AttemptState.LEAVING
    assert supervisor.says() == [Save(folder="staged", leave=True)]
    supervisor.save(4)
    assert supervisor.study.slots[1].state is SHELVED


def test_a_study_that_is_stopped_ends_a_trial_that_has_not_been_put_aside() -> None:
    supervisor = training()
    supervisor.turn(StopRequest(kind=StopKind.FAILED, reason="the study was stopped"))
    assert supervisor.study.told == [("failed", 1, None, "the study was stopped")]
