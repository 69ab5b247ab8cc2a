"""What the sampler learns from trials that cannot be trained: told as they are told, it keeps away from them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from ledgers import make_ledger

from search_spaces import Categorical, Float, Hyperparameters, SearchSpace
from storage import Database, Studies
from tuner.search.optuna_trials import OpenTrial
from tuner.search.samplers import make_sampler
from tuner.study.config import StudyConfig
from tuner.study.study_file import parse_config
from tuner.supervisor.retrying import OutageRetrying
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult

TRIALS, SEEDS = 40, 10
TrialState = optuna.trial.TrialState
#: Two that are searched, of which one has a choice that never fits.
SPACE = SearchSpace(
    parameters={
        "learning_rate": Float(low=1e-5, high=1e-3, log=True),
        "batch_size": Categorical(choices=(8, 16, 32, 64)),
        "num_train_epochs": Categorical(choices=(3,)),
        "dropout": Categorical(choices=(0.1,)),
        "weight_decay": Categorical(choices=(0.01,)),
        "lr_scheduler_type": Categorical(choices=("linear",)),
        "frozen_layers": Categorical(choices=(0.0,)),
    },
    conditions={},
)
AVOIDED = {"state": "pruned", "avoid": "out_of_memory"}
FAILED = {"state": "failed"}


def config_of(seed: int, **more: Any) -> StudyConfig:
    document = {
        "name": "toy",
        "train": "toy:train",
        "metric": {"name": "score", "direction": "maximize"},
        "seed": seed,
        "budget": {"trials": TRIALS},
        **more,
    }
    return parse_config(document, source="toy.yaml", folder=Path("/nowhere"))


def outcome(point: Hyperparameters, lost: dict[str, Any]) -> TrialResult:
    if point.batch_size == 64:
        return TrialResult(reason="out of memory: 64 do not fit", **lost)
    value = 1 - abs(math.log10(point.learning_rate / 1e-4)) / 2
    return TrialResult(state="complete", value=value, final_value=value, best_step=100)


class Study:
    """A study in a file, and a ledger that writes it."""

    def __init__(self, database: Database, config: StudyConfig) -> None:
        record = Studies(database).create(
            config.name, direction="maximize", config=config.to_dict(), facts={}, trials=TRIALS, first={}
        )
        retrying = OutageRetrying(lambda text: pytest.fail(text))
        self.ledger = make_ledger(database, record, config, SPACE, owner="me", lease_s=3600, retrying=retrying)
        self.optuna = self.ledger._trials._study

    def begin(self) -> tuple[Any, OpenTrial]:
        claimed = self.ledger.claim(())
        assert claimed is not None
        open_trial = self.ledger.begin(claimed[0])
        assert open_trial is not None
        return claimed[0], open_trial

    def trial(self, result: TrialResult, reports: dict[int, float]) -> None:
        """Have a trial with these evaluations and this end."""
        lease, open_trial = self.begin()
        for step, value in reports.items():
            self.ledger.report(lease, open_trial, evaluation(step, value))
            self.ledger.should_prune(lease, open_trial)
        self.ledger.tell(lease, open_trial, result, {})


def evaluation(step: int, value: float) -> Evaluation:
    return Evaluation(
        step=step, value=value, epoch=1, optimiser_steps=step, train_loss=1, validation_loss=1, learning_rate=1e-4
    )


def drawn_through_the_ledger(database: Database, seed: int, lost: dict[str, Any]) -> list[Hyperparameters]:
    study, points = Study(database, config_of(seed)), []
    for _ in range(TRIALS):
        lease, open_trial = study.begin()
        assert open_trial.hyperparameters is not None
        points.append(open_trial.hyperparameters)
        study.ledger.tell(lease, open_trial, outcome(open_trial.hyperparameters, lost), {})
    return points


def drawn_in_memory(seed: int, lost: dict[str, Any]) -> list[Hyperparameters]:
    study = optuna.create_study(direction="maximize", sampler=make_sampler(config_of(seed), conditional=False))
    study.enqueue_trial({})
    points = []
    for _ in range(TRIALS):
        trial = study.ask()
        points.append(SPACE.suggest(trial))
        result = outcome(points[-1], lost)
        if result.avoid is not None:
            trial.set_constraint(result.avoid, 1.0)
        state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[result.state]
        study.tell(trial, result.value, state=state)
    return points


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def database(tmp_path: Path) -> Any:
    with Database(f"sqlite:///{tmp_path}/tuner.db", create=True) as database:
        yield database


@pytest.mark.timeout(120)
@pytest.mark.parametrize("lost", [AVOIDED, FAILED])
def test_what_is_drawn_depends_on_seed_and_ends_alone_and_not_on_where_they_are_kept(
    database: Database, lost: dict[str, Any]
) -> None:
    """So the next test may count in memory, where it is quick."""
    assert drawn_through_the_ledger(database, 3, lost) == drawn_in_memory(3, lost)


@pytest.mark.timeout(120)
def test_of_trials_that_cannot_fit_a_fifth_is_wasted_and_most_were_if_they_were_told_as_failed() -> None:
    def wasted(lost: dict[str, Any]) -> float:
        points = [drawn_in_memory(seed, lost) for seed in range(SEEDS)]
        return sum(point.batch_size == 64 for each in points for point in each) / (SEEDS * TRIALS)

    assert wasted(AVOIDED) <= 0.20
    assert wasted(FAILED) >= 0.50


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_no_number_at_a_late_step_ranks_below_every_sound_trial_and_the_study_goes_on(
    database: Database, odd: float, sampler: str
) -> None:
    startup = {"name": sampler, "n_startup_trials": 2}
    study = Study(database, config_of(0, sampler=startup, pruner={"name": "percentile", "n_startup_trials": 1}))
    sound = TrialResult(state="pruned", value=0.1, reason="0.1 at 10 %, among the weakest so far")
    lost = TrialResult(state="pruned", value=odd, reason="diverged: the loss is no number", avoid="diverged")
    for number in range(3):
        study.trial(TrialResult(state="complete", value=number / 10, final_value=odd, best_step=10), {10: number / 10})
    study.trial(lost, {10: 0.9, 90: odd})
    study.trial(sound, {10: 0.1})
    study.trial(TrialResult(state="complete", value=0.5, final_value=odd, best_step=10), {10: 0.5, 100: odd})
    bad, good = study.optuna.trials[3:5]
    assert (bad.state, bad.constraints) == (TrialState.PRUNED, {"diverged": 1.0})
    from optuna.samplers._tpe.sampler import _split_trials

    # With room for all but one among the good ones, it is the one that is left over.
    over = [trial for trial in study.optuna.trials if trial.state.is_finished()]
    _, worse = _split_trials(study.optuna, over, len(over) - 1)
    assert [trial.number for trial in worse] == [bad.number]
    assert study.optuna.best_trial.number == 5
    for _ in range(3):  # the sampler draws from all of them
        lease, open_trial = study.begin()
        assert open_trial.complaint is None
        study.ledger.tell(
            lease, open_trial, TrialResult(state="complete", value=0.3, final_value=0.3, best_step=10), {}
        )
    assert len([trial for trial in study.optuna.trials if trial.state == TrialState.COMPLETE]) == 7
    assert good.state == TrialState.PRUNED
