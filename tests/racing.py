"""Real processes that race: forked from one that has imported everything, so that they start within a millisecond."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

__all__ = ["Holding", "Race", "holding", "race"]

Race: TypeAlias = Callable[..., list[Any]]
Holding: TypeAlias = Callable[..., "subprocess.Popen[str]"]

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


@pytest.fixture
def race() -> Race:
    """Run a function in some processes that start at once: `race(role, ways, *arguments)` returns their answers.

    The function gets its number and the arguments, imports what it uses, and answers with JSON; for a process that
    does not live to answer, the answer is "killed".
    """

    def run(role: Callable[..., Any], ways: int, *arguments: Any) -> list[Any]:
        program = _RACE.format(source=textwrap.dedent(inspect.getsource(role)), name=role.__name__)
        done = subprocess.run(
            [sys.executable, "-c", program, json.dumps([ways, arguments])],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == ways, done.stderr
        errors = [answer for answer in answers if isinstance(answer, str) and answer.startswith("error: ")]
        assert not errors, errors[0]
        return answers

    return run


@pytest.fixture
def holding() -> Iterator[Holding]:
    """Start a program that says `ready` and then waits for the end of its input; ended after the test."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program + "\nprint('ready', flush=True)\nimport sys; sys.stdin.read()", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
