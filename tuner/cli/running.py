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
from tuner.reporting.terminal import progress
from tuner.reporting.text import describe, no_better_than_guess, spent_words
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
    click.echo(
        f"Best: trial {best['trial']}, {best['metric']} {best['value']:.4f}: {describe(best['hyperparameters'])}"
    )
    if status["guess"] is not None:
        sentence = no_better_than_guess(best["value"], status["guess"], best["direction"])
        click.echo(sentence or f"Guessing the largest class: {best['metric']} {status['guess']:.4f}.")
    if best["recipe"]["value"] is not None:
        _print_gain(best)
    storage = storage_flag(url)
    program = _program()
    click.echo("Go on with:")
    click.echo(f"  {program} dashboard{storage}")
    click.echo(f"  {program} resume {name} {_more(status)}{storage}")
    click.echo(f"  {program} export {name} {name}-model{storage}")


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


def _print_gain(best: dict[str, object]) -> None:
    recipe, value, metric = best["recipe"], best["value"], best["metric"]
    assert isinstance(recipe, dict)
    assert isinstance(value, float)
    published = recipe["value"]
    if recipe["trial"] == best["trial"]:
        click.echo(f"No trial beat trial 0 ({metric} {published:.4f}). Trial 0 is {recipe_of(best)}.")
        return
    gain = value - published if best["direction"] == "maximize" else published - value
    click.echo(f"It beats trial 0 ({metric} {published:.4f}) by {gain:.4f}. Trial 0 is {recipe_of(best)}.")
