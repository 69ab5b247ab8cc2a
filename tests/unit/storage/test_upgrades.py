from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from storing import LEASE_S, content, create_study

from storage import (
    CheckpointRef,
    Checkpoints,
    CheckpointStore,
    Database,
    DatabaseMissing,
    DatabaseOutdated,
    Events,
    Footprint,
    History,
    MicroBatchLimits,
    Slots,
    Studies,
    Workers,
    tables,
    upgrades,
)
from storage.database import optuna_major
from tuner.study.study_file import parse_config

VERSION_1 = Path(__file__).with_name("version_1.sql").read_text(encoding="utf-8")
VERSION_2 = Path(__file__).with_name("version_2.sql").read_text(encoding="utf-8")
TrialState = optuna.trial.TrialState


@pytest.fixture
def old(path: Path, url: str) -> str:
    """A database of the first version, with Optuna's part of it."""
    storage = optuna.storages.RDBStorage(url)
    study = optuna.create_study(storage=storage, study_name="one", direction="maximize")
    for number in range(6):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.report(number / 10, 1)
        if number < 4:
            study.tell(trial, number / 10)
    storage.remove_session()
    storage.engine.dispose()
    execute(path, "PRAGMA journal_mode=WAL;" + VERSION_1)
    return url


def execute(path: Path, script: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def keep_weights(root: Path, trial: int, weights: bytes) -> None:
    """Keep weights as the first version did."""
    folder = root / f"trial-{trial:05d}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    facts = {"step": 10, "versions": {"torch": "2.11"}}
    files = {"model.safetensors": {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}}
    stored = {"facts": facts, "files": files}
    digest = hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({**stored, "sha256": digest}, indent=1), encoding="utf-8")


def upgrade(url: str) -> tuple[int, int]:
    with Database(url, outdated=True) as database:
        return upgrades.upgrade(database)


def refusal(url: str, **how: bool) -> str:
    with pytest.raises(DatabaseOutdated) as caught:
        Database(url, **how)
    return str(caught.value)


@pytest.mark.parametrize("create", [False, True])
def test_tables_of_an_earlier_version_are_refused_with_the_command_that_mends_it(
    old: str, path: Path, create: bool
) -> None:
    before = dump(path)
    assert refusal(old, create=create) == (
        f"{path} has tables of version 1, this tuner writes version 4; `tuner db upgrade` brings them up to date"
    )
    assert dump(path) == before


def test_an_upgraded_database_has_all_that_was_in_it(old: str) -> None:
    assert upgrade(old) == (1, tables.SCHEMA_VERSION)
    with Database(old) as database:
        record = Studies(database).get("one")
        config = parse_config(record.config, source="the first version", folder=Path("/nowhere"))
        assert (config.name, config.budget.trials, config.train) == ("one", 8, None)
        # What cannot be compared with today's fingerprints is not kept as if it could.
        assert (record.facts, record.state, record.wall_s) == ({"family": "bert", "layers": 6}, "open", 12.5)
        slots = Slots(database, record.id).all()
        assert [(slot.state, slot.trial_number, slot.owner, slot.attempt, slot.crashes) for slot in slots] == [
            ("finished", 0, None, 1, 0),
            ("finished", 1, None, 1, 0),
            ("finished", 2, None, 3, 1),
            ("finished", 3, None, 1, 0),
            ("interrupted", 4, None, 2, 1),
            ("interrupted", 5, None, 1, 0),
            ("empty", None, None, 1, 0),
            ("empty", None, None, 0, 0),
        ]
        assert [slot.device_s for slot in slots] == [10.0, 10.0, 20.0, 10.0, 7.5, 0.0, 0.0, 0.0]
        history = History(database, record)
        assert [trial.state for trial in history.trials()] == ["complete"] * 4 + ["interrupted"] * 2
        assert history.trial(3).value == 0.3
        assert history.trial(4).steps == ((10, 0.4),)
        assert Workers(database, record.id).alive() == []
        assert Events(database, record.id).all() == []


def test_interrupted_trials_go_on_where_they_are_and_empty_slots_get_new_ones(old: str) -> None:
    upgrade(old)
    with Database(old) as database:
        slots = Slots(database, 1)
        claimed = [slots.claim("me", LEASE_S) for _ in range(5)]
        assert [(each[1].slot, each[1].trial_number, each[1].attempt) for each in claimed if each] == [
            (4, 4, 3),
            (5, 5, 2),
            (6, None, 2),
            (7, None, 1),
        ]
        lease = claimed[0][0] if claimed[0] else None
        assert lease is not None
        assert slots.commit(lease, Checkpoints(), optimiser_steps=1, detail="")
        assert [event.kind for event in Events(database, 1).all(trial=4)] == ["claimed", "checkpoint"]


def test_weights_that_were_kept_are_found_by_what_their_slot_says(old: str, tmp_path: Path) -> None:
    keep_weights(tmp_path / "kept" / "one", 3, b"weights of trial 3")
    upgrade(old)
    with Database(old) as database:
        best = History(database, Studies(database).get("one")).trial(3).checkpoints.best
    assert best == CheckpointRef(key="trial-00003", sha256="", bytes=0, optimiser_steps=0)
    store = CheckpointStore(str(tmp_path / "kept"), "one", scratch=tmp_path / "scratch")
    folder, facts = store.fetch(best.key, best.sha256)
    assert (folder / "model.safetensors").read_bytes() == b"weights of trial 3"
    assert facts["step"] == 10
    store.release(folder)
    assert store.trials() == [3]
    store.tidy(3, {best.key})
    assert store.keys(3) == ["trial-00003"]


@pytest.fixture
def second(path: Path, url: str) -> str:
    """A database of the second version, with Optuna's part of it and a study."""
    storage = optuna.storages.RDBStorage(url)
    optuna.create_study(storage=storage, study_name="one", direction="maximize")
    storage.remove_session()
    storage.engine.dispose()
    execute(path, "PRAGMA journal_mode=WAL;" + VERSION_2)
    return url


def test_a_database_of_the_second_version_has_all_that_was_in_it_and_learns_what_fits(second: str) -> None:
    assert upgrade(second) == (2, tables.SCHEMA_VERSION)
    with Database(second) as database:
        assert Studies(database).get("one").config == {"name": "one", "search": "plain"}
        (slot,) = Slots(database, 1).all()
        assert (slot.state, slot.attempt, slot.device_s) == ("empty", 0, 0.0)
        footprint = Footprint(model="weights", frozen=0.5, max_length=128, precision="auto", device="cpu")
        MicroBatchLimits(database).lower(footprint, 4)
        assert MicroBatchLimits(database).fitting(footprint) == 4


@pytest.mark.parametrize("version", ["old", "second"])
def test_upgraded_tables_are_those_that_are_made_today(
    version: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url: str = request.getfixturevalue(version)

    def described(of: Database) -> dict[str, Any]:
        inspector = sa.inspect(of.engine)
        return {
            name: (
                {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)},
                sorted(inspector.get_pk_constraint(name)["constrained_columns"]),
                sorted(
                    tuple(each["column_names"])
                    for each in [*inspector.get_indexes(name), *inspector.get_unique_constraints(name)]
                ),
            )
            for name in inspector.get_table_names()
        }

    path = tmp_path / "fresh.db"
    upgrade(url)
    with Database(url) as upgraded, Database(f"sqlite:///{path}", create=True) as fresh:
        assert fresh.optuna_storage is not None
        assert described(upgraded) == described(fresh)


def test_an_upgraded_database_is_used_like_any_other(old: str) -> None:
    upgrade(old)
    with Database(old, create=True) as database:
        assert create_study(database, "two").state == "open"
        Studies(database).set_state(1, "paused")
        assert Studies(database).count_wall_time(1, 60) == 12.5
        assert Studies(database).names() == ["one", "two"]
        Studies(database).delete("one")


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(database: Database, url: str) -> None:
    create_study(database)
    before, ours = content(database), content(database, ours=True)
    assert upgrade(url) == (4, 4)
    assert content(database) == before
    assert content(database, ours=True) == ours


def test_an_upgrade_that_fails_in_the_middle_leaves_the_earlier_version_whole(old: str, path: Path) -> None:
    with Database(old, outdated=True) as database:
        before, ours = content(database), content(database, ours=True)

        @sa.event.listens_for(database.engine, "before_cursor_execute")
        def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if "UPDATE tuner_slots" in statement:
                raise RuntimeError("the power went out")

        with pytest.raises(RuntimeError, match="the power went out"):
            upgrades.upgrade(database)
        assert content(database) == before
        assert content(database, ours=True) == ours
    assert "has tables of version 1" in refusal(old)
    assert upgrade(old) == (1, 4)


def upgrade_together(number: int, url: str) -> list[int]:
    from storage import Database
    from storage.upgrades import upgrade

    with Database(url, outdated=True) as database:
        return list(upgrade(database))


def test_of_four_that_upgrade_at_once_one_does(old: str, race: Callable[..., list[Any]]) -> None:
    assert sorted(race(upgrade_together, 4, old)) == [[1, 4], [4, 4], [4, 4], [4, 4]]
    with Database(old) as database:
        assert len(Slots(database, 1).all()) == 8


# ---- other versions of Optuna ----


def write_optuna(path: Path, *, library: str | None = None, ours: int | None = None) -> None:
    if library is not None:
        execute(path, f"UPDATE version_info SET library_version = '{library}'")
    if ours is not None:
        execute(path, f"UPDATE tuner_schema SET optuna = {ours}")


@pytest.mark.parametrize("marks", [{"library": "4.5.0"}, {"ours": 4}, {"library": "4.5.0", "ours": 4}])
@pytest.mark.parametrize("create", [False, True])
def test_a_database_that_an_earlier_optuna_has_made_is_refused_until_it_is_upgraded(
    database: Database, path: Path, url: str, marks: dict[str, Any], create: bool
) -> None:
    create_study(database)
    database.close()
    write_optuna(path, **marks)
    told = refusal(url, create=create)
    assert told.startswith(f"{path} was made by Optuna 4, here is Optuna {optuna.__version__}; `tuner db upgrade` ")
    assert upgrade(url) == (4, 4)
    with Database(url) as opened:
        assert Studies(opened).names() == ["one"]
        with opened.read() as connection:
            assert connection.execute(sa.select(tables.schema.c.optuna)).scalar() == optuna_major()
            written = connection.exec_driver_sql("SELECT library_version FROM version_info").scalar()
            assert written == optuna.__version__


@pytest.mark.parametrize("marks", [{"library": "6.0.0"}, {"ours": 6}, {"library": "6.0.0", "ours": 4}])
@pytest.mark.parametrize("how", [{}, {"create": True}, {"outdated": True}])
def test_a_database_that_a_later_optuna_has_made_is_refused_and_never_upgraded(
    database: Database, path: Path, url: str, marks: dict[str, Any], how: dict[str, bool]
) -> None:
    database.close()
    write_optuna(path, **marks)
    told = refusal(url, **how)
    assert told == f"{path} was made by Optuna 6, here is Optuna {optuna.__version__}; install optuna 6"


def test_tables_of_optuna_that_are_of_another_version_are_refused_with_the_command_that_mends_it(
    database: Database, path: Path, url: str
) -> None:
    database.close()
    execute(path, "UPDATE alembic_version SET version_num = 'v3.0.0.d'")
    with Database(url) as opened, pytest.raises(DatabaseOutdated) as caught:
        assert opened.optuna_storage is not None
    assert str(caught.value) == (
        f"the tables of Optuna in {path} are not those of Optuna {optuna.__version__}; "
        "`tuner db upgrade` brings them up to date"
    )


def test_a_database_before_optuna_made_its_tables_is_upgraded_too(path: Path, url: str) -> None:
    execute(path, VERSION_1)
    execute(path, "DELETE FROM tuner_studies; DELETE FROM tuner_slots")
    assert upgrade(url) == (1, 4)
    with Database(url) as opened:
        assert create_study(opened).id == 1


# ---- what is not to be upgraded ----


@pytest.mark.parametrize("how", [{}, {"create": True}, {"outdated": True}])
def test_tables_of_a_later_version_are_refused_and_never_upgraded(
    database: Database, path: Path, url: str, how: dict[str, bool]
) -> None:
    database.close()
    execute(path, "UPDATE tuner_schema SET version = 5")
    assert refusal(url, **how) == (
        f"{path} has tables of version 5, this tuner writes version 4; use the tuner that made them"
    )


def test_what_holds_no_study_is_not_upgraded(path: Path, url: str) -> None:
    with pytest.raises(DatabaseMissing, match="there is no database"):
        Database(url, outdated=True)
    path.touch()
    with pytest.raises(DatabaseMissing, match="holds no study of tuner"):
        Database(url, outdated=True)
    assert path.read_bytes() == b""


# ---- the command ----


def run(url: str, *arguments: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("tuner")), *arguments, "--storage", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_command_upgrades_and_says_so(old: str) -> None:
    code, told = run(old, "list")
    assert code == 78
    assert "`tuner db upgrade`" in told
    assert run(old, "db", "upgrade") == (0, f"{old}: tables of version 4, before 1\n")
    assert run(old, "db", "upgrade") == (0, f"{old}: tables of version 4\n")
    assert run(old, "list")[0] == 0


def test_the_command_names_the_worker_that_it_waits_for_in_one_line(second: str, path: Path) -> None:
    worker = "'elsewhere-7-abc', 0, 1, 'elsewhere', 7, 'cpu', NULL, 0"
    execute(path, f"INSERT INTO tuner_workers VALUES ({worker}, (julianday('now') - 2440587.5) * 86400.0 + 60)")
    code, told = run(second, "db", "upgrade")
    assert code == 1
    assert re.fullmatch(
        rf"Error: {second}: workers of an earlier version still run: process 7 on elsewhere; end them with Ctrl-C or "
        r"SIGTERM, which saves their trials, and upgrade again; a worker that has died counts as gone in \d+ s\n",
        told,
    )
