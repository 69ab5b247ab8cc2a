"""The upgrade of a database of version 0.1, whose steps are tenths: all of it, at once, or nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from earlier.databases import place, transplant
from earlier.percents import trial_in_percents
from storing import begin, content, optuna_study

from storage import (
    Database,
    DatabaseBusy,
    DatabaseOutdated,
    EventKind,
    Slots,
    Studies,
    StudyState,
    fenced,
    new_owner,
    tables,
    upgrades,
)
from storage.clock import now_s
from tuner.cli.main import group

TENTHS = range(1, 11)
ATTRIBUTES = sa.table("trial_user_attributes", *map(sa.column, ("trial_id", "key", "value_json")))
#: Beginnings of the statements that change tables or rows.
CHANGES = ("ALTER", "CREATE", "DROP", "UPDATE", "INSERT", "DELETE")


@pytest.fixture
def earlier(storage_url: str, tmp_path: Path) -> str:
    """A study that version 0.1 left with trials of every kind."""
    placed = place("interrupted", tmp_path)
    if placed != storage_url:
        transplant(placed, storage_url)
    return storage_url


def upgrade(url: str) -> tuple[int, int]:
    with Database(url, outdated=True) as database:
        return upgrades.upgrade(database)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(query))]
    engine.dispose()
    return found


def attributes_of(url: str, trial_id: int) -> dict[str, str]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        query = sa.select(ATTRIBUTES.c.key, ATTRIBUTES.c.value_json).where(ATTRIBUTES.c.trial_id == trial_id)
        found = {row.key: row.value_json for row in connection.execute(query)}
    engine.dispose()
    return found


def execute(url: str, *statements: Any) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement) if isinstance(statement, str) else statement)
    engine.dispose()


def kept(url: str) -> dict[str, list[str]]:
    """Return every row of Optuna's tables, and of ours the columns and tables of version 0.1."""
    added = {"stored_bytes", "reserved_bytes", "first_rung", "target", "arm"}
    with Database(url, outdated=True) as database, database.read() as connection:
        found = content(database)
        for table in tables.metadata.sorted_tables:
            if table is not tables.plans:
                columns = [column for column in table.columns if column.name not in added]
                found[table.name] = sorted(repr(tuple(row)) for row in connection.execute(sa.select(*columns)))
    return found


def trials_of(url: str) -> Any:
    done = CliRunner().invoke(group, ["trials", "interrupted", "--json", "--storage", url], catch_exceptions=False)
    return json.loads(done.stdout)["trials"]


@pytest.fixture
def expected() -> list[dict[str, Any]]:
    """The trials, in percents."""
    told = json.loads((Path(__file__).parents[1] / "earlier/interrupted/read.json").read_text(encoding="utf-8"))
    return [trial_in_percents(trial) for trial in told["trials"]["trials"]]


def beat(url: str, owner: str, *, host: str = "elsewhere", pid: int = 4711, lane: int = 0, seconds: float = 60) -> None:
    """Write a worker's heartbeat as version 0.1 does."""
    values = {"owner": owner, "lane": lane, "study_id": 1, "host": host, "pid": pid, "device": "cpu"}
    execute(url, tables.workers.insert().values(**values, beat=now_s(), expires=now_s() + seconds))


# ---- what it makes of each row ----


def test_ten_evaluations_become_percents_although_the_first_takes_the_step_of_the_last(earlier: str) -> None:
    before = rows(earlier, "SELECT step, intermediate_value FROM trial_intermediate_values WHERE trial_id = 1")
    assert sorted(step for step, _ in before) == list(TENTHS)
    told = {key: json.loads(value) for key, value in attributes_of(earlier, 1).items()}
    assert upgrade(earlier) == (3, 4)
    after = rows(earlier, "SELECT step, intermediate_value FROM trial_intermediate_values WHERE trial_id = 1")
    assert sorted(after) == sorted((10 * step, value) for step, value in before)
    found = {key: json.loads(value) for key, value in attributes_of(earlier, 1).items()}
    assert {key: found[key] for key in found if key.startswith("evaluation:")} == {
        f"evaluation:{10 * tenth:03d}": {**told[f"evaluation:{tenth:02d}"], "step": 10 * tenth} for tenth in TENTHS
    }
    assert (told["best_step"], found["best_step"]) == (10, 100)
    assert found["effective"] == told["effective"]


def test_slots_get_their_bytes_and_the_study_goes_on_with_the_search_it_had(earlier: str) -> None:
    with Database(earlier, outdated=True) as database:
        facts = {
            **Studies(database).get("interrupted").facts,
            "file_values": {"pruner": {"min_resource": 1}, "keep": 1},
        }
        with database.write() as connection:
            connection.execute(tables.studies.update().values(facts=facts))
    upgrade(earlier)
    with Database(earlier) as database:
        study = Studies(database).get("interrupted")
        slots = Slots(database, study.id).all()
    assert study.config["search"] == "plain"
    pruner = study.config["pruner"]
    assert (pruner["name"], pruner["n_warmup_steps"], pruner["min_resource"]) == ("percentile", 80, 20)
    assert (pruner["n_startup_trials"], pruner["n_min_trials"]) == (1, 1)
    assert study.facts["file_values"] == {"pruner": {"min_resource": 10}, "keep": 1}
    columns = "slot, stored_bytes, reserved_bytes, first_rung, target"
    stored = {slot.slot: slot.checkpoints.bytes for slot in slots}
    assert sum(stored.values()) > 1000
    assert sorted(rows(earlier, f"SELECT {columns} FROM tuner_slots")) == [
        (slot, total, 0, None, None) for slot, total in sorted(stored.items())
    ]
    assert rows(earlier, "SELECT * FROM tuner_plans") == []


def test_a_study_of_optunas_own_in_the_same_database_stays_as_it_is(earlier: str) -> None:
    storage = optuna.storages.RDBStorage(earlier)
    study = optuna.create_study(storage=storage, study_name="theirs")
    for _ in range(2):
        trial = study.ask()
        for tenth in TENTHS:
            trial.report(tenth / 10, tenth)
            trial.set_user_attr(f"evaluation:{tenth:02d}", {"step": tenth})
        trial.set_user_attr("best_step", 3)
    before = {trial.number: (trial.intermediate_values, trial.user_attrs) for trial in study.trials}
    storage.remove_session()
    storage.engine.dispose()
    upgrade(earlier)
    with Database(earlier) as database:
        found = optuna_study(database, "theirs").trials
        assert {trial.number: (trial.intermediate_values, trial.user_attrs) for trial in found} == before


def test_upgraded_tables_are_those_that_are_made_today(earlier: str, request: pytest.FixtureRequest) -> None:
    kind = sa.make_url(earlier).get_backend_name()
    today = request.getfixturevalue(
        {"postgresql": "postgres_tables", "mysql": "mariadb_tables"}.get(kind, f"{kind}_tables")
    )

    def described(url: str) -> dict[str, Any]:
        engine = sa.create_engine(url)
        inspector = sa.inspect(engine)
        found = {
            table: (
                {column["name"]: (repr(column["type"]), column["nullable"]) for column in inspector.get_columns(table)},
                inspector.get_pk_constraint(table)["constrained_columns"],
                inspector.get_table_options(table),
            )
            for table in inspector.get_table_names()
            if table.startswith("tuner_")
        }
        engine.dispose()
        return found

    upgrade(earlier)
    assert described(earlier) == described(f"sqlite:///{today}" if kind == "sqlite" else today)


def test_the_trials_go_on_and_report_in_percents(earlier: str) -> None:
    upgrade(earlier)
    with Database(earlier) as database:
        slots = Slots(database, 1)
        Studies(database).set_state(1, StudyState.OPEN)
        lease, trial = begin(slots, optuna_study(database, "interrupted"))
        reported = dict(trial._cached_frozen_trial.intermediate_values)
        assert max(reported) < 100
        assert all(step % 10 == 0 for step in reported)
        with fenced(lease, kind=EventKind.REPORT, values={"step": 100, "value": 0.5}):
            trial.report(0.5, 100)
        assert optuna_study(database, "interrupted").trials[trial.number].last_step == 100


# ---- rows that version 0.1 has not written ----


def test_values_that_version_0_1_cannot_have_written_stay_and_hinder_nothing(
    earlier: str, expected: list[dict[str, Any]]
) -> None:
    strange = {
        "evaluation:": "{}",
        "evaluation:1": '{"step": 1}',
        "evaluation:0x": '{"step": 1}',
        "evaluation:20": "no JSON",
        "evaluation:30": "[" * 100_000,
        "evaluation:60": "[6]",
        "evaluation:70": '{"step": 7}',  # whose new name is taken
        "evaluation:700": '{"step": null}',
    }
    # A trial without evaluations of its own.
    trial = rows(earlier, "SELECT trial_id FROM tuner_slots WHERE trial_number = 3")[0][0]
    other = {"pruner": "median"}, [1], "word"
    execute(
        earlier,
        *(ATTRIBUTES.insert().values(trial_id=trial, key=key, value_json=value) for key, value in strange.items()),
        ATTRIBUTES.insert().values(trial_id=trial, key="evaluation:40", value_json='{"step": "4"}'),
        *(
            tables.slots.update().where(tables.slots.c.slot == slot).values(checkpoint=stored)
            for slot, stored in ((1, [1]), (2, {"resume": 3, "best": [7]}), (3, "word"))
        ),
        *(
            sa.insert(tables.studies).values(
                study_id=number, name=f"strange {number}", config=config, facts={}, state="open", wall_s=0, created=0
            )
            for number, config in enumerate(other, start=90)
        ),
    )
    assert upgrade(earlier) == (3, 4)
    assert trials_of(earlier) == expected
    found = attributes_of(earlier, trial)
    assert {key: found.get(key) for key in strange} == strange
    assert found["evaluation:400"] == '{"step": "4"}'
    with Database(earlier) as database, database.read() as connection:
        query = sa.select(tables.studies.c.config).where(tables.studies.c.study_id >= 90)
        configs = connection.execute(query.order_by(tables.studies.c.study_id)).scalars().all()
    assert configs == [{"pruner": "median", "search": "plain"}, [1], "word"]


# ---- while workers run ----


def test_while_workers_of_the_earlier_version_run_nothing_is_upgraded(earlier: str) -> None:
    beat(earlier, new_owner())
    beat(earlier, "second-12-abc", host="second", pid=12, lane=0)
    beat(earlier, "second-12-abc", host="second", pid=12, lane=1)
    before = kept(earlier)
    with pytest.raises(DatabaseBusy) as caught:
        upgrade(earlier)
    told = str(caught.value)
    for part in ("process 4711 on elsewhere", "process 12 on second", "Ctrl-C", "SIGTERM", "counts as gone in"):
        assert told.count(part) == 1, told
    assert "\n" not in told
    assert kept(earlier) == before
    with pytest.raises(DatabaseOutdated, match="has tables of version 3"):
        Database(earlier)
    execute(earlier, "DELETE FROM tuner_workers WHERE pid IN (12, 4711)")
    assert upgrade(earlier) == (3, 4)


def test_workers_that_have_ended_hinder_no_upgrade(earlier: str, dead_owner: str) -> None:
    beat(earlier, dead_owner)
    beat(earlier, "elsewhere-4711-abc", seconds=-1)
    assert upgrade(earlier) == (3, 4)


# ---- what is interrupted ----


def die_at(number: int, url: str, point: str) -> None:
    import os
    import signal

    from storage import Database, crash_points
    from storage.upgrades import upgrade

    def die(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    crash_points.hook = die
    with Database(url, outdated=True) as database:
        upgrade(database)


@pytest.mark.rest
def test_an_upgrade_that_is_killed_leaves_the_rows_as_they_were_and_is_made_by_the_next_one(
    earlier: str, expected: list[dict[str, Any]], race: Callable[..., list[Any]]
) -> None:
    before = kept(earlier)
    for point in ("altered", "converted"):
        assert race(die_at, 1, earlier, point) == ["killed"]
        with pytest.raises(DatabaseOutdated, match="has tables of version 3"):
            Database(earlier)
        assert kept(earlier) == before
    assert race(die_at, 1, earlier, "upgraded") == ["killed"]  # before Optuna's tables are
    assert upgrade(earlier) == (4, 4)
    assert trials_of(earlier) == expected


@contextmanager
def failing_once(database: Database, failed: set[tuple[str, int]]) -> Iterator[None]:
    """Have the first change fail that is not in the set, into which it is then put."""
    times: Counter[str] = Counter()

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith(CHANGES):
            times[statement] += 1
            if (change := (statement, times[statement])) not in failed:
                failed.add(change)
                raise RuntimeError("the power went out")

    sa.event.listen(database.engine, "before_cursor_execute", fail)
    yield
    sa.event.remove(database.engine, "before_cursor_execute", fail)


def test_whichever_change_fails_the_rows_stay_and_the_next_upgrade_makes_all(
    earlier: str, expected: list[dict[str, Any]]
) -> None:
    before = kept(earlier)
    failed: set[tuple[str, int]] = set()
    while True:
        with Database(earlier, outdated=True) as database, failing_once(database, failed):
            try:
                assert upgrades.upgrade(database)[1] == 4
                break
            except RuntimeError:
                if any("optuna=" in statement for statement, _ in failed):
                    continue  # the last change: our tables are upgraded
        assert kept(earlier) == before, failed
    assert len(failed) >= 12
    assert trials_of(earlier) == expected
