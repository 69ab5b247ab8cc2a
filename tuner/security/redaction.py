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
from collections.abc import Mapping
from typing import Any

from storage import mask_password
from tuner.security.known_secrets import learn, strike_out


def redact(text: str) -> str:
    """Return a text fit to be shown: secrets that are known, and passwords in URLs, are `***`.

    Half a character, which Python makes of a byte that is no text and which no terminal takes, is escaped.
    """
    return mask_password(strike_out(text)).encode("utf-8", "backslashreplace").decode("utf-8")


def storable(text: str) -> str:
    """Return a text fit to be shown and to be stored in every database: NUL, which PostgreSQL refuses, is escaped."""
    return redact(text).replace("\0", "\\0")


def storable_json(value: Any) -> Any:
    """Return a JSON value in which every text, keys too, is fit to be shown and stored."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable_json(key): storable_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(entry) for entry in value]
    return value


def redact_what_is_written() -> None:
    """Redact what loggers and threads that fail write, from now on; learn the secrets of this environment."""
    learn(os.environ)
    make = logging.getLogRecordFactory()

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            record.msg, record.args = redact(record.getMessage()), None
            if record.exc_info and record.exc_info[1] is not None:
                record.exc_text = traceback_of(record.exc_info[1])
        except Exception:  # a message that does not fit its arguments, or cannot be shown: logging says so itself
            return record
        return record

    def show(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
            print(traceback_of(ended.exc_value), file=sys.stderr)  # noqa: T201 (as Python itself does)

    logging.setLogRecordFactory(redacted)
    threading.excepthook = show


def traceback_of(error: BaseException) -> str:
    """Return an error's traceback, fit to be shown."""
    return redact("".join(traceback.format_exception(error)).rstrip("\n"))
