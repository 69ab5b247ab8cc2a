"""Redaction: removes secrets from a text just before it is shown, logged or stored.

Our own code puts no secret into a text. Libraries and modules of users may, above all in errors. So the secrets that
this process knows are removed at every point where a text leaves the process.
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
    """Return a text that may be shown: known secrets, and passwords in URLs, are replaced by `***`.

    Lone surrogates are escaped: Python decodes bytes that are not UTF-8 to them, and no terminal accepts them.
    """
    return mask_password(strike_out(text)).encode("utf-8", "backslashreplace").decode("utf-8")


def storable(text: str) -> str:
    """Return a redacted text that every database can store: NUL, which PostgreSQL refuses, is escaped."""
    return redact(text).replace("\0", "\\0")


def storable_json(value: Any) -> Any:
    """Return a JSON value in which every string, keys included, is `storable`."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable_json(key): storable_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(entry) for entry in value]
    return value


def redact_what_is_written() -> None:
    """Redact from now on the records of all loggers and the tracebacks of failed threads.

    Registers the secrets of this process's environment first.
    """
    learn(os.environ)
    make = logging.getLogRecordFactory()

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            record.msg, record.args = redact(record.getMessage()), None
            if record.exc_info and record.exc_info[1] is not None:
                record.exc_text = traceback_of(record.exc_info[1])
        except Exception:  # the arguments do not fit the message, or cannot be shown: logging reports that
            return record
        return record

    def show(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None and not isinstance(ended.exc_value, SystemExit):
            print(traceback_of(ended.exc_value), file=sys.stderr)  # noqa: T201 (as Python itself does)

    logging.setLogRecordFactory(redacted)
    threading.excepthook = show


def traceback_of(error: BaseException) -> str:
    """Return an error's traceback, redacted."""
    return redact("".join(traceback.format_exception(error)).rstrip("\n"))
