"""A study whose search space people edit again and again: trials stay, and samplers learn from those that are valid."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import optuna
import pytest
from ledgers import make_ledger
from storing import LEASE_S

from search_spaces import Categorical, Float, Hyperparameters, Int, SearchSpace, recipe_for
from storage import Database, History, Lease, LeaseLost, Slots, SlotState, Studies, StudyRecord
from storage.plain_storage import PlainStorage
from tuner.search.optuna_study import load_optuna_study
from tuner.search.optuna_trials import OpenTrial, OptunaTrials
from tuner.search.study_view import StudyView
from tuner.search.versioned_trials import CurrentTrials
from tuner.service.edit import edit
from tuner.study.live_config import LiveConfig
from tuner.study.space_versions import SpaceVersions
from tuner.study.study_file import parse_config, parse_stored
from tuner.supervisor.ledger import Ledger
from tuner.supervisor.retrying import OutageRetrying
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult

SPACE = SearchSpace(
    parameters={
        "learning_rate": Float(low=1e-5, high=1e-3, log=True),
        "batch_size": Categorical(choices=(8, 16, 32, 64, 128)),
        "num_train_epochs": Int(low=1, high=6),
        "dropout": Float(low=0, high=0.3),
        "weight_decay": Categorical(choices=(0.0, 0.01)),
        "lr_scheduler_type": Categorical(choices=("constant", "linear", "cosine")),
        "frozen_layers": Categorical(choices=(0.0, 0.5, "gradual")),
    }
)
RECIPE = recipe_for("bert", "", None)
#: Values of trial 0 of which none is left to the sampler.
WHOLE = {
    "learning_rate": 1e-4,
    "batch_size": 32,
    "num_train_epochs": 3,
    "dropout": 0.1,
    "weight_decay": 0.01,
    "lr_scheduler_type": "linear",
    "frozen_layers": 0.0,
}
TRIALS = 80


def entries_of(kind: str, space: SearchSpace, turn: int) -> dict[str, Any]:
    """Return an edit of a kind that changes the space as it is now."""
    rate, batch = space.parameters["learning_rate"], space.parameters["batch_size"]
    assert isinstance(rate, Float)
    assert isinstance(batch, Categorical)
    if kind == "widen":
        return {"learning_rate": {"low": rate.low / 2, "high": rate.high * 2}}
    if kind == "narrow":
        return {"learning_rate": {"low": rate.low * 1.5, "high": rate.high / 1.5}}
    if kind == "add":
        sizes = (2**power for power in range(20))
        return {"batch_size": [*batch.choices, next(size for size in sizes if size not in batch.choices)]}
    if kind == "drop":
        return {"batch_size": list(batch.choices[1:])}
    if kind == "fix":
        return {"dropout": 0.1 if turn % 2 else 0.2}
    return {"dropout": {"low": 0, "high": 0.3 if turn % 2 else 0.4}}


KINDS = ("widen", "narrow", "add", "drop", "fix", "free")


def every_pair() -> list[str]:
    """Return a row of kinds in which each follows each, and itself."""
    row = [
        kind for i, one in enumerate(KINDS) for kind in (one, *itertools.chain(*((one, two) for two in KINDS[i + 1 :])))
    ]
    row.append(row[0])
    assert set(itertools.pairwise(row)) == set(itertools.product(KINDS, KINDS))
    return row


class Edited:
    """A study of the toy kind, edited and run as `tuner edit` and a supervisor do."""

    def __init__(self, database: Database, first: dict[str, Any] | None = None, **document: Any) -> None:
        self.database = database
        written = {
            "name": "one",
            "train": "toy:train",
            "metric": {"name": "score", "direction": "maximize"},
            "search_space": SPACE.to_dict(),
            "sampler": {"name": "tpe", "n_startup_trials": 2},
            "pruner": "none",
            "budget": {"trials": TRIALS},
            **document,
        }
        config = parse_config(written, source="s.yaml", folder=Path("/nowhere"))
        Studies(database).create(
            "one",
            direction="maximize",
            config=config.to_dict(),
            facts={"family": "bert", "recipe": RECIPE.defaults, "space": SPACE.to_dict(), "file_budget": {}},
            trials=TRIALS,
            first=first or {"learning_rate": 1e-4, "batch_size": 32},
        )

    @property
    def record(self) -> StudyRecord:
        return Studies(self.database).get("one")

    @property
    def versions(self) -> SpaceVersions:
        return SpaceVersions.of_facts(self.record.facts)

    def edit(self, entries: dict[str, Any]) -> list[str]:
        return edit(self.database, self.record, {"search_space": entries})

    def ledger(self) -> Ledger:
        """The ledger of a supervisor that has just set the study up."""
        record = self.record
        config = parse_stored(record.config, source="s.yaml")
        retrying = OutageRetrying(lambda _: None)
        return make_ledger(
            self.database, record, config, self.versions.current, owner="me", lease_s=LEASE_S, retrying=retrying
        )

    def begin(self, ledger: Ledger) -> tuple[Lease, OpenTrial]:
        claimed = ledger.claim(())
        assert claimed is not None
        trial = ledger.begin(claimed[0])
        assert trial is not None
        return claimed[0], trial

    def train(self) -> OpenTrial:
        """Run one trial to its end."""
        ledger = self.ledger()
        lease, trial = self.begin(ledger)
        assert trial.complaint is None
        assert trial.hyperparameters is not None
        value = 1.0 - abs(trial.hyperparameters.learning_rate - 1e-4) * 100
        step = {"optimiser_steps": 1, "train_loss": 1.0, "validation_loss": 1.0, "learning_rate": 1e-4}
        ledger.report(lease, trial, Evaluation(step=100, value=value, epoch=1.0, **step))  # type: ignore[arg-type]
        result = TrialResult(state="complete", value=value, final_value=value, best_step=100)  # type: ignore[arg-type]
        ledger.tell(lease, trial, result, {})
        return trial

    def seen(self) -> list[optuna.trial.FrozenTrial]:
        """The trials as the sampler sees them now."""
        config = parse_stored(self.record.config, source="s.yaml")
        study = load_optuna_study(self.database, config, conditional=False, versions=self.versions)
        return [each for each in StudyView(study, (), CurrentTrials(self.versions)).get_trials() if each.params]


def test_after_every_two_kinds_of_edits_the_sampler_goes_on_with_what_is_valid(database: Database) -> None:
    study = Edited(database)
    study.train()
    study.train()
    for turn, kind in enumerate(every_pair()):
        before = study.versions
        assert study.edit(entries_of(kind, before.current, turn)), kind
        space = study.versions.current
        trial = study.train()
        assert trial.hyperparameters is not None
        point = trial.hyperparameters.to_dict()
        for name, parameter in space.parameters.items():
            assert parameter.contains(point[name]), (kind, name)  # type: ignore[arg-type]
        trials = History(database, study.record).trials()
        assert [each.number for each in trials] == list(range(turn + 3))
        valid = {
            each.number
            for each in trials
            if all(parameter.contains(each.hyperparameters[name]) for name, parameter in space.parameters.items())
        }
        seen = study.seen()
        assert {each.number for each in seen} == valid >= {trials[-1].number}
        (joint,) = {tuple(sorted(each.distributions.items(), key=lambda pair: pair[0])) for each in map(_frozen, seen)}
        assert [name for name, _ in joint] == sorted(space.parameters)
    names = [set(each.hyperparameters) for each in History(database, study.record).trials()]
    assert names == [set(SPACE.parameters)] * len(names)


def _frozen(trial: optuna.trial.FrozenTrial) -> optuna.trial.FrozenTrial:
    trial.distributions = {name: repr(kind) for name, kind in trial.distributions.items()}  # type: ignore[misc]
    return trial


@pytest.mark.parametrize(
    "entries",
    [
        {"learning_rate": [1e-5, 1e-4]},
        {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": False}},
        {"num_train_epochs": {"type": "float", "low": 1, "high": 6}},
        {"batch_size": [32, 16, 8]},
        {"frozen_layers": 0.5, "head_learning_rate_factor": {"low": 1, "high": 50, "log": True}},
    ],
)
def test_what_optuna_refuses_under_one_name_is_stored_under_another_and_read_under_the_plain_one(
    database: Database, entries: dict[str, Any]
) -> None:
    study = Edited(database)
    for _ in range(3):
        study.train()
    assert study.edit(entries)
    drawn = [study.train() for _ in range(3)]
    assert {name for name in drawn[-1].trial.params if "#" in name} <= {f"{name}#2" for name in entries}
    for trial, read in zip(drawn, History(database, study.record).trials()[3:], strict=True):
        assert set(read.hyperparameters) == set(study.versions.current.parameters)
        assert trial.hyperparameters is not None
        point = trial.hyperparameters.to_dict()
        assert {name: point[name] for name in read.hyperparameters} == read.hyperparameters
    shown = PlainStorage(database.optuna_reader).get_all_trials(study.record.id)  # as the dashboard has them
    names = [*SPACE.parameters, *(name for name in entries if name not in SPACE.parameters)]
    assert {name for each in shown for name in each.params} == set(names)
    for each in shown:
        internal = {name: kind.to_internal_repr(each.params[name]) for name, kind in each.distributions.items()}
        assert all(kind._contains(internal[name]) for name, kind in each.distributions.items())


def test_an_edit_that_is_taken_back_leads_to_the_names_that_were(database: Database) -> None:
    study = Edited(database)
    study.train()
    study.edit({"batch_size": [16, 32]})
    study.train()
    study.edit({"batch_size": [8, 16, 32, 64, 128]})
    assert set(study.train().trial.params) == set(SPACE.parameters)
    assert len(study.seen()) == 3


def test_a_trial_that_has_begun_goes_on_with_its_values_whatever_becomes_of_the_space(
    database: Database, other: Database
) -> None:
    study = Edited(database)
    lease, begun = study.begin(study.ledger())
    assert Slots(database, study.record.id).release(lease, state=SlotState.INTERRUPTED, reason="test")
    study.edit({"batch_size": [8], "learning_rate": {"low": 5e-4, "high": 6e-4}, "dropout": 0.1})
    elsewhere = Edited.__new__(Edited)
    elsewhere.database = other
    _, again = elsewhere.begin(elsewhere.ledger())
    assert (again.number, again.hyperparameters) == (0, begun.hyperparameters)
    assert again.hyperparameters is not None
    assert (again.hyperparameters.learning_rate, again.hyperparameters.batch_size) == (1e-4, 32)
    assert again.complaint is None


def test_a_trial_that_waits_with_given_values_belongs_to_the_newest_space_in_which_they_are_whole(
    database: Database,
) -> None:
    study = Edited(database, first=WHOLE)
    study.edit({"batch_size": [8, 32], "weight_decay": [0.0, 0.01, 0.1]})  # has the values of trial 0
    study.edit({"batch_size": [8], "lr_scheduler_type": ["linear", "cosine"]})  # has them not
    trial = study.train()
    assert trial.hyperparameters == Hyperparameters.from_values(WHOLE)  # type: ignore[arg-type]
    assert {"batch_size#2", "weight_decay#2", "lr_scheduler_type"} <= trial.trial.params.keys()
    assert study.seen() == []
    study.edit({"batch_size": [8, 32]})
    assert [each.number for each in study.seen()] == [0]


@pytest.mark.parametrize(
    "sampler",
    ["random", "qmc", {"name": "gp", "n_startup_trials": 2}, {"name": "cmaes", "n_startup_trials": 2}],
    ids=str,
)
def test_the_other_samplers_go_on_as_well(database: Database, sampler: Any) -> None:
    study = Edited(database, sampler=sampler)
    for _ in range(4):
        study.train()
    edits: list[dict[str, Any]] = [
        {"learning_rate": {"low": 5e-5}},
        {"batch_size": [16, 32, 64], "dropout": 0.1},
        {"dropout": [0, 0.1]},
    ]
    for entries in edits:
        study.edit(entries)
        for _ in range(2):
            trial = study.train()
            assert trial.hyperparameters is not None
            point = trial.hyperparameters.to_dict()
            space = study.versions.current
            assert all(space.parameters[name].contains(point[name]) for name in space.parameters)  # type: ignore[arg-type]


def test_a_trial_with_the_values_of_one_before_the_edit_is_its_twin(database: Database) -> None:
    study = Edited(database, first=WHOLE)
    first = study.train()
    study.edit({name: value for name, value in WHOLE.items() if name != "learning_rate"})
    study.edit({"learning_rate": {"low": 1e-4, "high": 1e-4}})
    _, second = study.begin(study.ledger())
    assert second.trial.params != first.trial.params, "they have other names"
    spaces, record = study.versions, study.record
    trials = OptunaTrials(database, record, LiveConfig(parse_stored(record.config, source="s.yaml")), spaces)
    assert trials.twin(second, ()) == first.number


def test_trial_0_stays_the_recipe_where_an_edit_before_it_adds_a_parameter(database: Database) -> None:
    study = Edited(database, first=WHOLE)
    study.edit({"layerwise_lr_decay": {"low": 0.3, "high": 0.6}, "batch_size": [16, 32]})
    first, second = study.train(), study.train()
    assert first.hyperparameters is not None
    assert second.hyperparameters is not None
    assert first.hyperparameters == Hyperparameters.from_values(WHOLE), "nothing of it is drawn"
    assert second.hyperparameters.layerwise_lr_decay < 1.0
    assert [each.number for each in study.seen()] == [1]


def test_a_trial_that_had_what_the_space_no_longer_searches_lies_outside_unless_that_is_the_default(
    database: Database,
) -> None:
    study = Edited(database)
    study.train()
    study.edit({"layerwise_lr_decay": {"low": 0.3, "high": 0.6}})
    study.train()
    study.edit({"layerwise_lr_decay": None})
    assert [each.number for each in study.seen()] == [0]


def test_a_machine_that_has_yet_to_hear_of_an_edit_gives_a_later_trial_back(
    database: Database, other: Database
) -> None:
    study, late = Edited(database), Edited.__new__(Edited)
    late.database = other
    asleep = late.ledger()
    study.train()
    study.edit({"batch_size": [256, 512]})
    lease, begun = study.begin(study.ledger())
    assert Slots(database, study.record.id).release(lease, state=SlotState.INTERRUPTED, reason="test")
    study.edit({"batch_size": [8, 16, 32, 64, 128]})
    claimed = asleep.claim(())
    assert claimed is not None
    with pytest.raises(LeaseLost, match="the search space was edited"):
        asleep.begin(claimed[0])
    _, again = study.begin(study.ledger())
    assert (again.number, again.hyperparameters) == (begun.number, begun.hyperparameters)
    assert again.trial.params == begun.trial.params
