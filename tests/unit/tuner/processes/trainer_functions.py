"""What the tests of trainers have them do; imported by the forked processes, so without torch."""

from __future__ import annotations

import os
import signal
import struct
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from tuner.errors import DataError, HubAway
from tuner.processes import step_counter
from tuner.processes.messages import Progressed, Returned

#: Changed by one call, to be seen unchanged by the next.
STATE = {"calls": 0}


def add(connection: Connection, *, left: int, right: int) -> None:
    connection.send(Returned(value=left + right))


def add_slowly(connection: Connection, *, left: int, right: int) -> None:
    connection.send(Progressed(stage="adding", done=1, total=2))
    connection.send(Progressed(stage="adding", done=2, total=2))
    connection.send(Returned(value=left + right))


def count_calls(connection: Connection) -> None:
    STATE["calls"] += 1
    os.environ["TRAINER_LEFT_BEHIND"] = "yes"
    connection.send(Returned(value=STATE["calls"]))


def prepare_count(*, calls: int) -> None:
    STATE["calls"] = calls


def prepare_in_vain() -> None:
    raise LookupError("nothing to share")


def prepare_and_die(*, note: str) -> None:
    with Path(note).open("a", encoding="utf-8") as file:
        file.write("died\n")
    os._exit(9)


def describe_process(connection: Connection) -> None:
    connection.send(
        Returned(
            value={
                "pid": os.getpid(),
                "session": os.getsid(0),
                "waiting": os.environ.get("OMP_WAIT_POLICY"),
                "visible": os.environ.get("VISIBLE"),
                "left_behind": os.environ.get("TRAINER_LEFT_BEHIND"),
                "descriptors": len(os.listdir("/proc/self/fd")),
                "path": list(sys.path),
                "safe_path": sys.flags.safe_path,
            }
        )
    )


def echo_until_told(connection: Connection) -> None:
    while (message := connection.recv()) != "end":
        connection.send(message)


def raise_ours(connection: Connection) -> None:
    raise DataError("study.yaml", "data.text", "is nowhere")


def raise_hub_away(connection: Connection) -> None:
    raise HubAway("data set 'some/data' is not cached here, and the hub cannot be reached")


def raise_any(connection: Connection) -> None:
    raise ZeroDivisionError("by zero")


def exit_silently(connection: Connection, *, code: int) -> None:
    os._exit(code)


def die_of(connection: Connection, *, number: int) -> None:
    os.kill(os.getpid(), number)
    signal.pause()


def die_in_the_middle_of_a_message(connection: Connection) -> None:
    os.write(connection.fileno(), struct.pack("!i", 1000) + b"the beginning")
    os._exit(0)


def write_to_both(connection: Connection) -> None:
    sys.stdout.write("to stdout\n")
    sys.stderr.write("to stderr\n")
    connection.send(Returned(value=None))


def wait_for_the_end_of_the_pipe(connection: Connection, *, mark: str) -> None:
    connection.send("ready")
    try:
        connection.recv()
    except EOFError:
        Path(mark).write_text("left", encoding="utf-8")
        raise


def count_until_told(connection: Connection, *, count: int) -> None:
    for _ in range(count):
        step_counter.mine.count()
    connection.send("counted")
    connection.recv()


def die_after(connection: Connection, *, count: int) -> None:
    for _ in range(count):
        step_counter.mine.count()
    os.abort()
