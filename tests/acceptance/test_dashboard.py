"""The dashboard of a real study answers on this machine alone, outlives its database, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import struct
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from acceptance_support import Running, Tuner, wait_until
from asking import ADDRESS, ask
from servers import PostgresServer

from storage import Database


@pytest.fixture(scope="module")
def dashboard(finished_run: Any) -> Iterator[tuple[Running, str]]:
    with finished_run.tuner.running("dashboard", "--port", "0") as running:
        yield running, running.wait_for(ADDRESS)[1]


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def test_it_listens_on_the_loopback_alone(dashboard: tuple[Running, str]) -> None:
    running, address = dashboard
    listening = [
        connection.laddr
        for connection in psutil.Process(running.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert [f"http://{where.ip}:{where.port}" for where in listening] == [address]


def test_it_listens_at_the_loopback_of_ipv6(finished: Tuner) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error.strerror}")
    with finished.running("dashboard", "--port", "0", "--host", "::1") as running:
        _, host, port = running.wait_for(ADDRESS).groups()
        assert host == "[::1]"
        assert ask(f"http://[::1]:{port}", "/api/studies").status == 200
        assert finished.ok("dashboard", "--healthcheck", "--host", "::", "--port", port).stdout == "ok\n"


def test_a_client_that_leaves_early_does_not_end_it(dashboard: tuple[Running, str]) -> None:
    _, address = dashboard
    host, port = address.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET /api/studies HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
    assert get(f"{address}/api/studies")["study_summaries"]


def test_it_shows_the_study_its_trials_their_curves_and_notes(dashboard: tuple[Running, str], finished: Tuner) -> None:
    _, address = dashboard
    with urllib.request.urlopen(f"{address}/dashboard/", timeout=30) as page:
        assert page.status == 200
        assert "html" in page.headers["Content-Type"]
    summaries = get(f"{address}/api/studies")["study_summaries"]
    assert [summary["study_name"] for summary in summaries] == ["finished"]
    detail = get(f"{address}/api/studies/{summaries[0]['study_id']}")
    trials = {trial["number"]: trial for trial in detail["trials"]}
    recorded = finished.json("trials", "finished")["trials"]
    assert sorted(trials) == [trial["number"] for trial in recorded]
    for mine in recorded:
        shown = trials[mine["number"]]
        assert shown["state"].lower() == mine["state"]
        steps = [{"step": each["step"], "value": each["value"]} for each in shown["intermediate_values"]]
        assert steps == mine["steps"]
        assert all(1 <= each["step"] <= 100 for each in steps)
        names = {parameter["name"] for parameter in shown["params"]}
        assert names == set(mine["hyperparameters"])
        note = shown["note"]["body"]
        assert f"**{mine['state']}**" in note
        assert "### Learning curve" in note
        assert "### Effective configuration" in note
        assert "optimiser steps" in note
        assert sum(line.startswith("| ") for line in note.splitlines()) == len(steps) + 1
        if mine["reason"]:
            assert mine["reason"] in note


@pytest.mark.rest
@pytest.mark.parametrize(("number", "send"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)])
def test_a_signal_ends_it_cleanly(finished: Tuner, number: signal.Signals, send: Callable[[int, int], None]) -> None:
    with finished.running("dashboard", "--port", "0") as running:
        running.wait_for(ADDRESS)
        send(running.pid, number)  # a terminal sends Ctrl-C to all of its processes
        assert running.wait(timeout=20) == 0
        assert running.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said_so(dashboard: tuple[Running, str], finished: Tuner) -> None:
    port = dashboard[1].rsplit(":", 1)[1]
    done = finished.run("dashboard", "--port", port)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: port {port} of 127.0.0.1 cannot be used: Address already in use; give another --port\n"
    )


@pytest.mark.rest
def test_a_database_that_is_not_there_is_waited_for_and_not_made(tuner: Tuner) -> None:
    with tuner.running("dashboard", "--port", "0") as running:
        address = running.wait_for(ADDRESS)[1]
        assert "shows nothing yet: there is no database" in running.stderr
        page = ask(address, "/dashboard")
        assert (page.status, "<h1>No study yet</h1>" in page.text) == (200, True)
        assert "<code>tuner start STUDY.yaml</code> makes the first study" in page.text
        assert ask(address, "/healthz").status == 200
        assert ask(address, "/api/studies").status == 503
        assert list(tuner.folder.iterdir()) == []
        tuner.ok("start", tuner.toy_study("short", budget={"trials": 1}))
        assert "No study yet" not in ask(address, "/dashboard").text
        assert ask(address, "/api/studies/1").json["trials"][0]["state"] == "Complete"


def test_studies_of_plain_optuna_are_served_and_nothing_is_added_to_their_database(tuner: Tuner) -> None:
    url = f"sqlite:///{tuner.folder}/theirs.db"
    storage = optuna.storages.RDBStorage(url)
    study = optuna.create_study(storage=storage, study_name="theirs")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    storage.remove_session()
    storage.engine.dispose()
    before = dumped(tuner.folder / "theirs.db")
    for flags in ((), ("--allow-writes",)):
        with tuner.within(TUNER_STORAGE=url).running("dashboard", "--port", "0", *flags) as running:
            address = running.wait_for(ADDRESS)[1]
            assert ask(address, "/dashboard").status == 200
            detail = ask(address, "/api/studies/1").json
            assert [trial["state"] for trial in detail["trials"]] == ["Complete", "Complete"]
            assert detail["note"]["body"] == ""
            assert detail["plotly_graph_objects"] == []
    assert dumped(tuner.folder / "theirs.db") == before


def dumped(path: Path) -> list[str]:
    """Return a database as statements of SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_it_makes_nothing_in_the_folder_where_it_runs(finished: Tuner) -> None:
    before = sorted(path.name for path in finished.folder.iterdir())
    with finished.running("dashboard", "--port", "0") as running:
        running.wait_for(ADDRESS)
        assert sorted(path.name for path in finished.folder.iterdir()) == before


def test_its_health_is_asked_by_the_command(dashboard: tuple[Running, str], finished: Tuner) -> None:
    port = dashboard[1].rsplit(":", 1)[1]
    for host in ("127.0.0.1", "0.0.0.0", "localhost"):
        assert finished.ok("dashboard", "--healthcheck", "--port", port, "--host", host).stdout == "ok\n"
    done = finished.run("dashboard", "--healthcheck", "--port", "1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no dashboard answers at port 1 of 127.0.0.1" in done.stderr


def test_a_study_that_takes_the_place_of_a_deleted_one_is_shown_with_its_own_trials(tuner: Tuner) -> None:
    with Database(f"sqlite:///{tuner.folder}/tuner.db", create=True) as database:
        storage = database.optuna_storage
        first = optuna.create_study(study_name="first", storage=storage)
        first.add_trials([optuna.create_trial(value=1.0)] * 3)
        with tuner.running("dashboard", "--port", "0") as running:
            address, path = running.wait_for(ADDRESS)[1], f"/api/studies/{first._study_id}"
            assert [trial["values"] for trial in ask(address, path).json["trials"]] == [[1.0]] * 3
            optuna.delete_study(study_name="first", storage=storage)
            assert ask(address, path).status == 404
            second = optuna.create_study(study_name="second", storage=storage)
            second.add_trials([optuna.create_trial(value=2.0)] * 2)
            assert second._study_id == first._study_id
            assert [trial["values"] for trial in ask(address, path).json["trials"]] == [[2.0]] * 2


@pytest.mark.rest
def test_a_process_of_it_that_dies_is_replaced(finished: Tuner) -> None:
    with finished.running("dashboard", "--port", "0") as running:
        address = running.wait_for(ADDRESS)[1]
        (serving,) = running.descendants()
        serving.kill()
        assert ask(address, "/api/studies").status == 200
        assert [each.pid for each in running.descendants()] != [serving.pid]
        assert running.stderr.count("Dashboard on") == 1


def test_a_file_that_is_gone_is_missed_and_not_made(tuner: Tuner) -> None:
    with Database(f"sqlite:///{tuner.folder}/tuner.db", create=True) as database:
        assert database.optuna_storage is not None
    with tuner.running("dashboard", "--port", "0") as running:
        address = running.wait_for(ADDRESS)[1]
        assert ask(address, "/healthz").status == 200
        for file in tuner.folder.glob("tuner.db*"):
            file.rename(file.with_name(f"away-{file.name}"))
        assert (ask(address, "/api/studies").status, ask(address, "/healthz").status) == (503, 503)
        assert not list(tuner.folder.glob("tuner.db*"))
        for file in tuner.folder.glob("away-*"):
            file.rename(file.with_name(file.name.removeprefix("away-")))
        assert (ask(address, "/api/studies").status, ask(address, "/healthz").status) == (200, 200)


def test_it_outlives_its_database_and_needs_no_more_than_select(
    tuner: Tuner, new_postgres_server: Callable[..., PostgresServer]
) -> None:
    import psycopg

    with new_postgres_server() as server:
        as_owner = tuner.within(TUNER_STORAGE=server.url)
        as_reader = tuner.within(TUNER_STORAGE=server.url.replace("postgres@", "reader@"))
        superuser = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**superuser, autocommit=True) as connection:
            connection.execute("CREATE ROLE reader LOGIN")
            connection.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader")
        with as_reader.running("dashboard", "--port", "0") as running:
            address = running.wait_for(ADDRESS)[1]
            # Before anybody has started a study.
            early = ask(address, "/dashboard")
            assert (early.status, "`tuner start` makes one" in early.text) == (200, True)
            assert ask(address, "/api/studies").status == 503
            assert ask(address, "/healthz").status == 200
            study = as_owner.toy_study("short", budget={"trials": 1}, checkpoints=str(tuner.folder / "kept"))
            as_owner.ok("start", study)
            assert ask(address, "/dashboard").status == 200
            assert ask(address, "/api/studies/1").json["trials"][0]["state"] == "Complete"
            # While the database is away, and after.
            server.stop("immediate")
            for path in ("/dashboard", "/api/studies", "/api/studies/1", "/csv/1", "/healthz"):
                answer = ask(address, path)
                assert (path, answer.status) == (path, 503)
                assert answer.body.count(b"\n") <= 1
            assert as_reader.run("dashboard", "--healthcheck", "--port", address.rsplit(":", 1)[1]).returncode == 1
            server.start()
            wait_until(lambda: ask(address, "/api/studies/1").status == 200, "the study again")
            assert ask(address, "/healthz").status == 200
            said = running.stderr
        assert said.count("shows nothing: ") == 2
        assert said.count("shows the studies again") == 2
        assert "Traceback" not in said
