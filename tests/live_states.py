"""A search in the middle, as events and as the state of a live view: for tests, and for the pictures of the docs."""

from __future__ import annotations

from dataclasses import replace

from storage import TrialState
from tuner.reporting.events import (
    About,
    Began,
    Event,
    Notice,
    Ranked,
    Standings,
    TrialAdvanced,
    TrialEnded,
    TrialEvaluated,
    TrialSaved,
    TrialStarted,
)
from tuner.reporting.live.model import LiveModel
from tuner.reporting.live.state import LiveState
from tuner.reporting.live.view import RUN_HINT
from tuner.trial.evaluation import Evaluation

VARYING = ("learning_rate", "batch_size", "num_train_epochs", "dropout", "lr_scheduler_type", "frozen_layers")
POINT = {
    "learning_rate": 1.04e-4,
    "batch_size": 64,
    "num_train_epochs": 2.0,
    "dropout": 0.12,
    "weight_decay": 0.01,
    "lr_scheduler_type": "cosine",
    "frozen_layers": 0.5,
}
ABOUT = About(
    study="rotten-tomatoes",
    metric="accuracy",
    direction="maximize",
    model="MiniLM-L6",
    sizes={"train": 640, "validation": 300},
    varying=VARYING,
    trials=16,
    scale=(0.48, 0.83),
)
BEGAN = Began(study="rotten-tomatoes", direction="maximize", metric="accuracy", trials=16, finished=0, lanes=2)


def started(number: int, *, lane: int = 0, at: int | None = None, **more: object) -> TrialStarted:
    return TrialStarted(
        number=number,
        lane=lane,
        device="cpu",
        hyperparameters={**POINT, **more},
        again=at is not None,
        optimiser_steps=at,
        resumed_at=at,
        effective={"frozen_layers": 3, "layers": 6, "optimiser_steps": 100},
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
    number: int, state: TrialState, value: float | None, *, finished: int, reason: str | None = None, step: int = 100
) -> TrialEnded:
    return TrialEnded(
        number=number,
        state=state,
        value=value,
        reason=reason,
        seconds=25.0,
        finished=finished,
        curve=[] if value is None else [{"step": step, "value": value}],
    )


def search() -> list[Event]:
    """Return the events of a search of 16 trials, 13 of which are over and two of which train."""
    events: list[Event] = [ABOUT, BEGAN]
    counts = {TrialState.COMPLETE: 8, TrialState.PRUNED: 5}
    leaders = (Ranked(number=0, value=0.81, device_s=82.0), Ranked(number=2, value=0.7967, device_s=27.0))
    for number, value in ((9, 0.77), (10, 0.7533)):
        events += [started(number), ended(number, TrialState.COMPLETE, value, finished=number + 1)]
    why = "0.5367 at 20 %, needed 0.5608"
    events += [started(12), ended(12, TrialState.PRUNED, 0.5367, finished=13, reason=why, step=20)]
    events.append(Standings(counts=counts, waiting=1, leaders=leaders, recipe=leaders[0]))
    events.append(started(13, at=60))
    events += [evaluated(13, step, value) for step, value in ((20, 0.6), (40, 0.7), (60, 0.8), (80, 0.7667))]
    events += [started(14, lane=1, learning_rate=7.1e-5, batch_size=32, frozen_layers=0.0), evaluated(14, 20, 0.57)]
    events += [TrialAdvanced(number=13, done=84, total=100), TrialSaved(number=13)]
    return [*events, Notice(text="the database does not answer, training goes on: connection refused")]


def state() -> LiveState:
    """Return the state of a live view in the middle of the search, with fixed times."""
    now = 1_000.0
    model = LiveModel(clock=lambda: now, wall=lambda: 0.0)
    for event in search():
        model.take(event)
    found = model.state(hint=RUN_HINT, devices=("cpu: 2 lanes, load 1.9 of 2 cores",))
    running = tuple(replace(each, seconds=18.0 - each.number) for each in found.running)
    messages = tuple(replace(each, moment="13:24") for each in found.messages)
    return replace(found, seconds=258.0, left_s=80.0, saved_s=6.0, running=running, messages=messages)
