"""The two systems of `growth.py`: `begin`, `report`, `prune` and `tell` of a trial, by its number."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from no_training import PERCENTS, read_study
from verdicts import say

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Trials that the systems themselves write, which are then copied.
WRITTEN = 10


#: What was trained, as the built-in training records it.
EFFECTIVE = {
    "device": "cpu",
    "precision": "fp32",
    "threads": 1,
    "micro_batch": 32,
    "trainable_parameters": 22_713_986,
    "learning_rates": {f"layer.{number}": 1e-4 for number in range(8)},
    "dropout": {f"encoder.layer.{number}.dropout": 0.1 for number in range(12)},
}


def value(number: int, percent: int) -> float:
    """Return what a trial tells at a percent of its schedule: more with each trial, so that none is pruned."""
    return 0.1 + number / 10_000 + percent / 1000


class Clock:
    """Milliseconds of processor time by operation."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, operation: str) -> Iterator[None]:
        """Count what is done within."""
        began = time.process_time()
        yield
        self.spent[operation].append(1000 * (time.process_time() - began))


class Ours:
    """The ledger of a supervisor."""

    def __init__(self, url: str, path: Path, trials: int) -> None:
        from storage import Database, Plans, Shelves, Slots, Studies
        from tuner.search.optuna_trials import OptunaTrials
        from tuner.study.live_config import LiveConfig
        from tuner.study.space_versions import SpaceVersions
        from tuner.supervisor.best_trials import BestTrials
        from tuner.supervisor.ledger import Ledger
        from tuner.supervisor.retrying import OutageRetrying
        from tuner.supervisor.rungs import Rungs
        from tuner.trial.rungs import ladder

        config, space, first = read_study(path)
        self.database = Database(url, create=True)
        self.record = Studies(self.database).create(
            config.name, direction="maximize", config=config.to_dict(), facts={}, trials=trials, first=first
        )

        self.best_trials = BestTrials(self.database, self.record, LiveConfig(config), OutageRetrying(say))

        def opened() -> Ledger:
            trials = OptunaTrials(self.database, self.record, LiveConfig(config), SpaceVersions(spaces=(space,)))
            slots = Slots(self.database, self.record.id)
            shelves = Shelves(self.database, self.record.id)
            facts, retrying = self.record.facts, OutageRetrying(say)
            return Ledger(slots, shelves, trials, owner="growth", lease_s=3600.0, retrying=retrying, facts=facts)

        # The evaluations of the trials stand for rungs, twice as far each: 10, 20, 40 and 80 %.
        local = SimpleNamespace(config=SimpleNamespace(has_rungs=True, search=config.search), looks=ladder(10, 2))
        shelves, plans = Shelves(self.database, self.record.id), Plans(self.database, self.record.id)
        self.rungs = Rungs(local, LiveConfig(config), shelves, plans, opened(), OutageRetrying(say), watch=say)
        self.open = opened
        self.ledger = self.open()

    @property
    def engine(self) -> sa.Engine:
        """Where the history is to be written."""
        return self.database.engine

    def begin(self, clock: Clock) -> Any:
        """Begin a trial."""
        with clock("claim"):
            claimed = self.ledger.claim(())
        assert claimed is not None
        with clock("ask"):
            begun = self.ledger.begin(claimed[0])
        assert begun is not None
        with clock("record"):
            self.ledger.record(claimed[0], begun, EFFECTIVE)
        return claimed[0], begun, {}

    def report(self, held: Any, percent: int, clock: Clock) -> None:
        """Tell a value, and ask the pruner."""
        from tuner import Evaluation

        lease, begun, curve = held
        evaluation = Evaluation(
            step=percent,
            value=value(begun.trial.number, percent),
            epoch=percent / 100,
            optimiser_steps=percent,
            train_loss=1.0,
            validation_loss=1.0,
            learning_rate=1e-4,
        )
        curve[percent] = evaluation.to_dict()
        with clock("report"):
            self.ledger.report(lease, begun, evaluation)
        with clock("prune"):
            assert not self.ledger.should_prune(lease, begun)

    def tell(self, held: Any, clock: Clock) -> None:
        """End a trial."""
        from tuner.trial.result import TrialResult

        lease, begun, curve = held
        best = value(begun.trial.number, max(PERCENTS))
        result = TrialResult(state="complete", value=best, best_step=max(PERCENTS), final_value=best)
        with clock("tell"):
            self.ledger.tell(lease, begun, result, curve)
        with clock("ended"):
            self.ledger.finished()
            self.best_trials.would_include(begun.trial.number, best)

    def status(self, clock: Clock) -> int:
        """Look at the study as another process would; return how many trials are complete."""
        from tuner.reporting.views import status_view

        with clock("status"):
            view = status_view(self.database, self.record)
        return int(view["trials"]["complete"])

    def decide(self, clock: Clock) -> None:
        """Decide which trials go on from their rungs, as a supervisor does after each evaluation at a rung."""
        with clock("decide"):
            moves = self.rungs.look(idle=True)
        assert not moves, "all trials are over"

    def copied(self) -> dict[str, Callable[[Mapping[str, Any], int, int], dict[str, Any]]]:
        """Return, by table of rows to be copied, what a row becomes for a trial so many ids and numbers further."""

        def of_slot(row: Mapping[str, Any], ids: int, numbers: int) -> dict[str, Any]:
            further = {"slot": row["slot"] + numbers, "trial_number": row["trial_number"] + numbers}
            return {**row, **further, **({"trial_id": row["trial_id"] + ids} if "trial_id" in row else {})}

        def of_note(row: Mapping[str, Any], ids: int, numbers: int) -> dict[str, Any]:
            _, trial, part = row["key"].split(":", 2)
            return {**row, "key": f"dashboard:{int(trial) + ids}:{part}"}

        return {**OPTUNAS, "study_system_attributes": of_note, "tuner_slots": of_slot, "tuner_events": of_slot}

    def reopen(self) -> None:
        """Forget what is cached."""
        self.ledger = self.open()

    def close(self) -> None:
        """Close the database."""
        self.database.close()


class Plain:
    """A script's study."""

    def __init__(self, url: str, path: Path, trials: int) -> None:
        import optuna

        from tuner.search.pruners import make_pruner
        from tuner.search.samplers import make_sampler

        self.config, self.space, first = read_study(path)
        self.storage = optuna.storages.RDBStorage(url)
        self.arguments = {
            "sampler": make_sampler(self.config, conditional=self.space.is_conditional),
            "pruner": make_pruner(self.config.pruner),
        }
        self.study = optuna.create_study(
            study_name=self.config.name, storage=self.storage, direction="maximize", **self.arguments
        )
        self.study.enqueue_trial(first)

    @property
    def engine(self) -> sa.Engine:
        """Where the history is to be written."""
        return self.storage.engine

    def begin(self, clock: Clock) -> Any:
        """Begin a trial."""
        with clock("ask"):
            trial = self.study.ask()
            self.space.suggest(trial)
        return trial

    def report(self, held: Any, percent: int, clock: Clock) -> None:
        """Tell a value, and ask the pruner."""
        with clock("report"):
            held.report(value(held.number, percent), percent)
        with clock("prune"):
            assert not held.should_prune()

    def tell(self, held: Any, clock: Clock) -> None:
        """End a trial."""
        with clock("tell"):
            self.study.tell(held, value(held.number, max(PERCENTS)))

    def status(self, clock: Clock) -> int:
        """Look at the study as another process would; return how many trials are complete."""
        import optuna

        with clock("status"):
            study = optuna.load_study(study_name=self.config.name, storage=self.storage)
            states = [trial.state for trial in study.get_trials(deepcopy=False)]
            assert study.best_value
        return states.count(optuna.trial.TrialState.COMPLETE)

    def decide(self, clock: Clock) -> None:
        """Optuna decides about each trial where it asks the pruner."""

    def copied(self) -> dict[str, Callable[[Mapping[str, Any], int, int], dict[str, Any]]]:
        """Return the same of Optuna's tables."""
        return OPTUNAS

    def reopen(self) -> None:
        """Forget what is cached."""
        import optuna

        self.study = optuna.load_study(study_name=self.config.name, storage=self.storage, **self.arguments)

    def close(self) -> None:
        """Close the database."""
        self.storage.remove_session()
        self.storage.engine.dispose()


def _of_trial(row: Mapping[str, Any], ids: int, numbers: int) -> dict[str, Any]:
    further = {**row, "trial_id": row["trial_id"] + ids}
    return {**further, "number": row["number"] + numbers} if "number" in row else further


OPTUNAS: dict[str, Callable[[Mapping[str, Any], int, int], dict[str, Any]]] = dict.fromkeys(
    (
        "trials",
        "trial_params",
        "trial_values",
        "trial_intermediate_values",
        "trial_user_attributes",
        "trial_system_attributes",
    ),
    _of_trial,
)
