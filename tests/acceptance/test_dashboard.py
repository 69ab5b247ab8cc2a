"""The dashboard of a real study answers on this machine alone, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from acceptance_support import Running, Tuner

ADDRESS = r"Dashboard on (http://127\.0\.0\.1:(\d+)) \(Ctrl-C ends it\)"


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


def test_it_answers_to_no_other_name(dashboard: tuple[Running, str]) -> None:
    _, address = dashboard
    request = urllib.request.Request(f"{address}/api/studies", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 403
    refused.value.close()
    assert get(f"{address.replace('127.0.0.1', 'localhost')}/api/studies")["study_summaries"]


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
        assert all(1 <= each["step"] <= 10 for each in steps)
        names = {parameter["name"] for parameter in shown["params"]}
        assert names == set(mine["hyperparameters"])
        note = shown["note"]["body"]
        assert f"**{mine['state']}**" in note
        assert "### Learning curve" in note
        assert "### Effective configuration" in note
        assert "`optimiser_steps`" in note
        assert sum(line.startswith("| ") for line in note.splitlines()) == len(steps) + 1
        if mine["reason"]:
            assert mine["reason"] in note


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(finished: Tuner, number: signal.Signals) -> None:
    with finished.running("dashboard", "--port", "0") as running:
        running.wait_for(ADDRESS)
        os.kill(running.pid, number)
        assert running.wait(timeout=20) == 0
        assert running.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said_so(dashboard: tuple[Running, str], finished: Tuner) -> None:
    port = dashboard[1].rsplit(":", 1)[1]
    done = finished.run("dashboard", "--port", port)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: port {port} of 127.0.0.1 cannot be used: Address already in use; give another --port\n"
    )


def test_a_database_that_is_not_there_is_not_made(tuner: Tuner) -> None:
    done = tuner.run("dashboard", "--port", "0")
    assert done.returncode == 1
    assert "there is no database" in done.stderr
    assert list(tuner.folder.iterdir()) == []
