"""Asks a person at a terminal for consent."""

from __future__ import annotations

import sys

import click

from tuner.errors import NobodyToAsk


def agreed(question: str, *, otherwise: str) -> bool:
    """Return whether the person at the terminal answers a question with yes.

    Args:
        question: The question, which is shown on stderr.
        otherwise: Why nobody can be asked and what to give in place of an answer, where there is no terminal.

    Raises:
        NobodyToAsk: There is no terminal.
    """
    if not sys.stdin.isatty():
        raise NobodyToAsk(otherwise)
    return click.confirm(question, err=True)
