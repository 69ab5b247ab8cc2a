from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import Database, Studies, StudyRecord
from tuner.reporting.events import Notice, TrialEnded
from tuner.search.dashboard_note import note_text
from tuner.study.study_file import parse_config
from tuner.supervisor.background import Background
from tuner.supervisor.call_queue import CallQueue
from tuner.supervisor.note_keeper import NoteKeeper

ENDED = TrialEnded(number=0, state="complete", value=0.5, reason=None, seconds=1.0, finished=1)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Database, StudyRecord]]:
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}, "metric": "loss", "budget": {"trials": 4}}
    config = parse_config(document, source="s.yaml", folder=tmp_path).to_dict()
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        studies = Studies(database)
        yield database, studies.create("s", direction="minimize", config=config, facts={}, trials=4, first={})


def shown(database: Database, study: StudyRecord) -> str:
    return note_text(None, database.optuna_storage.get_study_system_attrs(study.id))


def test_the_note_is_written_after_a_trial_has_ended_and_then_not_at_once_again(
    opened: tuple[Database, StudyRecord],
) -> None:
    database, study = opened
    queue, said = CallQueue(), list[str]()
    background = Background(queue)
    keeper = NoteKeeper(database, "s", background, said.append)
    keeper.take(Notice(text="nothing has changed"))
    keeper.look()
    background.wait(30.0)
    assert shown(database, study) == ""
    keeper.take(ENDED)
    keeper.look()
    background.wait(30.0)
    queue.take()
    assert "## s: interrupted" in shown(database, study)
    Studies(database).set_state(study.id, "stopped")
    keeper.take(ENDED)
    keeper.look()
    background.wait(30.0)
    assert "## s: interrupted" in shown(database, study)
    # At the end of a run it is written whatever was written before.
    keeper.finish()
    assert "## s: stopped" in shown(database, study)
    assert said == []


def test_a_note_that_cannot_be_written_is_told_and_ends_nothing(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    said: list[str] = []
    keeper = NoteKeeper(database, "s", Background(CallQueue()), said.append)
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE study_system_attributes")
    keeper.finish()
    keeper.finish()
    assert len(said) == 1
    assert said[0].startswith("the note that the dashboard shows cannot be written: ")
    assert study.name == "s"
