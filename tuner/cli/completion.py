"""What the shell may complete: names of studies, numbers of trials, and keys to sort by. Any error means: nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from storage import Database, TrialRecord

#: Seconds after which a database that does not answer is given up: somebody waits at a prompt.
DEADLINE_S = 2.0
Found = TypeVar("Found")
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def make_complete(command: click.Command) -> None:
    """Give the parameters of a command their completions, by the parameters' names.

    Args:
        command: A command, of which studies are called `name` and trials `trial`, whether argument or option.
    """
    for parameter in command.params:
        complete = _COMPLETIONS.get(str(parameter.name))
        if complete is not None:
            parameter.type = _Completed(parameter.type, complete)


class _Completed(click.ParamType[Any]):
    """A type of parameter with completions of our own.

    Args:
        of: The type, which converts values as before.
        complete: Returns the completions of what is typed so far.
    """

    def __init__(self, of: click.ParamType[Any], complete: Complete) -> None:
        self._of = of
        self._complete = complete
        self.name = of.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._of.convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return self._complete(ctx, param, incomplete)


def _studies(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    def ask(database: Database) -> list[str]:
        from storage import Studies

        return Studies(database).names()

    return [CompletionItem(name) for name in _asked(ctx, ask) if name.startswith(typed)]


def _trials(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    return [
        CompletionItem(str(trial.number), help=_told(trial))
        for trial in _asked(ctx, partial(_trials_of, ctx))
        if str(trial.number).startswith(typed)
    ]


def _orders(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
    from tuner.reporting.trials_table import ORDERS, parameters_of

    known = [*ORDERS, *parameters_of(_asked(ctx, partial(_trials_of, ctx)))]
    return [CompletionItem(name) for name in known if name.startswith(typed)]


def _trials_of(ctx: click.Context, database: Database) -> list[TrialRecord]:
    from storage import History, Studies

    # While the value of an option is typed, click has not told apart the arguments: the study is the first of them.
    name = ctx.params.get("name") or ctx.args[0]
    return History(database, Studies(database).get(str(name))).trials()


def _told(trial: TrialRecord) -> str:
    return str(trial.state) if trial.value is None else f"{trial.state} {trial.value:.4f}"


#: Completions by the name of a parameter.
_COMPLETIONS: Mapping[str, Complete] = {"name": _studies, "trial": _trials, "sort": _orders}


def _asked(ctx: click.Context, ask: Callable[[Database], list[Found]]) -> list[Found]:
    """Return what a database answers, of a command line that is not finished; nothing where it does not, in time."""
    from storage import Database

    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE_S)
    try:
        with Database(str(ctx.params["url"])) as database:
            return ask(database)
    except Exception:
        return []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
