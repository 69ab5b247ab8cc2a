from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import LEASE_S, Database, EventRecord, Slots, Studies, StudyNotFound, StudyRecord, StudyState
from tuner.service.follow import LOOK_S, follow
from tuner.study.study_file import parse_config


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Database, StudyRecord]]:
    """A study of two trials, none of them begun."""
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}, "budget": {"trials": 2}}
    config = parse_config(document, source="s.yaml", folder=tmp_path).to_dict()
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        yield database, Studies(database).create("s", direction="maximize", config=config, facts={}, trials=2, first={})


def kinds(looks: Iterator[list[EventRecord]]) -> list[list[str]]:
    return [[event.kind for event in events] for events in looks]


def meanwhile(*happenings: Callable[[], object]) -> Callable[[float], None]:
    """Return a sleep in which one thing after another happens."""
    left = list(happenings)

    def sleep(seconds: float) -> None:
        assert seconds == LOOK_S
        left.pop(0)()

    return sleep


def test_what_happens_is_told_once_until_the_study_is_over(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    slots, studies = Slots(database, study.id), Studies(database)
    slots.claim("me", LEASE_S)
    sleep = meanwhile(
        lambda: slots.claim("you", LEASE_S),
        lambda: None,
        lambda: studies.set_state(study.id, StudyState.PAUSED),
        lambda: studies.set_state(study.id, StudyState.STOPPED),
    )
    seen = kinds(follow(database, study, trial=None, notice=lambda _: None, sleep=sleep))
    assert seen == [["claimed"], ["claimed"], ["paused"], ["stopped"]]


def test_an_outage_and_its_end_are_told_once_and_outlasted(
    opened: tuple[Database, StudyRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, study = opened
    slots, studies = Slots(database, study.id), Studies(database)
    told: list[str] = []
    read = Studies.get

    def away(self: Studies, name: str) -> StudyRecord:
        raise sa.exc.OperationalError("SELECT", {}, Exception("database is locked"), connection_invalidated=True)

    sleep = meanwhile(
        lambda: monkeypatch.setattr(Studies, "get", away),
        lambda: slots.claim("me", LEASE_S),
        lambda: monkeypatch.setattr(Studies, "get", read),
        lambda: studies.set_state(study.id, StudyState.STOPPED),
    )
    assert kinds(follow(database, study, trial=None, notice=told.append, sleep=sleep)) == [["claimed"], ["stopped"]]
    gone, back = told
    assert gone.startswith("Warning: the database does not answer, trying again: ")
    assert back == "The database answers again."


def test_a_study_that_is_deleted_meanwhile_ends_it(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    with pytest.raises(StudyNotFound):
        kinds(
            follow(
                database,
                study,
                trial=None,
                notice=lambda _: None,
                sleep=meanwhile(lambda: Studies(database).delete("s")),
            )
        )
