"""A study of a few trials, whose names and texts are those of a hostile user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from storage import LEASE_S, Database, Slots, Studies, StudyRecord, fenced, tables
from tuner.reporting.report.report import Examined, Report, report_of
from tuner.study.study_file import parse_config

#: What would run, load, close or change something in a page, a table or a drawing that does not escape it.
HOSTILE = "</text></svg></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&|`*_[x](y) $\\frac{1}{2}$ 版"
WORDS = ["linear", HOSTILE]
#: By trial: state, values at 50 and 100 %, rate and schedule.
TRIALS = [
    (TrialState.COMPLETE, (0.60, 0.70), 5e-5, 0),
    (TrialState.COMPLETE, (0.55, 0.80), 1e-4, 1),
    (TrialState.PRUNED, (0.40,), 1e-3, 0),
    (TrialState.COMPLETE, (0.60, 0.75), 2e-4, 0),
    (TrialState.FAIL, (), 1e-2, 1),
]
#: The hyperparameters of each trial.
POINTS = [{"learning_rate": rate, "lr_scheduler_type": WORDS[word]} for _, _, rate, word in TRIALS]


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, StudyRecord]]:
    """A finished study of five trials. For reading alone."""
    folder = tmp_path_factory.mktemp("report")
    document = {"name": "s", "model": "m/m", "data": {"source": "/home/me/d.csv"}, "budget": {"trials": len(TRIALS)}}
    config = parse_config(document, source="s.yaml", folder=folder)
    facts = {
        "family": "minilm",
        "sizes": {"train": 60, "validation": 40, "test": 20},
        "labels": ["good", HOSTILE],
        "data": "0123",
        "versions": {"torch": "2.13.0"},
        "guess": 0.5,
        "looks": [50, 100],
        "space": {"learning_rate": {"type": "float", "low": 1e-5, "high": 1e-1, "log": True}},
    }
    with Database(f"sqlite:///{folder}/t.db", create=True) as database:
        study = Studies(database).create(
            "s",
            direction="maximize",
            config=config.to_dict(),
            facts=facts,
            trials=len(TRIALS),
            first=POINTS[0],
            queued=POINTS[1:],
        )
        for state, values, _, _ in TRIALS:
            run_trial(database, study, state, values)
        with database.write() as connection:
            connection.execute(tables.slots.update().values(device_s=2.5))
        yield database, study


def run_trial(database: Database, study: StudyRecord, state: TrialState, values: tuple[float, ...]) -> None:
    """Run the next trial as a supervisor does."""
    claimed = Slots(database, study.id).claim("host-1-abcdef01", LEASE_S)
    assert claimed is not None
    lease, _ = claimed
    loaded = optuna.load_study(study_name=study.name, storage=database.optuna_storage)
    with fenced(lease, asking=True):
        trial = loaded.ask()
    trial.suggest_float("learning_rate", 1e-5, 1e-1, log=True)
    trial.suggest_categorical("lr_scheduler_type", WORDS)
    trial.suggest_categorical("batch_size", [16])
    trial.set_user_attr("effective", {"device_name": "cpu"})
    trial.set_user_attr("device_name", "cpu")
    for step, value in zip((50, 100), values, strict=False):
        trial.set_user_attr(f"evaluation:{step:03}", {"step": step, "value": value, "optimiser_steps": step})
        with fenced(lease, kind="report", values={"step": step, "value": value}):
            trial.report(value, step)
    if state != TrialState.COMPLETE:
        trial.set_user_attr("reason", f"pruned: {HOSTILE}")
    with fenced(lease, ending=True, values={"detail": state.name.lower()}):
        loaded.tell(trial, max(values) if state == TrialState.COMPLETE else None, state=state)


def mistakes() -> dict[str, Any]:
    """Return what `tuner errors --json` may print."""
    row = {
        "row": 3,
        "place": f"{HOSTILE}.csv, line 4",
        "text": f"{HOSTILE} {'very ' * 300}long",
        "label": "good",
        "predictions": [
            {"trial": 0, "label": HOSTILE, "confidence": 0.75},
            {"trial": 1, "label": "good", "confidence": 0.9},
        ],
    }
    score = {"rows": 20, "precision": 0.9, "recall": None, "f1": 0.8}
    return {
        "study": "s",
        "split": "validation",
        "trial": 1,
        "recipe_trial": 0,
        "rows": 40,
        "right": 32,
        "labels": ["good", HOSTILE],
        "classes": [{"label": "good", **score}, {"label": HOSTILE, **score}],
        "confusion": [[15, 5], [3, 17]],
        "calibration": {"error": 0.1, "confidence": 0.85},
        "alone": {"winner": 1, "recipe": 0},
        "confident_mistakes": [row],
        "only_winner": [row],
        "only_recipe": [],
    }


def account() -> dict[str, Any]:
    """Return what `tuner check --json` may print of the data."""
    return {
        "reading": [HOSTILE],
        "rows": {
            "read": 125,
            "used": 120,
            "left_out": [{"reason": "that stand twice", "count": 5}],
            "splits": {"train": 60, "validation": 40, "test": 20},
            "classes": {
                "good": {"train": 30, "validation": 20, "test": 10},
                HOSTILE: {"train": 30, "validation": 20, "test": 10},
            },
        },
        "guess": 0.5,
        "lengths": {
            "median": 20,
            "longest": 300,
            "keeps_95": 140,
            "limit": 128,
            "texts_cut": 0.06,
            "tokens_cut": 0.021,
        },
        "warnings": [f"the file {HOSTILE} is odd"],
    }


@pytest.fixture(scope="session")
def hostile() -> str:
    """A text of a hostile user that stands in the study's classes, rows, hyperparameters and reasons."""
    return HOSTILE


@pytest.fixture(scope="session")
def run() -> Callable[..., None]:
    """Run the next trial of a study; see `run_trial`."""
    return run_trial


@pytest.fixture(scope="session")
def report(opened: tuple[Database, StudyRecord]) -> Report:
    """The report of that study, with examples."""
    examined = Examined(account=account(), mistakes=mistakes())
    return report_of(*opened, examined, version="1.2", written="2026-12-01T00:00:00Z")


@pytest.fixture(scope="session")
def without_examples(report: Report) -> Report:
    """The same without examples."""
    missing = Examined(missing=f"This machine could not judge: {HOSTILE}.")
    return replace(report, examined=missing, data=replace(report.data, account=None))
