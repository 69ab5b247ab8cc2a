"""A trainer's saver, with its supervisor at the other end of a real pipe."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.processes import supervisor_pipe as saving
from tuner.processes.messages import Answer, Evaluated, Finished, Save, Saved
from tuner.processes.supervisor_pipe import BEST, STEP, PipeSaver
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult, Verdict
from tuner.trial.saver import TrialStopped

#: What goes wrong here hangs.
pytestmark = pytest.mark.timeout(60)


class Supervisor:
    """The other end: says what a test tells it to, and hears what the saver says."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        self._asked = 0

    def ask(self, *, leave: bool = False) -> Path:
        """Ask for a save; return the empty folder for it."""
        self._asked += 1
        folder = self._folder / f"save-{self._asked}"
        folder.mkdir()
        self.connection.send(Save(folder=str(folder), leave=leave))
        return folder

    def answer(self, step: int, go_on: bool) -> None:
        """Answer an evaluation."""
        self.connection.send(Answer(step=step, verdict=Verdict.GO_ON if go_on else Verdict.PRUNED))

    def hear(self) -> list[Any]:
        """Return everything that was said since the last time."""
        heard = []
        while self.connection.poll():
            heard.append(self.connection.recv())
        return heard


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[PipeSaver, Supervisor]]:
    """A saver and its supervisor."""
    ours, theirs = Pipe()
    with ours, theirs:
        yield PipeSaver(theirs), Supervisor(ours, tmp_path)


def evaluation(step: int, value: float = 0.5) -> Evaluation:
    return Evaluation(
        step=step,
        value=value,
        epoch=step / 10,
        optimiser_steps=step,
        train_loss=1.0,
        validation_loss=1.0,
        learning_rate=1e-3,
    )


def writing(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "file").write_text(text, encoding="utf-8")

    return write


def full(folder: Path) -> None:
    (folder / "half").touch()
    raise OSError(28, "No space left on device")


def files(folder: Path) -> dict[str, str]:
    """Return the text of every file under a folder, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()
    }


COMPLETE = TrialResult(state="complete", value=0.5)


# ---- while training


def test_a_trial_that_nobody_speaks_to_is_never_saved(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    assert not saver.wanted()
    assert not saver.leaving
    saver.save(1, full)
    assert supervisor.hear() == []


def test_a_trial_is_saved_once_for_each_time_that_it_is_asked_to(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    for step in (3, 8):
        folder = supervisor.ask()
        assert saver.wanted()
        assert not saver.leaving
        saver.save(step, writing(f"after {step}"))
        assert files(folder) == {f"{STEP}/file": f"after {step}"}
        assert supervisor.hear() == [Saved(folder=str(folder), optimiser_steps=step, best=None)]
        assert not saver.wanted()


def test_a_trial_that_is_to_be_moved_leaves_once_it_is_saved(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    folder = supervisor.ask(leave=True)
    assert saver.leaving
    assert saver.wanted()
    with pytest.raises(TrialStopped) as stopped:
        saver.save(5, writing("left"))
    assert stopped.value.state == "left"
    assert files(folder) == {f"{STEP}/file": "left"}
    assert supervisor.hear() == [Saved(folder=str(folder), optimiser_steps=5, best=None)]


def test_code_that_goes_on_after_any_error_does_not_go_on_after_leaving(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    supervisor.ask(leave=True)

    def train() -> None:
        for step in range(3):
            try:
                if saver.wanted():
                    saver.save(step, writing("left"))
            except Exception:
                continue

    with pytest.raises(TrialStopped):
        train()


def test_a_supervisor_that_is_gone_is_the_end_of_the_file(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    supervisor.connection.close()
    with pytest.raises(EOFError):
        saver.wanted()


# ---- the best weights


def test_the_best_weights_are_written_first_and_alone_and_only_once(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    saver.keep(evaluation(1), writing("first"))
    saver.keep(evaluation(2, 0.6), writing("second"))
    assert supervisor.hear() == []
    folder = supervisor.ask()
    assert saver.wanted()
    saver.save(20, writing("step"))
    assert files(folder) == {f"{BEST}/file": "second"}
    assert supervisor.hear() == [Saved(folder=str(folder), optimiser_steps=None, best=evaluation(2, 0.6))]
    assert not saver.wanted()
    again = supervisor.ask()
    assert saver.wanted()
    saver.save(21, writing("step"))
    assert files(again) == {f"{STEP}/file": "step"}
    assert supervisor.hear() == [Saved(folder=str(again), optimiser_steps=21, best=None)]


def test_a_trial_that_leaves_saves_its_best_weights_and_then_where_it_is(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    saver.keep(evaluation(1), writing("best"))
    first = supervisor.ask(leave=True)
    heard, folders = [], []

    def answer() -> None:
        heard.append(supervisor.connection.recv())
        folders.append(supervisor.ask(leave=True))

    thread = threading.Thread(target=answer)
    thread.start()
    assert saver.wanted()
    with pytest.raises(TrialStopped, match="left"):
        saver.save(20, writing("step"))
    thread.join()
    (second,) = folders
    assert (files(first), files(second)) == ({f"{BEST}/file": "best"}, {f"{STEP}/file": "step"})
    assert [*heard, *supervisor.hear()] == [
        Saved(folder=str(first), optimiser_steps=None, best=evaluation(1)),
        Saved(folder=str(second), optimiser_steps=20, best=None),
    ]


@pytest.mark.parametrize("broken", ["step", "best"])
def test_a_full_disk_is_said_and_the_trial_goes_on_and_is_saved_later(
    broken: str, ends: tuple[PipeSaver, Supervisor]
) -> None:
    saver, supervisor = ends
    disk: dict[str, Callable[[Path], None]] = {"step": writing("step"), "best": writing("best"), broken: full}
    if broken == "best":
        saver.keep(evaluation(1), lambda folder: disk["best"](folder))
    folder = supervisor.ask()
    assert saver.wanted()
    saver.save(3, disk["step"])
    error = f"the disk of {folder} is full; make room there"
    assert supervisor.hear() == [Saved(folder=str(folder), optimiser_steps=None, best=None, error=error)]
    assert not saver.wanted()
    disk[broken] = writing(broken)
    folder = supervisor.ask()
    assert saver.wanted()
    saver.save(4, disk["step"])
    assert files(folder) == {f"{broken}/file": broken}
    saved = {"optimiser_steps": 4, "best": None}
    if broken == "best":
        saved = {"optimiser_steps": None, "best": evaluation(1)}
    assert supervisor.hear() == [Saved(folder=str(folder), **saved)]


def test_a_trial_that_is_to_be_moved_leaves_even_where_it_cannot_be_saved(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    supervisor.ask(leave=True)
    assert saver.wanted()
    with pytest.raises(TrialStopped, match="left"):
        saver.save(3, full)
    (said,) = supervisor.hear()
    assert (said.optimiser_steps, said.best) == (None, None)
    assert said.error


# ---- evaluations


@pytest.mark.parametrize("go_on", [True, False])
def test_an_evaluation_is_told_and_its_answer_decides(go_on: bool, ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    supervisor.answer(2, go_on)
    assert saver.decide(evaluation(2)) is go_on
    assert supervisor.hear() == [Evaluated(evaluation=evaluation(2))]
    assert not saver.wanted()


def test_an_answer_is_waited_for(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    asked, told = threading.Event(), []

    def train() -> None:
        asked.set()
        told.append(saver.decide(evaluation(4)))

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    assert asked.wait(30)
    assert supervisor.connection.poll(30)
    supervisor.answer(2, True)  # that of another evaluation is no answer
    supervisor.ask()
    supervisor.answer(4, False)
    thread.join(30)
    assert told == [False]
    assert saver.wanted(), "what else was said meanwhile is not forgotten"


@pytest.mark.parametrize("go_on", [True, False])
def test_a_trial_goes_on_without_an_answer_and_hears_it_at_a_later_step(
    go_on: bool, ends: tuple[PipeSaver, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, supervisor = ends
    monkeypatch.setattr(saving, "ANSWER_S", 0.05)
    assert saver.decide(evaluation(2))
    assert not saver.wanted()
    supervisor.answer(2, go_on)
    if go_on:
        assert not saver.wanted()
    else:
        with pytest.raises(TrialStopped) as stopped:
            saver.wanted()
        assert stopped.value.state == "pruned"
    assert not saver.wanted(), "it is said once"


def test_a_supervisor_that_does_not_answer_is_waited_for_once(
    ends: tuple[PipeSaver, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, supervisor = ends
    monkeypatch.setattr(saving, "ANSWER_S", 0.05)
    assert saver.decide(evaluation(2))
    monkeypatch.setattr(saving, "ANSWER_S", 1e6)
    assert saver.decide(evaluation(4)), "this would not return if it waited"
    supervisor.answer(2, True)
    supervisor.answer(4, True)
    supervisor.answer(6, False)
    assert not saver.decide(evaluation(6)), "once it answers again, its word is taken again"


def test_a_late_no_is_heard_at_the_next_evaluation_too(
    ends: tuple[PipeSaver, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, supervisor = ends
    monkeypatch.setattr(saving, "ANSWER_S", 0.05)
    assert saver.decide(evaluation(2))
    supervisor.answer(2, False)
    assert not saver.decide(evaluation(4))
    assert supervisor.hear() == [Evaluated(evaluation=evaluation(2))]


def test_training_that_asks_waits_for_the_answer_to_the_evaluation_before_alone(
    ends: tuple[PipeSaver, Supervisor],
) -> None:
    saver, supervisor = ends
    assert not saver.wanted()
    assert saver.decide(evaluation(2)), "this would wait for a second"
    supervisor.answer(2, True)
    assert saver.decide(evaluation(4))
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(saver.decide(evaluation(6))), daemon=True)
    thread.start()
    supervisor.answer(4, False)
    thread.join(30)
    assert told == [False]
    assert supervisor.hear() == [Evaluated(evaluation=evaluation(step)) for step in (2, 4)]


def test_training_that_asks_hears_a_no_at_its_next_step(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    assert not saver.wanted()
    assert saver.decide(evaluation(2))
    supervisor.answer(2, False)
    with pytest.raises(TrialStopped, match="pruned"):
        saver.wanted()


def test_training_that_never_asks_leaves_at_its_next_evaluation(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    folder = supervisor.ask(leave=True)
    supervisor.answer(2, True)
    with pytest.raises(TrialStopped, match="left"):
        saver.decide(evaluation(2))
    assert supervisor.hear() == [
        Evaluated(evaluation=evaluation(2)),
        Saved(folder=str(folder), optimiser_steps=None, best=None),
    ]


@pytest.mark.parametrize("asks", [PipeSaver.wanted, PipeSaver.leaving.fget])
def test_training_that_asks_leaves_where_it_can_be_saved(
    asks: Callable[[PipeSaver], bool], ends: tuple[PipeSaver, Supervisor]
) -> None:
    # The first evaluation may be that of the first step: training has looked whether it is leaving, and asked nothing.
    saver, supervisor = ends
    assert not asks(saver)
    supervisor.ask(leave=True)
    supervisor.answer(2, True)
    assert saver.decide(evaluation(2))
    assert saver.wanted()
    with pytest.raises(TrialStopped, match="left"):
        saver.save(2, writing("left"))


# ---- the end


@pytest.mark.parametrize("state", ["pruned", "failed", "left"])
def test_only_a_complete_trial_waits_until_its_best_weights_are_saved(
    state: str, ends: tuple[PipeSaver, Supervisor]
) -> None:
    saver, supervisor = ends
    saver.keep(evaluation(10), full)
    saver.finish(TrialResult(state=state))
    assert supervisor.hear() == [Finished(result=TrialResult(state=state))]


def test_a_trial_whose_best_weights_are_saved_is_over_at_once(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    saver.keep(evaluation(1), writing("best"))
    supervisor.ask()
    assert saver.wanted()
    saver.save(9, writing("step"))
    saver.finish(COMPLETE)
    assert supervisor.hear()[1:] == [Finished(result=COMPLETE)]


def test_the_best_weights_are_saved_alone_at_the_end(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    saver.keep(evaluation(10), writing("best"))
    thread = threading.Thread(target=saver.finish, args=(COMPLETE,), daemon=True)
    thread.start()
    assert supervisor.connection.poll(30)
    assert supervisor.hear() == [Finished(result=COMPLETE, unsaved=True)]
    folder = supervisor.ask()
    thread.join(30)
    assert not thread.is_alive()
    assert supervisor.hear() == [Saved(folder=str(folder), optimiser_steps=None, best=evaluation(10))]
    assert files(folder) == {f"{BEST}/file": "best"}


@pytest.mark.parametrize("heard", [True, False], ids=["before the end", "at the end"])
def test_a_save_that_was_asked_for_before_the_end_is_made_at_the_end(
    heard: bool, ends: tuple[PipeSaver, Supervisor]
) -> None:
    saver, supervisor = ends
    saver.keep(evaluation(10), writing("best"))
    folder = supervisor.ask()
    if heard:
        supervisor.answer(10, True)
        saver.decide(evaluation(10))
    saver.finish(COMPLETE)
    assert supervisor.hear()[-1] == Saved(folder=str(folder), optimiser_steps=None, best=evaluation(10))
    assert files(folder) == {f"{BEST}/file": "best"}


def test_best_weights_that_could_not_be_written_are_written_when_asked_for_again(
    ends: tuple[PipeSaver, Supervisor],
) -> None:
    saver, supervisor = ends
    disk = [full, writing("best")]
    saver.keep(evaluation(10), lambda folder: disk.pop(0)(folder))
    thread = threading.Thread(target=saver.finish, args=(COMPLETE,), daemon=True)
    thread.start()
    said = [supervisor.connection.recv()]
    for _ in range(2):
        folder = supervisor.ask()
        said.append(supervisor.connection.recv())
    thread.join(30)
    assert not thread.is_alive()
    assert said[0] == Finished(result=COMPLETE, unsaved=True)
    assert said[1].error
    assert said[2] == Saved(folder=str(folder), optimiser_steps=None, best=evaluation(10))
    assert files(folder) == {f"{BEST}/file": "best"}


def test_a_trial_that_may_not_stay_ends_with_its_best_weights_unsaved(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    saver.keep(evaluation(10), full)
    supervisor.ask(leave=True)
    saver.finish(COMPLETE)
    finished, saved = supervisor.hear()
    assert finished == Finished(result=COMPLETE, unsaved=True)
    assert saved.error


def test_steps_are_counted_by_training_that_asks_and_evaluations_of_training_that_does_not() -> None:
    for asks, counted in ((True, 3), (False, 2)):
        ours, theirs = Pipe()
        with ours, theirs:
            count: list[int] = []
            saver = PipeSaver(theirs, count=lambda count=count: count.append(1))  # type: ignore[misc]
            for step in (1, 2, 3):
                if asks:
                    saver.wanted()
                if step != 2:
                    ours.send(Answer(step=step, verdict=Verdict.GO_ON))
                    saver.decide(evaluation(step))
            assert len(count) == counted


# ---- steps


def test_steps_of_numpy_are_told_as_integers_of_python(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    supervisor.ask()
    assert saver.wanted()
    saver.save(np.int64(3), writing("step"))  # type: ignore[arg-type]
    (said,) = supervisor.hear()
    assert (said.optimiser_steps, type(said.optimiser_steps)) == (3, int)


@pytest.mark.parametrize("step", [-1, 2**31, 1.5, math.nan, math.inf, True, None, "3", [3]])
@pytest.mark.parametrize("asked", [True, False])
def test_steps_that_are_no_whole_number_are_refused_whether_a_save_is_wanted_or_not(
    step: Any, asked: bool, ends: tuple[PipeSaver, Supervisor]
) -> None:
    saver, supervisor = ends
    if asked:
        supervisor.ask()
        assert saver.wanted()
    with pytest.raises(ValueError, match="is no number of optimiser steps"):
        saver.save(step, writing("step"))
    assert supervisor.hear() == []
