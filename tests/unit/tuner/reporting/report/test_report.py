from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from storage import Database, History, Studies, StudyRecord
from tuner.reporting.json_text import json_text
from tuner.reporting.report.report import Examined, Report, report_of
from tuner.reporting.views import best_view, show_view, status_view
from tuner.study.study_file import parse_config


def test_the_numbers_are_those_of_the_reading_commands(opened: tuple[Database, StudyRecord], report: Report) -> None:
    database, study = opened
    told = report.to_dict()
    assert told["status"] == status_view(database, study)
    assert told["best"] == best_view(database, study)
    assert told["trials"] == [show_view(study, trial) for trial in History(database, study).trials()]
    assert told["errors"] == report.examined.mistakes
    assert json.loads(json_text(told))["study"] == "s"


def test_the_cost_is_the_sum_of_the_trials(report: Report) -> None:
    cost = report.to_dict()["cost"]
    assert cost["device_s"] == report.status["spent"]["device_s"] == math.fsum(t["device_s"] for t in report.trials)
    assert cost["runs"] == report.status["spent"]["runs"] == 5.0
    assert cost["by_state"] == {"complete": 7.5, "failed": 2.5, "pruned": 2.5}
    assert cost["by_device"] == {"cpu": 12.5}
    assert cost["pruned_share"] == pytest.approx(0.2)


def test_the_first_sentence_names_the_best_trial_with_the_rows_that_it_gets_right(report: Report) -> None:
    assert report.sentences[0] == "Trial 1 is the best: accuracy 0.8000, 32 of 40 right."
    assert any("within the noise" in sentence for sentence in report.sentences)


def test_the_way_to_repeat_it_has_commands_versions_and_a_study_file_without_folders(report: Report) -> None:
    repeat = report.to_dict()["repeat"]
    commands = [each["command"] for each in repeat["commands"]]
    assert commands == ["tuner start s.yaml", "tuner script s 1", "tuner refit s DIR", "tuner export s DIR"]
    assert (repeat["versions"], repeat["seed"]) == ({"torch": "2.13.0"}, 0)
    assert "/home/me" not in repeat["study_file"]
    assert report.data.source == "d.csv"


def test_a_study_without_a_complete_trial_has_a_report_that_says_so(tmp_path: Path) -> None:
    document = {"name": "new", "model": "m/m", "data": {"source": "d/d"}, "budget": {"trials": 4}}
    config = parse_config(document, source="new.yaml", folder=tmp_path)
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        study = Studies(database).create(
            "new", direction="maximize", config=config.to_dict(), facts={}, trials=4, first={}
        )
        report = report_of(database, study, Examined(missing="None."), version="1", written="now")
    assert report.sentences == ("No trial is complete yet; 0 of 4 have begun.",)
    assert report.to_dict()["best"] is None
    assert report.cost.pruned_share is None
    assert [each["command"] for each in report.to_dict()["repeat"]["commands"]] == ["tuner start new.yaml"]


def test_the_best_of_a_study_that_goes_on_is_the_best_so_far(tmp_path: Path, run: Callable[..., None]) -> None:
    document = {"name": "new", "model": "m/m", "data": {"source": "d/d"}, "budget": {"trials": 4}}
    config = parse_config(document, source="new.yaml", folder=tmp_path)
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        study = Studies(database).create(
            "new", direction="maximize", config=config.to_dict(), facts={}, trials=4, first={}
        )
        run(database, study, TrialState.COMPLETE, (0.5, 0.6))
        report = report_of(database, study, Examined(), version="1", written="now")
    assert report.sentences[0] == "Trial 0 is the best so far: accuracy 0.6000."
