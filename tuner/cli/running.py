"""Runs trials for the commands that do so, with progress while they run and a summary at the end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from storage import Database, Studies, waiting_for_connections
from tuner.cli.options import storage_flag
from tuner.errors import SIGNAL_EXIT_CODES, Interrupted, NoBestTrial
from tuner.reporting.events import Notice
from tuner.reporting.result import result_sentences, scored
from tuner.reporting.terminal import progress
from tuner.reporting.text import describe, spent_words
from tuner.reporting.views import best_view, recipe_of, status_view, trials_over
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
        run: Runs the trials. Returns False where there was no trial left to run.

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
        ran = run(machine, watch)
    with Database(url) as database:
        study = Studies(database).get(name)
        status = status_view(database, study)
        best = best_view(database, study) if status["best"] else None
    _print_state(status, ran)
    if best is None:
        if status["state"] == "paused":
            return
        raise NoBestTrial(f"no trial of study {name!r} is complete; `tuner trials {name}` says why")
    seen = best["validation"]
    value = scored(best["metric"], best["value"], seen["right"], seen["rows"])
    click.echo(f"Best: trial {best['trial']}, {value}: {describe(best['hyperparameters'])}")
    for sentence in result_sentences(best, status["guess"]):
        click.echo(sentence)
    if best["recipe"]["value"] is not None and best["parent"] is None:
        click.echo(f"Trial 0 is {recipe_of(best)}.")
    storage = storage_flag(url)
    program = _program()
    click.echo("Go on with:")
    click.echo(f"  {program} dashboard{storage}")
    for command in _next_commands(name, status, best):
        click.echo(f"  {program} {command}{storage}")
    if _is_perfect(best):
        click.echo(f"Nothing is left to search: no {best['metric']} is better than {best['value']:g}.")


def _next_commands(name: str, status: Mapping[str, Any], best: Mapping[str, Any]) -> list[str]:
    """Return the commands that go on with a study, those that can do something."""
    if status["parent"] is not None:
        return [f"best {status['parent']}"]
    commands = []
    if status["state"] == "finished" and status["test"]["state"] in ("locked", "open"):
        commands.append(f"test {name}")
    # Where a part of the budget is spent, the reason of the pause names the command that raises it.
    if status["state"] in ("paused", "interrupted", "running") and not status["overdrawn"]:
        commands.append(f"resume {name}")
    elif status["state"] == "finished" and not _is_perfect(best):
        commands.append(f"resume {name} {_more(status)}")
    return [*commands, f"export {name} {name}-model"]


def _is_perfect(best: Mapping[str, Any]) -> bool:
    return bool(best["value"] == (1.0 if best["direction"] == "maximize" else 0.0))


def _more(status: Mapping[str, Any]) -> str:
    """Return the option that gives a study more of what it was bounded by."""
    runs = status["budget"]["runs"]
    return f"--trials {status['trials']['total'] + 8}" if runs is None else f"--runs {runs + 2:g}"


def _preempted(number: int, _: object) -> None:
    name = signal.Signals(number)
    raise Interrupted(f"stopped by {name.name}; the same command goes on", SIGNAL_EXIT_CODES[name])


def _program() -> str:
    """Return the command to type for this program: `tuner`, or its path where `tuner` would not find it."""
    if os.path.basename(sys.argv[0]) != "tuner" or shutil.which("tuner") == sys.argv[0]:
        return "tuner"
    return os.path.relpath(sys.argv[0])


def _print_state(status: dict[str, object], ran: bool) -> None:
    trials = status["trials"]
    assert isinstance(trials, dict)
    over = trials_over(status)
    counts = f"{trials['complete']} complete, {trials['pruned']} pruned, {trials['failed']} failed"
    state = status["state"]
    if state in ("paused", "stopped"):
        why = f": {status['reason']}" if status["reason"] else ""
        click.echo(f"Study {status['study']} is {state} after {over} of {trials['total']} trials ({counts}){why}.")
    elif not ran:
        click.echo(f"Study {status['study']} is finished: {over} of {trials['total']} trials ({counts}).")
    else:
        click.echo(f"Study {status['study']}: {over} of {trials['total']} trials ({counts}).")
    spent = status["spent"]
    assert isinstance(spent, dict)
    click.echo(f"Spent: {spent_words(spent['runs'], spent['device_s'], projected=spent['projected'])}.")
    search = status["search"]
    if isinstance(search, dict) and search["over"]:
        click.echo(f"The search ended: {search['reason']}.")
