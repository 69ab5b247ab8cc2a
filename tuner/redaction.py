"""Redaction: the last hand that a text goes through before it is shown, logged or stored.

Nothing of ours puts a secret into a text. Libraries and modules of users may, in errors above all; so what this process
knows to be secret is struck out wherever a text leaves it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from typing import Any

from storage import mask_password
from tuner.known_secrets import learn, strike_out


def redact(text: str) -> str:
    """Return a text fit to be shown: secrets that are known, and passwords in URLs, are `***`."""
    return mask_password(strike_out(text))


def redact_what_is_written() -> None:
    """Redact what loggers and threads that fail write, from now on; learn the secrets of this environment."""
    learn(os.environ)
    make = logging.getLogRecordFactory()

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            record.msg, record.args = redact(record.getMessage()), None
        except (TypeError, ValueError):  # a message that does not fit its arguments: logging says so itself
            return record
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = traceback_of(record.exc_info[1])
        return record

    def show(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
            print(traceback_of(ended.exc_value), file=sys.stderr)  # noqa: T201 (as Python itself does)

    logging.setLogRecordFactory(redacted)
    threading.excepthook = show


def traceback_of(error: BaseException) -> str:
    """Return an error's traceback, fit to be shown."""
    return redact("".join(traceback.format_exception(error)).rstrip("\n"))
