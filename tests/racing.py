"""Real processes that race: forked from one that has imported everything, so that they start within a millisecond."""

from __future__ import annotations

import inspect
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeAlias

import pytest
from nursery import DATABASE, Nursery

__all__ = ["Race", "race", "racers"]

Race: TypeAlias = Callable[..., list[Any]]

_RACE = """
import json, os, sys, traceback
import optuna, sqlalchemy, storage

{source}

ways, arguments = json.loads(sys.argv[1])
ready, is_ready = os.pipe()
start, starter = os.pipe()
results = []
for number in range(ways):
    result, told = os.pipe()
    if os.fork() == 0:
        os.close(starter)
        os.write(is_ready, b"x")
        os.read(start, 1)  # until the end of the file: the parent closes it for all at once
        try:
            answer = {name}(number, *arguments)
        except BaseException:
            answer = "error: " + traceback.format_exc()
        os.write(told, json.dumps(answer).encode())
        os._exit(0)
    os.close(told)
    results.append(result)
for _ in range(ways):
    os.read(ready, 1)
os.close(starter)
for result in results:
    with open(result, "rb") as file:
        print(file.read().decode() or '"killed"', flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


@pytest.fixture(scope="session")
def racers() -> Iterator[Nursery]:
    """What forks the processes that fork the racers."""
    with Nursery(os.environ, DATABASE) as nursery:
        yield nursery


@pytest.fixture
def race(racers: Nursery, tmp_path: Path) -> Race:
    """Run a function in some processes that start at once: `race(role, ways, *arguments)` returns their answers.

    The function gets its number and the arguments, imports what it uses, and answers with JSON; for a process that
    does not live to answer, the answer is "killed".
    """

    def run(role: Callable[..., Any], ways: int, *arguments: Any) -> list[Any]:
        program = _RACE.format(source=textwrap.dedent(inspect.getsource(role)), name=role.__name__)
        command = [sys.executable, "-c", program, json.dumps([ways, arguments])]
        with open(os.devnull) as nothing, TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            streams = (nothing.fileno(), out.fileno(), err.fileno())
            code = racers.start(command, tmp_path, os.environ, streams).wait(timeout=300)
            out.seek(0)
            err.seek(0)
            said, complaint = out.read(), err.read()
        assert code == 0, complaint
        answers = [json.loads(line) for line in said.splitlines()]
        assert len(answers) == ways, complaint
        errors = [answer for answer in answers if isinstance(answer, str) and answer.startswith("error: ")]
        assert not errors, errors[0]
        return answers

    return run
