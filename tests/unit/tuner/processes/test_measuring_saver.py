from __future__ import annotations

from multiprocessing import Pipe

from tuner.processes.measuring_saver import MeasuringSaver
from tuner.processes.messages import Answer, Evaluated, Measured
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import Verdict

EVALUATION = Evaluation(
    step=10, value=0.5, epoch=1, optimiser_steps=2, train_loss=1, validation_loss=1, learning_rate=1e-3
)


def test_the_parts_of_a_smoke_run_are_told_apart() -> None:
    here, there = Pipe()
    now = [100.0]
    saver = MeasuringSaver(there, clock=lambda: now[0])
    saver.begin()
    now[0] += 4
    assert not saver.wanted()
    now[0] += 2
    assert not saver.leaving
    now[0] += 0.5
    assert not saver.leaving, "the next part of the same evaluation"
    now[0] += 0.5
    here.send(Answer(step=10, verdict=Verdict.GO_ON))
    assert saver.decide(EVALUATION)
    assert here.recv() == Measured(optimiser_steps_s=(4.0, 2.0), evaluation_s=1.0)
    assert here.recv() == Evaluated(evaluation=EVALUATION)


def test_training_that_never_asks_is_not_measured() -> None:
    here, there = Pipe()
    saver = MeasuringSaver(there)
    here.send(Answer(step=10, verdict=Verdict.GO_ON))
    assert saver.decide(EVALUATION)
    assert here.recv() == Evaluated(evaluation=EVALUATION)
