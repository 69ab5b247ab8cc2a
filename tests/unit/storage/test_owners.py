from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from storage import new_owner, owners
from storage.owners import is_gone
from storage.tables import slots, workers

_OWNER = "import sys; from storage import new_owner; print(new_owner(), flush=True); sys.stdin.read()"


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Callable[[], tuple[subprocess.Popen[str], str]]:
    """Returns what starts a process that lives until it is killed, and gives the name of its owner."""

    def begin() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        request.addfinalizer(lambda: process.__exit__(None, None, None))
        request.addfinalizer(process.kill)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    return begin


def test_no_two_owners_have_one_name_and_each_fits_its_columns() -> None:
    names = {new_owner() for _ in range(100)}
    assert len(names) == 100
    longest = min(slots.c.owner.type.length, workers.c.owner.type.length)  # type: ignore[attr-defined]
    assert all(str(os.getpid()) in name and len(name) <= longest for name in names)


def test_an_owner_is_gone_when_its_process_has_ended_and_not_while_it_is_stopped(
    start: Callable[[], tuple[subprocess.Popen[str], str]],
) -> None:
    process, owner = start()
    assert not is_gone(owner)
    process.send_signal(signal.SIGSTOP)
    assert not is_gone(owner)
    process.kill()
    process.wait()
    assert is_gone(owner)
    assert is_gone(owner), "to look takes no name"


def test_what_a_process_has_started_does_not_hold_its_name() -> None:
    script = (
        "import subprocess, sys; from storage import new_owner; owner = new_owner(); "
        "child = subprocess.Popen(['sleep', '60'], close_fds=False); "
        "print(child.pid, owner, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child, owner = process.stdout.readline().split()
        process.kill()
        process.wait()
        try:
            assert is_gone(owner)
        finally:
            os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize("owner", ["me", "", "node-7-0123abcd", "node-7-0123abcd-0123456789abcdef"])
def test_of_another_machines_owner_nothing_is_known(owner: str) -> None:
    assert not is_gone(owner)


def test_without_a_kernel_that_says_who_it_is_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "_kernel", lambda: None)
    assert not is_gone(new_owner())
    assert not is_gone("")


def test_where_no_socket_can_be_made_an_owner_has_a_name_and_nobody_is_gone(
    start: Callable[[], tuple[subprocess.Popen[str], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, owner = start()
    process.kill()
    process.wait()

    def refuse(*_: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr("storage.owners.socket.socket", refuse)
    assert new_owner().count("-") == owner.count("-") - 1
    assert not is_gone(owner)
