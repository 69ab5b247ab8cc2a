"""Which tasks there are is known without torch."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from search_spaces import preset_names
from tuner.study import tasks
from tuner.study.config import StudyConfig
from tuner.study.study_file import parse_config
from tuner.study.tasks import DEFAULT_TASK, declaration_of, load_task, task_names

HEAVY = ("torch", "transformers", "datasets", "accelerate", "sklearn", "numpy", "tuner.training.loop")
PROBE = f"""
import sys
from tuner.study.study_file import parse_config
from tuner.study.tasks import declaration_of, task_names
from pathlib import Path
document = {{"name": "s", "model": "a/model", "data": {{"source": "some/data"}}, "metric": "f1_macro"}}
parse_config(document, source="s.yaml", folder=Path("/nowhere"))
assert all(declaration_of(name).metrics for name in task_names())
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""


def test_a_study_file_is_checked_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.split() == []


def test_the_tasks_are_the_modules_of_their_package_the_default_one_first() -> None:
    folder = Path(tasks.__file__).parents[1] / "training" / "tasks"
    modules = {path.stem.replace("_", "-") for path in folder.glob("*_*.py") if not path.stem.startswith("_")}
    assert set(task_names()) == modules
    assert task_names()[0] == DEFAULT_TASK


@pytest.mark.parametrize("name", task_names())
def test_every_task_has_a_search_space_and_metrics_that_improve_in_a_direction(name: str) -> None:
    declaration = declaration_of(name)
    assert declaration.name == name
    assert declaration.preset in preset_names()
    assert {metric.direction for metric in declaration.metrics.values()} <= {"maximize", "minimize"}


def test_the_metric_of_a_study_that_names_none_is_the_first_of_its_task() -> None:
    document = {"name": "s", "model": "m", "data": {"source": "d"}}
    config: StudyConfig = parse_config(document, source="s.yaml", folder=Path("/nowhere"))
    assert config.metric.name == declaration_of(config.task).default_metric == "accuracy"


def test_no_entry_point_takes_the_name_of_a_built_in_task(monkeypatch: pytest.MonkeyPatch) -> None:
    other = EntryPoint(name=DEFAULT_TASK, value="no_such_module:TASK", group=tasks.ENTRY_POINTS)
    monkeypatch.setattr(tasks, "_entry_points", lambda: {DEFAULT_TASK: other})
    assert load_task(DEFAULT_TASK).declaration.name == DEFAULT_TASK
    assert task_names().count(DEFAULT_TASK) == 1
