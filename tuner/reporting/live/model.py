"""The model of the live view: takes events from one thread, and gives the state to the thread that draws."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage import TrialState
from tuner.processes.messages import Progressed
from tuner.reporting.events import (
    About,
    Began,
    Decided,
    Edited,
    Event,
    Notice,
    Passing,
    Ranked,
    Standings,
    TrialAdvanced,
    TrialDropped,
    TrialEnded,
    TrialEvaluated,
    TrialSaved,
    TrialStarted,
)
from tuner.reporting.live.pace import Going, left_by_runs, left_by_trials
from tuner.reporting.live.state import EndedTrial, LiveState, Message, RunningTrial, Stage
from tuner.reporting.text import plain_reason
from tuner.security.redaction import redact
from tuner.trial.evaluation import is_better

#: Ended trials, messages and leaders that are remembered: more than the highest terminal shows.
_ENDED, _MESSAGES, _LEADERS = 40, 20, 20
#: Attempts whose seconds tell how long a trial usually takes.
_PACE = 50


@dataclass(kw_only=True)
class _Going:
    """A trial that runs, as events have told of it."""

    started: TrialStarted
    since: float
    curve: dict[int, float]
    effective: Mapping[str, Any] | None
    resumed_at: int | None
    percent: float = 0.0
    #: The percent at which it was seen first.
    began_at: float = 0.0


@dataclass(kw_only=True)
class _Totals:
    """What is known of the whole study."""

    finished: int = 0
    trials: int | None = None
    lanes: int = 1
    #: Full runs that are spent, and those at the first word of them, with its moment.
    spent: float | None = None
    spent_before: float | None = None
    spent_since: float = 0.0
    counts: Counter[TrialState] = field(default_factory=Counter)
    waiting: int = 0
    leaders: tuple[Ranked, ...] = ()
    recipe: Ranked | None = None
    scale: tuple[float, float] | None = None


class LiveModel:
    """Takes every event, and tells what to show. Each method may be called from any thread.

    Args:
        clock: Returns seconds.
        wall: Returns the time of day in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] | None = None, wall: Callable[[], float] | None = None) -> None:
        self._clock, self._wall = clock or time.monotonic, wall or time.time
        self._lock = threading.Lock()
        self._began = self._clock()
        self._about: About | None = None
        self._stages: list[tuple[Progressed, float]] = []
        self._totals = _Totals()
        self._going: dict[int, _Going] = {}
        self._ended: deque[EndedTrial] = deque(maxlen=_ENDED)
        self._ended_s: deque[float] = deque(maxlen=_PACE)
        self._messages: deque[Message] = deque(maxlen=_MESSAGES)
        self._search: str | None = None
        self._saved: float | None = None

    def take(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, Progressed):
            if self._stages and self._stages[-1][0].stage == event.stage:
                self._stages[-1] = (event, self._stages[-1][1])
            else:
                self._stages.append((event, self._clock()))
        elif isinstance(event, About):
            if self._about is None or not self._about.gone_s:
                self._began -= event.gone_s
            self._about = event
            if self._totals.trials is None:
                self._totals.trials = event.trials
            for value in event.scale or ():
                self._stretch(value)
            if event.standings is not None:
                self._stand(event.standings)
        elif isinstance(event, Began):
            self._begin(event)
        elif isinstance(event, Standings):
            self._stand(event)
        elif isinstance(event, Notice):
            self._note(event)
        else:
            self._take_of_trial(event)

    def _begin(self, event: Began) -> None:
        self._stages.clear()
        totals = self._totals
        totals.trials, totals.finished, totals.lanes = event.trials, event.finished, max(1, event.lanes)
        if self._about is None:
            self._about = About(study=event.study, metric=event.metric, direction=event.direction)
        if event.best is not None and not totals.leaders:
            totals.leaders = (Ranked(number=event.best[0], value=event.best[1]),)

    def _stand(self, standings: Standings) -> None:
        totals = self._totals
        totals.counts, totals.waiting = Counter(standings.counts), standings.waiting
        totals.finished = sum(count for state, count in standings.counts.items() if state.is_over)
        totals.leaders, totals.recipe = tuple(standings.leaders), standings.recipe

    def _note(self, event: Notice) -> None:
        if isinstance(event, Decided):
            totals = self._totals
            if totals.spent_before is None:
                totals.spent_before, totals.spent_since = event.spent, self._clock()
            totals.spent = event.spent
            self._search = redact(event.text.removeprefix("search: "))
            return
        if isinstance(event, TrialDropped):
            self._going.pop(event.number, None)
        elif isinstance(event, Edited):
            self._totals.trials = event.trials
        moment = time.strftime("%H:%M", time.localtime(self._wall()))
        is_passing = isinstance(event, Passing)
        self._messages.append(Message(moment=moment, text=redact(event.text), is_passing=is_passing))

    def _take_of_trial(self, event: TrialStarted | TrialAdvanced | TrialSaved | TrialEvaluated | TrialEnded) -> None:
        if isinstance(event, TrialStarted):
            self._start(event)
        elif isinstance(event, TrialSaved):
            self._saved = self._clock()
        elif isinstance(event, TrialEnded):
            self._end(event)
        elif (going := self._going.get(event.number)) is not None:
            if isinstance(event, TrialAdvanced):
                going.percent = max(going.percent, min(100.0, 100.0 * event.done / max(1, event.total)))
            else:
                going.curve[event.evaluation.step] = event.evaluation.value
                going.percent = max(going.percent, event.evaluation.step)
                going.effective = event.effective or going.effective
                self._stretch(event.evaluation.value)

    def _start(self, event: TrialStarted) -> None:
        resumed_at = event.resumed_at
        curve = {int(entry["step"]): float(entry["value"]) for entry in event.curve}
        for value in curve.values():
            self._stretch(value)
        # Evaluations after the checkpoint are made again; until then their points are shown as they were.
        going = _Going(
            started=event, since=self._clock(), curve=curve, effective=event.effective, resumed_at=resumed_at
        )
        going.percent = going.began_at = float(max(curve, default=0) if event.has_trained else resumed_at or 0)
        if event.number in self._going:
            going.since = self._going[event.number].since
        self._going[event.number] = going

    def _end(self, event: TrialEnded) -> None:
        gone, totals = self._going.pop(event.number, None), self._totals
        totals.finished = max(totals.finished, event.finished) if event.state.is_over else totals.finished
        steps = sorted(int(entry["step"]) for entry in event.curve) or sorted(gone.curve if gone else ())
        percent = event.saved_at if event.saved_at is not None else (steps[-1] if steps else None)
        reason = None if event.reason is None else redact(plain_reason(event.reason))
        self._ended.appendleft(
            EndedTrial(number=event.number, state=event.state, percent=percent, value=event.value, reason=reason)
        )
        if event.state.is_over:
            totals.counts[event.state] += 1
            if gone is not None:  # otherwise it was put aside, and no worker had it
                self._ended_s.append(event.seconds)
        if event.state == TrialState.COMPLETE and event.value is not None:
            ranked = Ranked(number=event.number, value=event.value, device_s=event.seconds)
            if event.number == 0 and (self._about is None or self._about.has_recipe):
                totals.recipe = ranked
            totals.leaders = self._ranked((*totals.leaders, ranked))

    def _ranked(self, trials: tuple[Ranked, ...]) -> tuple[Ranked, ...]:
        sign = -1.0 if self._about is not None and self._about.direction == "maximize" else 1.0
        found = {each.number: each for each in trials}
        return tuple(sorted(found.values(), key=lambda each: (sign * each.value, each.number))[:_LEADERS])

    def _stretch(self, value: float) -> None:
        scale = self._totals.scale
        if is_better(value, None, "maximize"):  # a finite number
            self._totals.scale = (value, value) if scale is None else (min(scale[0], value), max(scale[1], value))

    # ---- what is shown

    def state(self, *, hint: str = "", devices: tuple[str, ...] = ()) -> LiveState:
        """Return what to show now.

        Args:
            hint: What the keys do.
            devices: The use of the devices.
        """
        with self._lock:
            now, totals = self._clock(), self._totals
            ends = [since for _, since in self._stages[1:]] + [now]
            return LiveState(
                about=self._about,
                stages=tuple(
                    Stage(name=redact(each.stage), done=each.done, total=each.total, seconds=end - since)
                    for (each, since), end in zip(self._stages, ends, strict=False)
                ),
                seconds=now - self._began,
                left_s=self._left_s(now),
                finished=totals.finished,
                trials=totals.trials,
                spent=totals.spent,
                running=tuple(self._running(number, going, now) for number, going in sorted(self._going.items())),
                scale=totals.scale,
                leaders=totals.leaders,
                recipe=totals.recipe,
                ended=tuple(self._ended),
                counts={**totals.counts, TrialState.RUNNING: len(self._going)},
                waiting=self._waiting(),
                saved_s=None if self._saved is None else now - self._saved,
                search=self._search,
                messages=tuple(self._messages),
                devices=devices,
                hint=hint,
            )

    def _waiting(self) -> int:
        """Return how many trials wait for a worker, or have not begun."""
        totals = self._totals
        if totals.trials is None:
            return totals.waiting
        aside = totals.counts[TrialState.SHELVED]
        return max(0, totals.trials - totals.finished - len(self._going) - aside)

    def _left_s(self, now: float) -> float | None:
        totals, about = self._totals, self._about
        if totals.trials is None:
            if about is None or about.runs is None:
                return None
            seconds = now - totals.spent_since
            return left_by_runs(spent=totals.spent, before=totals.spent_before, budget=about.runs, seconds=seconds)
        going = [
            Going(percent=each.percent, began_at=each.began_at, seconds=now - each.since)
            for each in self._going.values()
        ]
        return left_by_trials(self._ended_s, going, waiting=self._waiting(), lanes=totals.lanes)

    def _running(self, number: int, going: _Going, now: float) -> RunningTrial:
        started = going.started
        return RunningTrial(
            number=number,
            where=f"cpu:{started.lane}" if started.device == "cpu" else started.device,
            percent=going.percent,
            curve=tuple(sorted(going.curve.items())),
            hyperparameters=started.hyperparameters,
            frozen=_frozen(going.effective),
            resumed_at=going.resumed_at,
            seconds=now - going.since,
        )

    def messages(self) -> tuple[Message, ...]:
        """Return the last messages, oldest first."""
        with self._lock:
            return tuple(self._messages)


def _frozen(effective: Mapping[str, Any] | None) -> str | None:
    """Return the frozen layers of all layers, such as `1/2`; `0` where none is; None where they are not recorded."""
    frozen, layers = (effective or {}).get("frozen_layers"), (effective or {}).get("layers")
    if not isinstance(frozen, int) or not isinstance(layers, int):
        return None
    return f"{frozen}/{layers}" if frozen else "0"
