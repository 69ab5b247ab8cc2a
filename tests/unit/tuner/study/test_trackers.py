from __future__ import annotations

import sys
from typing import Any

import pytest

from tuner.errors import ConfigError
from tuner.study.config import StudyConfig
from tuner.study.trackers import TrackerName, check_trackers, tracked_study


def read(**keys: Any) -> list[str]:
    config = StudyConfig.model_validate({"name": "reviews", "train": "module:function", **keys})
    return [str(name) for name in config.report_to]


def test_trackers_are_a_list_or_one_word() -> None:
    assert read() == read(report_to="none") == read(report_to=[]) == []
    assert read(report_to="wandb") == ["wandb"]
    assert read(report_to=["mlflow", "tensorboard", "mlflow"]) == ["mlflow", "tensorboard"]
    with pytest.raises(ValueError, match="'tensorboard', 'wandb', 'mlflow' or 'trackio'"):
        read(report_to="comet")


@pytest.mark.parametrize("name", list(TrackerName))
def test_a_tracker_whose_package_is_missing_is_named_with_what_installs_it(
    name: TrackerName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError) as refused:
        check_trackers([name], source="study.yaml")
    assert str(refused.value) == f"study.yaml: report_to: {name} needs a package; pip install 'shichimi[{name}]'"


def test_the_names_of_runs_are_those_of_one_study_wherever_it_goes_on() -> None:
    facts = {"identity": "a1", "data": "x", "weights": "y", "file_budget": {"trials": 3}}
    here, there = (
        tracked_study("reviews", "loss", facts),
        tracked_study("reviews", "loss", {**facts, "file_budget": {}}),
    )
    assert here.run_name(3) == there.run_name(3)
    others = (("reviews", {**facts, "identity": "a2"}), ("reviews.refit-1", facts), ("reviews", {"data": "x"}))
    names = {tracked_study(name, "loss", each).run_name(3) for name, each in others}
    assert len(names | {here.run_name(3)}) == 4
