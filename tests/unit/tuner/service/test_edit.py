from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import Database, Events, Slots, Studies
from tuner.errors import ConfigError, TunerError
from tuner.service.edit import edit
from tuner.study.study_file import parse_config

DOCUMENT: dict[str, Any] = {"name": "s", "train": "own:train", "budget": {"trials": 4}, "pruner": "none"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    config = parse_config(DOCUMENT, source="s.yaml", folder=tmp_path)
    with Database(f"sqlite:///{tmp_path}/tuner.db", create=True) as opened:
        Studies(opened).create("s", direction="maximize", config=config.to_dict(), facts={"a": 1}, trials=4, first={})
        yield opened


def test_an_edit_changes_what_is_named_and_nothing_else(database: Database) -> None:
    studies = Studies(database)
    before = studies.get("s")
    lines = edit(database, before, {"budget": {"time": 60.0, "trials": 6}, "keep": 2})
    assert lines == ["budget.time: none -> 1m", "budget.trials: 4 -> 6", "keep: 1 -> 2"]
    after = studies.get("s")
    assert after.config == {
        **before.config,
        "keep": 2,
        "budget": {**before.config["budget"], "time": 60.0, "trials": 6},
    }
    assert len(Slots(database, after.id).all()) == 6
    (event,) = Events(database, after.id).all()
    assert (event.kind, event.detail) == ("edited", "; ".join(lines))


def test_the_values_of_the_file_are_remembered_through_several_edits(database: Database) -> None:
    studies = Studies(database)
    for keep in (2, 3):
        edit(database, studies.get("s"), {"keep": keep})
    facts = studies.get("s").facts
    assert facts["a"] == 1
    assert facts["file_values"]["keep"] == 1
    assert "budget" not in facts["file_values"]


def test_two_edits_of_what_both_have_read_are_both_kept(database: Database) -> None:
    studies = Studies(database)
    both_read = studies.get("s")
    edit(database, both_read, {"budget": {"time": 60.0}})
    assert edit(database, both_read, {"budget": {"trials": 6}}) == ["budget.trials: 4 -> 6"]
    budget = studies.get("s").config["budget"]
    assert (budget["time"], budget["trials"]) == (60.0, 6)


def test_an_edit_without_a_difference_leaves_no_trace(database: Database) -> None:
    record = Studies(database).get("s")
    assert edit(database, record, {"budget": {"trials": 4}, "pruner": {"name": "none"}}) == []
    assert Studies(database).get("s") == record
    assert Events(database, record.id).all() == []


@pytest.mark.parametrize(
    ("changes", "key"), [({"pruner": "no-such"}, "pruner.name"), ({"budget": {"trials": 0}}, "budget.trials")]
)
def test_an_edit_that_cannot_be_changes_nothing(database: Database, changes: dict[str, Any], key: str) -> None:
    record = Studies(database).get("s")
    with pytest.raises(ConfigError) as caught:
        edit(database, record, {**changes, "keep": 2})
    assert caught.value.key == key
    assert Studies(database).get("s") == record


def test_a_stopped_study_is_not_edited(database: Database) -> None:
    studies = Studies(database)
    studies.set_state(studies.get("s").id, "stopped")
    with pytest.raises(TunerError, match="was stopped"):
        edit(database, studies.get("s"), {"keep": 2})


def test_the_trackers_of_a_study_can_be_changed(database: Database) -> None:
    studies = Studies(database)
    assert edit(database, studies.get("s"), {"report_to": ["mlflow"]}) == ["report_to: [] -> ['mlflow']"]
    assert edit(database, studies.get("s"), {"report_to": None}) == ["report_to: ['mlflow'] -> []"]
    with pytest.raises(ConfigError, match="report_to"):
        edit(database, studies.get("s"), {"report_to": ["comet"]})
