"""A trainer's saver at the rungs of a schedule: where it waits for the verdict, and how it is put aside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from tuner.processes import supervisor_pipe
from tuner.processes.messages import Answer, Evaluated, Leave, Save, Saved
from tuner.processes.supervisor_pipe import BEST, STEP, PipeSaver
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import Verdict
from tuner.trial.saver import TrialStopped

#: A defect of what is tested here hangs.
pytestmark = pytest.mark.timeout(60)

#: Far more than a test takes: an answer within it is one that was waited for.
LONG_S = 1e6


class Supervisor:
    """The other end of the pipe."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        self._asked = 0

    def answers(self, step: int, verdict: Verdict) -> None:
        self.connection.send(Answer(step=step, verdict=verdict))

    def asks(self, *, leave: bool) -> Path:
        """Give the word to save; return the folder for it."""
        self._asked += 1
        folder = self._folder / f"save-{self._asked}"
        folder.mkdir()
        self.connection.send(Save(folder=str(folder), leave=leave))
        return folder

    def hears(self) -> Any:
        """Wait for a message."""
        assert self.connection.poll(30), "the trainer says nothing"
        return self.connection.recv()


class Training:
    """A call of the saver in a thread of its own, as it may wait."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.returned: list[Any] = []
        self.raised: list[BaseException] = []
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.returned.append(self._call())
        except BaseException as error:
            self.raised.append(error)

    @property
    def waits(self) -> bool:
        return self._thread.is_alive()

    def result(self) -> Any:
        """Wait for the end; return what the call returned, or raise what it raised."""
        self._thread.join(30)
        assert not self._thread.is_alive(), "it still waits"
        if self.raised:
            raise self.raised[0]
        return self.returned[0]


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[PipeSaver, Supervisor]]:
    """A saver that waits from 8 % on, and its supervisor."""
    ours, theirs = Pipe()
    with ours, theirs:
        yield PipeSaver(theirs, waits_from=8), Supervisor(ours, tmp_path)


@pytest.fixture
def asking(ends: tuple[PipeSaver, Supervisor]) -> tuple[PipeSaver, Supervisor]:
    """The same, of training that asks at each optimiser step whether to save."""
    assert not ends[0].wanted()
    return ends


def evaluation(step: int, value: float = 0.5) -> Evaluation:
    return Evaluation(
        step=step,
        value=value,
        epoch=step / 100,
        optimiser_steps=step,
        train_loss=1.0,
        validation_loss=1.0,
        learning_rate=1e-3,
    )


def writing(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "file").write_text(text, encoding="utf-8")

    return write


def text_of(folder: Path, part: str) -> str:
    return (folder / part / "file").read_text(encoding="utf-8")


# ---- where it waits


def test_training_waits_for_the_verdict_at_its_rung_and_not_before_nor_at_its_end(
    asking: tuple[PipeSaver, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, supervisor = asking
    monkeypatch.setattr(supervisor_pipe, "ANSWER_S", LONG_S)
    assert saver.decide(evaluation(4)), "below its rung it goes on at once"
    assert supervisor.hears() == Evaluated(evaluation=evaluation(4))
    supervisor.answers(4, Verdict.GO_ON)
    training = Training(lambda: saver.decide(evaluation(8)))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    assert training.waits
    supervisor.answers(8, Verdict.GO_ON)
    assert training.result() is True
    assert saver.decide(evaluation(100)), "its last evaluation decides nothing"


def test_a_trial_that_went_on_from_its_rung_waits_at_each_later_one(asking: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = asking
    for step in (8, 16):
        training = Training(lambda step=step: saver.decide(evaluation(step)))  # type: ignore[misc]
        assert supervisor.hears() == Evaluated(evaluation=evaluation(step))
        assert training.waits
        supervisor.answers(step, Verdict.GO_ON)
        assert training.result() is True


@pytest.mark.parametrize("asks", [True, False])
def test_a_verdict_that_is_late_is_waited_for_at_a_rung(
    asks: bool, ends: tuple[PipeSaver, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, supervisor = ends
    monkeypatch.setattr(supervisor_pipe, "ANSWER_S", 0.01)
    if asks:
        assert not saver.wanted()
    assert saver.decide(evaluation(4)), "elsewhere training goes on without an answer"
    assert supervisor.hears() == Evaluated(evaluation=evaluation(4))
    training = Training(lambda: saver.decide(evaluation(8)))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    supervisor.answers(4, Verdict.GO_ON)
    supervisor.connection.send(Leave())  # an answer to nothing
    assert training.waits
    supervisor.answers(8, Verdict.PRUNED)
    if asks:
        assert training.result() is False
    else:  # it has just heard that it is to leave, in case it never asks whether to save
        with pytest.raises(TrialStopped, match="left"):
            training.result()


def test_a_trial_that_was_pruned_before_its_rung_waits_for_no_verdict_there(
    asking: tuple[PipeSaver, Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, supervisor = asking
    monkeypatch.setattr(supervisor_pipe, "ANSWER_S", 0.01)
    assert saver.decide(evaluation(4))
    training = Training(lambda: saver.decide(evaluation(8)))
    assert [supervisor.hears().evaluation.step for _ in range(2)] == [4, 8]
    supervisor.answers(4, Verdict.PRUNED)  # a supervisor answers nothing of such a trial any more
    assert training.result() is False


def test_training_of_a_study_without_rungs_waits_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_pipe, "ANSWER_S", LONG_S)
    ours, theirs = Pipe()
    with ours, theirs:
        saver = PipeSaver(theirs)
        assert not saver.wanted()
        for step in (10, 90):
            assert saver.decide(evaluation(step))
            ours.send(Answer(step=step, verdict=Verdict.GO_ON))


def test_a_supervisor_that_dies_before_its_verdict_ends_the_wait(asking: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = asking
    training = Training(lambda: saver.decide(evaluation(8)))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    supervisor.connection.close()
    with pytest.raises(EOFError):
        training.result()


# ---- pruned and put aside


def test_a_trial_that_is_pruned_at_its_rung_ends_there(asking: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = asking
    supervisor.answers(8, Verdict.PRUNED)
    assert saver.decide(evaluation(8)) is False


def test_a_trial_that_is_put_aside_waits_for_the_word_to_save_and_leaves_after_it(
    asking: tuple[PipeSaver, Supervisor],
) -> None:
    saver, supervisor = asking
    training = Training(lambda: saver.decide(evaluation(8)))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    supervisor.answers(8, Verdict.SHELVED)
    assert training.waits
    folder = supervisor.asks(leave=True)
    assert training.result() is True, "it is not over, and is saved at its next look"
    assert saver.leaving
    assert saver.wanted()
    with pytest.raises(TrialStopped) as stopped:
        saver.save(8, writing("at 8 %"))
    assert stopped.value.state == "left"
    assert text_of(folder, STEP) == "at 8 %"
    assert supervisor.hears() == Saved(folder=str(folder), optimiser_steps=8, best=None)


def test_a_trial_that_is_put_aside_saves_its_best_weights_first(asking: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = asking
    saver.keep(evaluation(8), writing("best"))
    supervisor.answers(8, Verdict.SHELVED)
    first = supervisor.asks(leave=True)
    assert saver.decide(evaluation(8))
    assert saver.wanted()
    training = Training(lambda: saver.save(8, writing("step")))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    assert supervisor.hears() == Saved(folder=str(first), optimiser_steps=None, best=evaluation(8))
    second = supervisor.asks(leave=True)
    with pytest.raises(TrialStopped, match="left"):
        training.result()
    assert (text_of(first, BEST), text_of(second, STEP)) == ("best", "step")


@pytest.mark.parametrize("has_best", [False, True])
def test_a_trial_that_is_put_aside_while_it_was_to_be_saved_goes_no_step_further(
    has_best: bool, asking: tuple[PipeSaver, Supervisor]
) -> None:
    # The word to save came before the evaluation. The one to leave follows once that save is in the store.
    saver, supervisor = asking
    if has_best:
        saver.keep(evaluation(8), writing("best"))
    folders = [supervisor.asks(leave=False)]
    supervisor.answers(8, Verdict.SHELVED)
    assert saver.decide(evaluation(8))
    assert saver.wanted()
    training = Training(lambda: saver.save(8, writing("at 8 %")))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    for leave in [False, True] if has_best else [True]:
        assert supervisor.hears().folder == str(folders[-1])
        assert training.waits
        folders.append(supervisor.asks(leave=leave))
    with pytest.raises(TrialStopped, match="left"):
        training.result()
    assert supervisor.hears() == Saved(folder=str(folders[-1]), optimiser_steps=8, best=None)
    assert text_of(folders[-1], STEP) == "at 8 %"


def test_a_supervisor_that_dies_before_the_word_to_save_ends_the_wait(asking: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = asking
    training = Training(lambda: saver.decide(evaluation(8)))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    supervisor.answers(8, Verdict.SHELVED)
    assert training.waits
    supervisor.connection.close()
    with pytest.raises(EOFError):
        training.result()


def test_a_supervisor_that_dies_between_two_saves_ends_the_wait(asking: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = asking
    supervisor.asks(leave=False)
    supervisor.answers(8, Verdict.SHELVED)
    assert saver.decide(evaluation(8))
    training = Training(lambda: saver.save(8, writing("at 8 %")))
    assert [type(supervisor.hears()) for _ in range(2)] == [Evaluated, Saved]
    supervisor.connection.close()
    with pytest.raises(EOFError):
        training.result()


def test_training_that_never_asks_is_put_aside_without_a_checkpoint(ends: tuple[PipeSaver, Supervisor]) -> None:
    saver, supervisor = ends
    training = Training(lambda: saver.decide(evaluation(8)))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    supervisor.answers(8, Verdict.SHELVED)
    folder = supervisor.asks(leave=True)
    with pytest.raises(TrialStopped, match="left"):
        training.result()
    assert supervisor.hears() == Saved(folder=str(folder), optimiser_steps=None, best=None)


def test_training_that_asks_too_seldom_reports_nothing_after_it_was_put_aside(
    asking: tuple[PipeSaver, Supervisor],
) -> None:
    # A value beyond its rung would count there among those of trials that were promoted.
    saver, supervisor = asking
    supervisor.answers(8, Verdict.SHELVED)
    folder = supervisor.asks(leave=True)
    assert saver.decide(evaluation(8))
    with pytest.raises(TrialStopped, match="left"):
        saver.decide(evaluation(16))
    assert supervisor.hears() == Evaluated(evaluation=evaluation(8))
    assert supervisor.hears() == Saved(folder=str(folder), optimiser_steps=None, best=None)
    assert not supervisor.connection.poll()
