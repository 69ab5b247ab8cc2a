"""What is true of every database on a server: it goes away, counts connections, ends transactions that fall silent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import optuna
import pytest
import sqlalchemy as sa
from servers import MariaDBServer, PostgresServer
from storing import LEASE_S, begin, content, create_study, expire, optuna_study

from storage import (
    Database,
    DatabaseOutdated,
    DatabaseUnreachable,
    LeaseLost,
    Slots,
    Studies,
    Workers,
    crash_points,
    describe_outage,
    fenced,
)
from storage.upgrades import upgrade

DEADLINE_S = 60.0
DatabaseServer: TypeAlias = PostgresServer | MariaDBServer

#: By dialect. Ends whoever holds a transaction open without saying anything.
SEVER = {
    "postgresql": (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND state = 'idle in transaction'"
    ),
    "mysql": "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_mysql_thread_id > 0",
}
CONNECTIONS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE()",
}
SILENCE = {
    "postgresql": "SET idle_in_transaction_session_timeout = '2s'",
    "mysql": "SET SESSION idle_transaction_timeout = 2",
}
SILENCE_ASKED = {
    "postgresql": ("SHOW idle_in_transaction_session_timeout", "10s"),
    "mysql": ("SELECT @@idle_transaction_timeout", 10),
}
ZONE = {"postgresql": ("SHOW timezone", "UTC"), "mysql": ("SELECT @@time_zone", "+00:00")}
ELSEWHERE = {
    "postgresql": "ALTER DATABASE {} SET timezone = 'Asia/Kathmandu'",
    "mysql": "SET GLOBAL time_zone = '+05:45'",
}


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def own_server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    names = {"postgresql": "new_postgres_server", "mariadb": "new_mariadb_server"}
    with request.getfixturevalue(names[request.param])() as server:
        yield server


@pytest.fixture
def own_url(own_server: DatabaseServer, request: pytest.FixtureRequest) -> str:
    if not own_server.is_running:
        own_server.start()
    number = request.config.stash.setdefault(_NUMBER, 0)
    request.config.stash[_NUMBER] = number + 1
    return own_server.create_database(f"own_{number}")


_NUMBER = pytest.StashKey[int]()


def end_nobody_who_speaks(database: Database) -> int:
    """End the connections of this database that lie in a transaction without a statement; return how many."""
    with database.engine.connect() as connection:
        found = connection.exec_driver_sql(SEVER[connection.dialect.name]).scalars().all()
        if connection.dialect.name == "mysql":
            for thread in found:
                connection.exec_driver_sql(f"KILL {thread}")
    return len(found)


def test_a_server_that_does_not_answer_is_an_outage(own_server: DatabaseServer, own_url: str) -> None:
    with Database(own_url, create=True):
        pass
    own_server.stop()
    with pytest.raises(DatabaseUnreachable, match="cannot be used: ") as caught:
        Database(own_url)
    assert describe_outage(caught.value) == str(caught.value)
    own_server.start()
    with Database(own_url) as database:
        assert Studies(database).names() == []


# ---- a server that goes away ----


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_what_was_open_when_the_server_went_away_works_again_when_it_is_back(
    own_server: DatabaseServer, own_url: str, end: str
) -> None:
    with Database(own_url, create=True) as database:
        record = create_study(database)
        slots, study = Slots(database, record.id), optuna_study(database)
        lease, trial = begin(slots, study)
        getattr(own_server, end)()
        for call in (
            lambda: slots.renew({lease}, LEASE_S),
            lambda: slots.claim("me", LEASE_S),
            lambda: Workers(database, record.id).alive(),
            lambda: study.get_trials(),
        ):
            with pytest.raises((sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError)) as caught:
                call()
            assert describe_outage(caught.value)
        with pytest.raises((sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError)) as caught, fenced(lease):
            trial.set_user_attr("x", 1)
        assert describe_outage(caught.value)
        own_server.start()
        assert slots.renew({lease}, LEASE_S) == {lease}
        with fenced(lease):
            trial.set_user_attr("x", 2)
        assert study.trials[0].user_attrs == {"x": 2}


def test_a_restart_while_nobody_asks_is_noticed_by_nobody(own_server: DatabaseServer, own_url: str) -> None:
    with Database(own_url, create=True) as database:
        slots, study = Slots(database, create_study(database).id), optuna_study(database)
        lease, trial = begin(slots, study)
        own_server.restart()
        with fenced(lease):
            trial.set_user_attr("x", 1)
        assert slots.renew({lease}, LEASE_S) == {lease}
        assert study.trials[0].user_attrs == {"x": 1}


def test_a_transaction_in_which_the_server_is_killed_is_an_outage_and_leaves_nothing(
    own_server: DatabaseServer, own_url: str
) -> None:
    with Database(own_url, create=True) as database:
        slots, study = Slots(database, create_study(database).id), optuna_study(database)
        lease, trial = begin(slots, study)
        before, ours = content(database), content(database, ours=True)
        crash_points.hook = lambda point: own_server.kill() if point == "telling" else None
        try:
            with pytest.raises(optuna.exceptions.StorageInternalError) as caught, fenced(lease, ending=True):
                study.tell(trial, 0.5)
        finally:
            crash_points.hook = None
        assert describe_outage(caught.value)
        own_server.start()
        assert content(database) == before
        assert content(database, ours=True) == ours
        with fenced(lease, ending=True):
            study.tell(trial, 0.5)
        assert slots.all()[0].state == "finished"


def test_an_ask_in_which_its_connection_is_cut_is_repeated_and_in_its_slot(own_url: str) -> None:
    with Database(own_url, create=True) as database:
        slots, study = Slots(database, create_study(database).id), optuna_study(database)
        begin(slots, study)
        cut: list[str] = []

        def sever(point: str) -> None:
            if point == "asking" and not cut:
                cut.append(point)
                assert end_nobody_who_speaks(database) == 1

        crash_points.hook = sever
        try:
            lease, trial = begin(slots, study)
        finally:
            crash_points.hook = None
        assert cut == ["asking"]
        assert (lease.slot, trial.number) == (1, 1)
        assert slots.all()[1].trial_id == trial._trial_id
        assert len(study.trials) == 2


# ---- transactions that fall silent ----


def test_a_worker_that_falls_silent_in_a_transaction_holds_its_trial_no_longer_than_any(own_url: str) -> None:
    with Database(own_url, create=True) as database, Database(own_url) as stopped:
        record = create_study(database)
        slots = Slots(database, record.id)
        lease, trial = begin(slots, optuna_study(database))
        expire(database)
        before = content(database)
        telling, go_on = threading.Event(), threading.Event()

        def stop(point: str) -> None:
            if point == "telling":
                # Not before: a thread that gets no processor is silent as well.
                connection = stopped.optuna_storage.scoped_session().connection()
                connection.exec_driver_sql(SILENCE[connection.dialect.name])
                telling.set()
                assert go_on.wait(DEADLINE_S)

        def tell() -> BaseException | None:
            try:
                with fenced(lease, ending=True):
                    optuna_study(stopped).tell(trial.number, 0.5)
            except (optuna.exceptions.StorageInternalError, LeaseLost) as error:
                return error
            return None

        crash_points.hook = stop
        try:
            with ThreadPoolExecutor(1) as pool:
                late = pool.submit(tell)
                assert telling.wait(DEADLINE_S)
                # Waits for the transaction, until the server has ended it.
                claimed = slots.claim("you", LEASE_S, empty=False)
                go_on.set()
                error = late.result(DEADLINE_S)
        finally:
            crash_points.hook = None
        assert claimed is not None
        assert claimed[1].trial_number == 0
        assert error is not None
        assert describe_outage(error)
        assert content(database) == before
        assert isinstance(tell(), LeaseLost)


def test_the_server_is_told_how_long_a_transaction_may_be_silent(own_url: str) -> None:
    with Database(own_url, create=True) as database:
        for engine in (database.engine, database.optuna_storage.engine):
            with engine.connect() as connection:
                statement, wanted = SILENCE_ASKED[engine.dialect.name]
                assert connection.exec_driver_sql(statement).scalar() == wanted


def test_moments_are_in_utc_wherever_the_server_is(own_url: str) -> None:
    name = own_url.rsplit("/", 1)[1]
    engine = sa.create_engine(own_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(ELSEWHERE[engine.dialect.name].format(name))
    engine.dispose()
    with Database(own_url, create=True) as database:
        for each in (database.engine, database.optuna_storage.engine):
            with each.connect() as connection:
                statement, wanted = ZONE[each.dialect.name]
                assert connection.exec_driver_sql(statement).scalar() == wanted


def test_a_process_has_few_connections_whatever_its_threads_do(own_url: str) -> None:
    with Database(own_url, create=True) as database:
        record = create_study(database, trials=40)
        slots, study = Slots(database, record.id), optuna_study(database)
        query = CONNECTIONS[database.engine.dialect.name]
        counted: list[int] = []

        def work(number: int) -> int:
            begin(slots, study, f"owner-{number}")
            with database.read() as connection:
                counted.append(connection.exec_driver_sql(query).scalar() or 0)
            return number

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(work, range(32))) == list(range(32))
        assert max(counted) <= 6
        assert len({slot.trial_number for slot in slots.all()} - {None}) == 32


def hold_the_creation_lock(number: int, url: str) -> None:
    import os
    import signal

    from storage import Database

    with Database(url) as database, database.creation_lock():
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_while_it_makes_tables_keeps_nobody_out(
    own_url: str, race: Callable[..., list[Any]]
) -> None:
    with Database(own_url, create=True) as database:
        assert race(hold_the_creation_lock, 2, own_url) == ["killed", "killed"]
        create_study(database)


@pytest.mark.parametrize("password", ["s3cr3t", "p%w@/:'"])
def test_a_database_that_an_earlier_optuna_has_made_is_upgraded(
    own_server: DatabaseServer, own_url: str, password: str
) -> None:
    if isinstance(own_server, MariaDBServer):  # PostgreSQL takes any password here
        own_server.create_user("owner", password, sa.make_url(own_url).database or "")
    user = "owner" if isinstance(own_server, MariaDBServer) else "postgres"
    url = sa.make_url(own_url).set(username=user, password=password).render_as_string(hide_password=False)
    with Database(url, create=True) as database:
        create_study(database)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE version_info SET library_version = '4.5.0'")
            connection.exec_driver_sql("UPDATE tuner_schema SET optuna = 4")
    with pytest.raises(DatabaseOutdated, match="was made by Optuna 4"):
        Database(url)
    with Database(url, outdated=True) as database:
        assert upgrade(database) == (4, 4)
    with Database(url) as database:
        assert Studies(database).names() == ["one"]
        assert "***" in database.url
