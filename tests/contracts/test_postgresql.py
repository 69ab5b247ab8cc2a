"""What is true of PostgreSQL alone: a server that goes away, connections that are counted, silent transactions."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from servers import PostgresServer
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

SECRET = "s3cr3t"
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def own_server(new_postgres_server: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    with new_postgres_server() as server:
        yield server


@pytest.fixture
def own_url(own_server: PostgresServer, request: pytest.FixtureRequest) -> str:
    if not own_server.is_running:
        own_server.start()
    number = request.config.stash.setdefault(_NUMBER, 0)
    request.config.stash[_NUMBER] = number + 1
    return own_server.create_database(f"own_{number}")


_NUMBER = pytest.StashKey[int]()


def with_password(url: str, password: str = SECRET) -> str:
    return url.replace("postgres@", f"postgres:{password}@")


# ---- what cannot be opened ----


@pytest.mark.parametrize("create", [False, True])
def test_a_database_that_the_server_does_not_have_is_named_without_the_password(
    postgres_server: PostgresServer, create: bool
) -> None:
    with pytest.raises(DatabaseUnreachable) as caught:
        Database(with_password(postgres_server.url_of("nosuch")), create=create)
    assert 'database "nosuch" does not exist' in str(caught.value)
    assert f"postgres:***@127.0.0.1:{postgres_server.port}/nosuch cannot be used: " in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_user_that_the_server_does_not_know_is_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.url.replace("postgres@", f"nobody:{SECRET}@")
    with pytest.raises(DatabaseUnreachable, match='role "nobody" does not exist') as caught:
        Database(url)
    assert SECRET not in str(caught.value)


def test_a_server_that_does_not_answer_is_an_outage(own_server: PostgresServer, own_url: str) -> None:
    with Database(own_url, create=True):
        pass
    own_server.stop("fast")
    with pytest.raises(DatabaseUnreachable, match="cannot be used: ") as caught:
        Database(own_url)
    assert describe_outage(caught.value) == str(caught.value)
    own_server.start()
    with Database(own_url) as database:
        assert Studies(database).names() == []


def test_without_its_driver_a_database_says_what_to_install(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for create in (False, True):
        with pytest.raises(DatabaseUnreachable, match=r"pip install 'shichimi\[postgres\]'"):
            Database(postgres_server.url, create=create)


# ---- a server that goes away ----


@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop], ids=["killed", "stopped"])
def test_what_was_open_when_the_server_went_away_works_again_when_it_is_back(
    own_server: PostgresServer, own_url: str, end: Callable[[PostgresServer], None]
) -> None:
    with Database(own_url, create=True) as database:
        record = create_study(database)
        slots, study = Slots(database, record.id), optuna_study(database)
        lease, trial = begin(slots, study)
        end(own_server)
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


def test_a_restart_while_nobody_asks_is_noticed_by_nobody(own_server: PostgresServer, own_url: str) -> None:
    with Database(own_url, create=True) as database:
        slots, study = Slots(database, create_study(database).id), optuna_study(database)
        lease, trial = begin(slots, study)
        own_server.restart("fast")
        with fenced(lease):
            trial.set_user_attr("x", 1)
        assert slots.renew({lease}, LEASE_S) == {lease}
        assert study.trials[0].user_attrs == {"x": 1}


def test_a_transaction_in_which_the_server_is_killed_is_an_outage_and_leaves_nothing(
    own_server: PostgresServer, own_url: str
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


def test_an_ask_in_which_its_connection_is_cut_is_repeated_and_in_its_slot(postgres_url: str) -> None:
    with Database(postgres_url, create=True) as database:
        slots, study = Slots(database, create_study(database).id), optuna_study(database)
        begin(slots, study)
        cut: list[str] = []

        def sever(point: str) -> None:
            if point == "asking" and not cut:
                cut.append(point)
                query = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND state = 'idle in transaction'"
                )
                with database.read() as connection:
                    assert connection.exec_driver_sql(query).all() == [(True,)]

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


def test_a_worker_that_falls_silent_in_a_transaction_holds_its_trial_no_longer_than_any(postgres_url: str) -> None:
    silent = f"{postgres_url}?options=-c%20idle_in_transaction_session_timeout%3D2s"
    with Database(postgres_url, create=True) as database, Database(silent) as stopped:
        record = create_study(database)
        slots = Slots(database, record.id)
        lease, trial = begin(slots, optuna_study(database))
        expire(database)
        before = content(database)
        telling, go_on = threading.Event(), threading.Event()

        def stop(point: str) -> None:
            if point == "telling":
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


def test_the_server_is_told_how_long_a_transaction_may_be_silent(postgres_url: str) -> None:
    with Database(postgres_url, create=True) as database:
        for engine in (database.engine, database.optuna_storage.engine):
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "10s"


# ---- settings ----


def test_moments_are_in_utc_wherever_the_server_is(own_server: PostgresServer, own_url: str) -> None:
    name = own_url.rsplit("/", 1)[1]
    engine = sa.create_engine(own_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'")
    engine.dispose()
    with Database(own_url, create=True) as database:
        for each in (database.engine, database.optuna_storage.engine):
            with each.connect() as connection:
                assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"


def test_what_the_users_url_says_goes(postgres_url: str) -> None:
    url = f"{postgres_url}?application_name=mine&connect_timeout=3&options=-c%20statement_timeout%3D7s"
    with Database(url, create=True) as database:
        for engine in (database.engine, database.optuna_storage.engine):
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SHOW application_name").scalar() == "mine"
                assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "7s"
                assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"


def test_a_process_has_few_connections_whatever_its_threads_do(postgres_url: str) -> None:
    with Database(postgres_url, create=True) as database:
        record = create_study(database, trials=40)
        slots, study = Slots(database, record.id), optuna_study(database)
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
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
    postgres_url: str, race: Callable[..., list[Any]]
) -> None:
    with Database(postgres_url, create=True) as database:
        assert race(hold_the_creation_lock, 2, postgres_url) == ["killed", "killed"]
        create_study(database)


@pytest.mark.parametrize("password", [SECRET, "p%25w%40%2F"])
def test_a_database_that_an_earlier_optuna_has_made_is_upgraded(postgres_url: str, password: str) -> None:
    url = with_password(postgres_url, password)
    with Database(url, create=True) as database:
        create_study(database)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE version_info SET library_version = '4.5.0'")
            connection.exec_driver_sql("UPDATE tuner_schema SET optuna = 4")
    with pytest.raises(DatabaseOutdated, match="was made by Optuna 4"):
        Database(url)
    with Database(url, outdated=True) as database:
        assert upgrade(database) == (3, 3)
    with Database(url) as database:
        assert Studies(database).names() == ["one"]
        assert "***" in database.url
