"""Runs trials for the commands that do so, with progress while they run and a summary at the end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from storage import Database, History, Studies, waiting_for_connections
from tuner.cli.options import storage_flag
from tuner.errors import SIGNAL_EXIT_CODES, Interrupted, NoBestTrial
from tuner.reporting.events import Notice
from tuner.reporting.summary import Next, found_lines, next_lines, state_lines
from tuner.reporting.terminal import progress
from tuner.reporting.views import best_view, status_view
from tuner.service.run import Machine

if TYPE_CHECKING:
    from tuner.reporting.events import Watcher
    from tuner.supervisor.timing import Timing


def run_and_report(
    name: str, url: str, workers: int | None, devices: str, timing: Timing, run: Callable[[Machine, Watcher], bool]
) -> None:
    """Run trials with progress on stderr, then print a summary on stdout.

    Args:
        name: Name of the study.
        url: URL of the database.
        workers: Trials at a time; None runs one on each GPU, or one on the CPU.
        devices: Value of --devices.
        timing: Lease, heartbeat and grace.
        run: Runs the trials.

    Raises:
        NoBestTrial: No trial of the study is complete, and the study is not paused.
    """
    # Until the supervisor installs its own handlers, there is no trial to release, and a signal may end the command.
    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, _preempted)
    machine = Machine(devices=devices, workers=workers, debug="--debug" in sys.argv, timing=timing)
    with (
        progress(Console(stderr=True)) as watch,
        waiting_for_connections(lambda text: watch(Notice(text=text))),
    ):
        try:
            run(machine, watch)
        except KeyboardInterrupt as error:  # before the supervisor has installed its own handlers
            raise Interrupted("Stopped; the same command goes on.", SIGNAL_EXIT_CODES[signal.SIGINT]) from error
    with Database(url) as database:
        study = Studies(database).get(name)
        status = status_view(database, study)
        best = best_view(database, study) if status["best"] else None
        first = History(database, study).first() if status["best"] else None
    for line in state_lines(status):
        click.echo(line)
    if best is None:
        if status["state"] == "paused":
            return
        raise NoBestTrial(f"no trial of study {name!r} is complete; `tuner trials {name}` says why")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in found_lines(best, None if first is None else first.hyperparameters, status["guess"], width=width):
        click.echo(line)
    storage, program = storage_flag(url), _program()
    commands = _next_commands(name, status, best)
    for line in next_lines([replace(each, command=f"{program} {each.command}{storage}") for each in commands]):
        click.echo(line)
    if _is_perfect(best):
        click.echo(f"Nothing is left to search: no {best['metric']} is better than {best['value']:g}.")


def _next_commands(name: str, status: Mapping[str, Any], best: Mapping[str, Any]) -> list[Next]:
    """Return the commands that go on with a study, those that can do something."""
    commands = [Next(word="See it", command="dashboard")]
    if status["parent"] is not None:
        return [*commands, Next(word="Ask", command=f"best {status['parent']}")]
    if status["state"] == "finished" and status["test"]["state"] in ("locked", "open"):
        commands.append(Next(word="Settle it", command=f"test {name}"))
    elif status["state"] == "finished" and _can_confirm(best):
        commands.append(Next(word="Settle it", command=f"confirm {name}"))
    # Where a part of the budget is spent, the reason of the pause names the command that raises it.
    if status["state"] in ("paused", "interrupted", "running") and not status["overdrawn"]:
        commands.append(Next(word="Go on", command=f"resume {name}"))
    elif status["state"] == "finished" and not _is_perfect(best):
        commands.append(Next(word="Go on", command=f"resume {name} {_more(status)}"))
    return [*commands, Next(word="Take it", command=f"export {name} {name}-model")]


def _can_confirm(best: Mapping[str, Any]) -> bool:
    """Return whether training with other seeds can tell more of the best trial than is known."""
    is_built_in = best["validation"]["rows"] is not None
    return is_built_in and best["trial"] != 0 and best["confirmation"] is None and best["verdict"] is None


def _is_perfect(best: Mapping[str, Any]) -> bool:
    return bool(best["value"] == (1.0 if best["direction"] == "maximize" else 0.0))


def _more(status: Mapping[str, Any]) -> str:
    """Return the option that gives a study more of what it was bounded by."""
    runs = status["budget"]["runs"]
    return f"--trials {status['trials']['total'] + 8}" if runs is None else f"--runs {runs + 2:g}"


def _preempted(number: int, _: object) -> None:
    name = signal.Signals(number)
    raise Interrupted(f"Stopped by {name.name}; the same command goes on.", SIGNAL_EXIT_CODES[name])


def _program() -> str:
    """Return the command to type for this program: `tuner`, or its path where `tuner` would not find it."""
    if os.path.basename(sys.argv[0]) != "tuner" or shutil.which("tuner") == sys.argv[0]:
        return "tuner"
    return os.path.relpath(sys.argv[0])
