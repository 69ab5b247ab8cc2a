"""What is true of MariaDB alone: what it says, what its URLs may say, and which servers and tables are refused."""

from __future__ import annotations

import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from earlier.databases import place, transplant
from servers import MariaDBServer
from storing import begin, create_study, expire, optuna_study

from storage import (
    Database,
    DatabaseUnreachable,
    DatabaseUnreadable,
    History,
    Slots,
    Studies,
    crash_points,
    describe_outage,
    fenced,
)
from storage.mysql import MySQL
from storage.upgrades import upgrade

SECRET = "s3cr3t"
DEADLINE_S = 60.0


def with_user(server: MariaDBServer, url: str, *, rights: str = "ALL") -> sa.URL:
    parsed = sa.make_url(url)
    server.create_user("owner", SECRET, parsed.database or "", rights=rights)
    return parsed.set(username="owner", password=SECRET)


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


# ---- what cannot be opened ----


@pytest.mark.parametrize("create", [False, True])
def test_a_database_that_is_not_there_or_not_ours_is_named_without_the_password(
    mariadb_server: MariaDBServer, mariadb_url: str, create: bool
) -> None:
    url = with_user(mariadb_server, mariadb_url).set(database="nosuch").render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnreachable, match="Access denied for user 'owner'@") as caught:
        Database(url, create=create)
    assert f"mysql+pymysql://owner:***@127.0.0.1:{mariadb_server.port}/nosuch cannot be used: " in str(caught.value)
    assert SECRET not in str(caught.value)
    with pytest.raises(DatabaseUnreachable, match=r"Unknown database 'nosuch'$"):
        Database(mariadb_server.url_of("nosuch"), create=create)


def test_without_its_driver_a_database_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    for create in (False, True):
        with pytest.raises(DatabaseUnreachable, match=r"pip install 'shichimi\[mysql\]'"):
            Database("mysql://host/db", create=create)


def test_statements_in_the_binary_log_are_refused(new_mariadb_server: Callable[..., MariaDBServer]) -> None:
    with new_mariadb_server(skip_log_bin="OFF", log_bin="log", binlog_format="STATEMENT") as server:
        url = server.create_database("logged")
        with pytest.raises(DatabaseUnreadable, match="needs binlog_format=MIXED or ROW"):
            Database(url, create=True)
        server.execute("SET GLOBAL binlog_format = MIXED")
        with Database(url, create=True) as database:
            begin(Slots(database, create_study(database).id), optuna_study(database))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"version": "10.5.28-MariaDB-log"}, r"is MariaDB 10.5.28-MariaDB-log; tuner needs MariaDB 10.6 or MySQL 8.0"),
        ({"version": "5.7.44-log"}, "is MySQL 5.7.44-log; tuner needs MariaDB 10.6 or MySQL 8.0"),
        ({"version": "strange"}, "is MySQL strange; "),
        ({"version": "11.4.2-MariaDB", "wsrep_on": "ON"}, "a cluster of several servers that write"),
        ({"version": "8.4.0", "group_replication_single_primary_mode": "OFF"}, "a cluster of several servers that"),
        ({"version": "8.4.0", "log_bin": "ON", "binlog_format": "STATEMENT"}, "needs binlog_format=MIXED or ROW"),
    ],
)
def test_a_server_that_would_not_keep_what_is_written_is_refused(found: dict[str, str], reason: str) -> None:
    with pytest.raises(DatabaseUnreadable, match=reason):
        MySQL(sa.make_url("mysql+pymysql://me:pw@host/db")).check_settings(found)


@pytest.mark.parametrize(
    "found",
    [
        {"version": "10.6.0-MariaDB", "wsrep_on": "OFF", "log_bin": "OFF", "binlog_format": "STATEMENT"},
        {"version": "12.1.2-MariaDB-ubu2404", "log_bin": "ON", "binlog_format": "MIXED"},
        {"version": "8.0.11", "log_bin": "ON", "binlog_format": "ROW", "group_replication_single_primary_mode": "ON"},
        {"version": "9.4.0"},
    ],
)
def test_a_server_that_keeps_what_is_written_is_taken(found: dict[str, str]) -> None:
    MySQL(sa.make_url("mysql+pymysql://me:pw@host/db")).check_settings(found)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("ALTER TABLE tuner_events ENGINE=MyISAM", "table tuner_events is kept by MyISAM, which has no transactions"),
        (
            "ALTER TABLE tuner_studies CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
            "table tuner_studies has collation utf8mb4_unicode_ci, in which different names compare as equal",
        ),
        ("CREATE TABLE studies (study_name VARCHAR(99))", "table studies has collation latin1_swedish_ci"),
    ],
)
def test_tables_that_would_not_keep_what_is_written_are_refused(mariadb_url: str, change: str, reason: str) -> None:
    with Database(mariadb_url, create=True):
        pass
    run(mariadb_url, change)
    for create in (False, True):
        with pytest.raises(DatabaseUnreadable, match=reason):
            Database(mariadb_url, create=create)


def test_tables_of_others_are_nobodys_business(mariadb_url: str) -> None:
    run(mariadb_url, "CREATE TABLE theirs (name VARCHAR(99)) ENGINE=MyISAM")
    with Database(mariadb_url, create=True) as database:
        create_study(database)


# ---- what is kept ----


def test_names_that_differ_in_case_are_two_whatever_the_databases_own_collation(mariadb_url: str) -> None:
    with Database(mariadb_url, create=True) as database:
        for name in ("one", "ONE", "öne"):
            create_study(database, name)
        assert Studies(database).names() == ["one", "ONE", "öne"]
        assert sorted(optuna.get_all_study_names(database.optuna_storage)) == ["ONE", "one", "öne"]
        study = optuna_study(database, "ONE")
        for key in ("a", "A"):
            study.set_user_attr(key, key)
        assert optuna_study(database, "ONE").user_attrs == {"a": "a", "A": "A"}
        assert optuna_study(database, "one").user_attrs == {}


def test_what_is_long_or_has_any_sign_or_many_digits_comes_back_as_it_was(mariadb_url: str) -> None:
    long = "🌶" * 100_000
    value = 0.1234567890123456789e-200
    with Database(mariadb_url, create=True) as database:
        record = create_study(database)
        config = {"z": 1, "a": long, "budget": {"trials": 4}}
        assert Studies(database).update(record, config, {"text": "\\ ' \" % :x"})
        kept = Studies(database).get("one")
        assert (kept.config, list(kept.config)) == (config, ["z", "a", "budget"])
        assert kept.facts == {"text": "\\ ' \" % :x"}
        slots, study = Slots(database, record.id), optuna_study(database)
        lease, trial = begin(slots, study)
        with fenced(lease, kind="report", values={"step": 1, "value": value, "detail": long}):
            trial.report(value, 1)
        with fenced(lease):
            trial.set_user_attr("long", long)
        assert optuna_study(database).trials[0].intermediate_values == {1: value}
        assert optuna_study(database).trials[0].user_attrs == {"long": long}
        with database.read() as connection:
            row = connection.exec_driver_sql("SELECT value, detail FROM tuner_events WHERE kind = 'report'").one()
        assert tuple(row) == (value, long)


def test_what_does_not_fit_is_an_error_and_no_outage(mariadb_url: str) -> None:
    with Database(mariadb_url, create=True) as database:
        slots = Slots(database, create_study(database).id)
        with pytest.raises(sa.exc.DataError, match="Data too long") as caught:
            slots.claim("x" * 65, 60.0)
    assert describe_outage(caught.value) is None


def test_a_creation_that_was_cut_short_is_completed(mariadb_url: str) -> None:
    with Database(mariadb_url, create=True) as database:
        names = sa.inspect(database.engine).get_table_names()
    # Each table is made by itself: a crash leaves some of them, and no row that says that all are there.
    run(mariadb_url, "DELETE FROM tuner_schema", "DROP TABLE tuner_events", "DROP TABLE tuner_slots")
    with pytest.raises(LookupError, match="holds no study of tuner"):
        Database(mariadb_url)
    with Database(mariadb_url, create=True) as database:
        assert sa.inspect(database.engine).get_table_names() == names
        begin(Slots(database, create_study(database).id), optuna_study(database))


# ---- upgrades ----


def test_rows_that_another_process_has_upgraded_meanwhile_are_not_upgraded_twice(
    mariadb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements that change tables end a transaction here, and the connection of the creation lock may be cut."""
    transplant(place("interrupted", tmp_path), mariadb_url)
    monkeypatch.setattr(Database, "creation_lock", lambda _: nullcontext())

    def upgrade_first(_: str) -> None:
        monkeypatch.setattr(crash_points, "hook", None)
        with Database(mariadb_url, outdated=True) as other:
            upgrade(other)

    monkeypatch.setattr(crash_points, "hook", upgrade_first)
    with Database(mariadb_url, outdated=True) as database:
        upgrade(database)
        steps = [step for step, _ in History(database, Studies(database).get("interrupted")).trial(0).steps]
    assert steps == list(range(10, 101, 10))


# ---- who may do what ----


def test_a_user_with_the_rights_that_are_documented_can_do_all(mariadb_server: MariaDBServer, mariadb_url: str) -> None:
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, REFERENCES"
    url = with_user(mariadb_server, mariadb_url, rights=rights).render_as_string(hide_password=False)
    with Database(url, create=True) as database:
        begin(Slots(database, create_study(database).id), optuna_study(database))
    with Database(url, outdated=True) as database:
        upgrade(database)
        expire(database)
        Studies(database).delete("one")


def test_a_right_that_is_missing_is_an_error_and_no_outage(mariadb_server: MariaDBServer, mariadb_url: str) -> None:
    with Database(mariadb_url, create=True) as database:
        record = create_study(database)
    url = with_user(mariadb_server, mariadb_url, rights="SELECT").render_as_string(hide_password=False)
    with Database(url) as database, pytest.raises(sa.exc.OperationalError, match="command denied") as caught:
        Slots(database, record.id).claim("me", 60.0)
    assert describe_outage(caught.value) is None


def test_the_password_may_be_in_a_file(
    mariadb_server: MariaDBServer, mariadb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = with_user(mariadb_server, mariadb_url).set(username=None, password=None)
    file = tmp_path / "my.cnf"
    file.write_text(f"[client]\nuser = owner\npassword = {SECRET}\n", encoding="utf-8")
    file.chmod(stat.S_IRUSR)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (str(file), "~/my.cnf"):
        with_file = url.update_query_dict({"read_default_file": name}).render_as_string(hide_password=False)
        with Database(with_file, create=True) as database:
            assert database.optuna_storage is not None
            assert SECRET not in database.url
    missing = url.update_query_dict({"read_default_file": "/nosuch/my.cnf"}).render_as_string()
    with pytest.raises(DatabaseUnreachable, match=r"there is no file /nosuch/my.cnf that can be read"):
        Database(missing)


# ---- settings ----


def test_what_the_users_url_says_goes(mariadb_url: str) -> None:
    with Database(f"{mariadb_url}?read_timeout=7", create=True) as database:
        for engine in (database.engine, database.optuna_storage.engine):
            with engine.connect() as connection:
                driver = connection.connection.dbapi_connection
                assert driver is not None
                assert driver._read_timeout == 7


def test_each_connection_sees_what_is_committed_and_refuses_what_does_not_fit(mariadb_url: str) -> None:
    with Database(mariadb_url, create=True) as database:
        for engine in (database.engine, database.optuna_storage.engine):
            with engine.connect() as connection:
                query = "SELECT @@tx_isolation, @@sql_mode, @@innodb_lock_wait_timeout, @@character_set_connection"
                assert tuple(connection.exec_driver_sql(query).one()) == (
                    "READ-COMMITTED",
                    "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
                    10,
                    "utf8mb4",
                )


def test_of_two_that_wait_for_each_other_one_is_told_so_and_may_try_again(mariadb_url: str) -> None:
    with Database(mariadb_url, create=True) as database, ThreadPoolExecutor(2) as pool:
        create_study(database, trials=2)
        locks = [f"UPDATE tuner_slots SET reason = 'x' WHERE slot = {slot} AND study_id = 1" for slot in (0, 1)]
        barrier = threading.Barrier(2)

        def update(order: list[str]) -> BaseException | None:
            try:
                with database.write() as connection:
                    connection.exec_driver_sql(order[0])
                    barrier.wait(DEADLINE_S)
                    connection.exec_driver_sql(order[1])
            except sa.exc.OperationalError as error:
                return error
            return None

        errors = [error for error in pool.map(update, (locks, locks[::-1])) if error is not None]
    assert [describe_outage(error) for error in errors] == [
        "Deadlock found when trying to get lock; try restarting transaction"
    ]
