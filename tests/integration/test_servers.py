"""The servers that the other tests rely on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import psutil
import pytest
import servers
import sqlalchemy as sa
from servers import MariaDBServer, PostgresServer, ServerFailed

DEADLINE_S = 60.0

#: Starts a server in a thread that then ends, forks, says the server's pid, the fork's, the folder, and stays.
_OWNER = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
import servers
server = getattr(servers, sys.argv[2])()
thread = threading.Thread(target=server.start)
thread.start()
thread.join()
fork = os.fork()
if fork == 0:
    signal.pause()
print(server.pid, fork, server.folder, flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def own_server(new_postgres_server: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    with new_postgres_server(max_connections=20) as server:
        yield server


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


@pytest.mark.parametrize("end", [PostgresServer.kill, PostgresServer.stop], ids=["killed", "stopped"])
def test_a_server_that_was_ended_comes_back_with_its_data_while_a_client_is_connected(
    own_server: PostgresServer, end: Callable[[PostgresServer], None]
) -> None:
    url = own_server.create_database(end.__name__)
    run(url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO kept VALUES (0)")  # never committed
        end(own_server)
        assert not own_server.is_running
        with pytest.raises(sa.exc.OperationalError):
            run(url, "SELECT 1")
        own_server.start()
        assert run(url, "SELECT count(*) FROM kept") == [(1000,)]
        connection.invalidate()
    engine.dispose()


def test_a_restarted_server_has_the_same_url_and_other_processes(own_server: PostgresServer) -> None:
    url, pid = own_server.url, own_server.pid
    own_server.restart("immediate")
    assert own_server.url == url
    assert own_server.pid != pid
    assert run(url, "SHOW max_connections") == [("20",)]


def test_a_server_outlives_the_thread_that_started_it(own_server: PostgresServer) -> None:
    thread = threading.Thread(target=own_server.restart)
    thread.start()
    thread.join()
    assert run(own_server.url, "SELECT 1") == [(1,)]


def test_a_server_that_cannot_start_says_why(new_postgres_server: Callable[..., PostgresServer]) -> None:
    with (
        pytest.raises(ServerFailed, match='unrecognized configuration parameter "nonsense"'),
        new_postgres_server(nonsense=1),
    ):
        pass


@pytest.mark.parametrize("_", range(2))
def test_each_test_has_a_database_of_its_own(postgres_url: str, _: int) -> None:
    assert run(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    run(postgres_url, "CREATE TABLE seen (number integer)")


def test_a_database_is_dropped_under_a_client_that_stays(postgres_server: PostgresServer) -> None:
    engine = sa.create_engine(postgres_server.create_database("crowded"))
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        postgres_server.drop_database("crowded")
        connection.invalidate()
    engine.dispose()
    assert run(postgres_server.url, "SELECT count(*) FROM pg_database WHERE datname = 'crowded'") == [(0,)]


def test_a_copied_database_has_the_tables_of_its_template(postgres_server: PostgresServer) -> None:
    run(postgres_server.create_database("original"), "CREATE TABLE made (number integer)")
    copied = postgres_server.create_database("copied", template="original")
    assert run(copied, "SELECT count(*) FROM made") == [(0,)]


def test_a_mariadb_that_was_killed_comes_back_with_its_data_under_a_client_that_stays(
    new_mariadb_server: Callable[..., MariaDBServer],
) -> None:
    with new_mariadb_server(max_connections=20) as server:
        url = server.create_database("kept")
        run(url, "CREATE TABLE kept AS SELECT seq AS number FROM seq_1_to_1000")
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            connection.exec_driver_sql("INSERT INTO kept VALUES (0)")  # never committed
            server.kill()
            assert not server.is_running
            with pytest.raises(sa.exc.OperationalError):
                run(url, "SELECT 1")
            server.start()
            assert run(url, "SELECT count(*), @@max_connections FROM kept") == [(1000, 20)]
            connection.invalidate()
            connection.rollback()
            connection.exec_driver_sql("SELECT 1")
            server.drop_database("kept")
            connection.invalidate()
        engine.dispose()
        assert ("kept",) not in server.execute("SHOW DATABASES")


def test_a_mariadb_that_cannot_start_says_why(new_mariadb_server: Callable[..., MariaDBServer]) -> None:
    with pytest.raises(ServerFailed, match="unknown variable 'nonsense=1'"), new_mariadb_server(nonsense=1):
        pass


def test_objects_are_kept_and_removed(s3_url: str) -> None:
    files, folder = fsspec.url_to_fs(s3_url)
    assert files.find(folder) == []
    content = os.urandom(20 << 20)  # in several parts
    files.pipe({f"{folder}/trial-00003/model": content, f"{folder}/trial-00003/manifest.json": b"{}"})
    files.invalidate_cache()
    assert sorted(files.find(folder)) == [f"{folder}/trial-00003/manifest.json", f"{folder}/trial-00003/model"]
    assert files.cat_file(f"{folder}/trial-00003/model") == content
    files.rm(f"{folder}/trial-00003", recursive=True)
    files.invalidate_cache()
    assert files.find(folder) == []


def test_another_process_finds_the_bucket(s3_url: str) -> None:
    script = "import fsspec, sys\nwith fsspec.open(sys.argv[1], 'wb') as file: file.write(b'theirs')"
    subprocess.run([sys.executable, "-c", script, f"{s3_url}/theirs"], check=True, timeout=DEADLINE_S)
    files, folder = fsspec.url_to_fs(s3_url)
    assert files.cat_file(f"{folder}/theirs") == b"theirs"


@pytest.mark.parametrize("kind", ["PostgresServer", "MariaDBServer", "S3Server"])
def test_no_server_survives_its_owner(kind: str, request: pytest.FixtureRequest) -> None:
    new = {"PostgresServer": "new_postgres_server", "MariaDBServer": "new_mariadb_server"}.get(kind)
    if new is not None:
        request.getfixturevalue(new)().close()  # skips where there is none
    command = [sys.executable, "-c", _OWNER, str(Path(servers.__file__).parents[1]), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, fork, folder = owner.stdout.readline().split()
        server = psutil.Process(int(pid))
        keeper, family = server.parent(), [server, *server.children(recursive=True)]
        assert keeper is not None
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        try:
            assert psutil.wait_procs([keeper, *family], DEADLINE_S)[1] == []
            assert psutil.pid_exists(int(fork))  # it held all that the owner held
        finally:
            os.kill(int(fork), signal.SIGKILL)
    assert not Path(folder).exists()


def test_no_server_survives_the_process_between(own_server: PostgresServer) -> None:
    server = psutil.Process(own_server.pid)
    family = [server, *server.children(recursive=True)]
    keeper = server.parent()
    assert keeper is not None
    keeper.kill()
    assert psutil.wait_procs(family, DEADLINE_S)[1] == []
    own_server.start()
