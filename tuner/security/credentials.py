"""Credentials: where the database's URL and password come from, and which of them trainers do without."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tuner.errors import TunerError
from tuner.security.known_secrets import keep_secret

#: Bytes of a file with a URL or a password; a larger one is another file.
_MAX_BYTES = 1 << 16
#: What trainers never need, as only their supervisor talks to the database: prefixes, and whole names.
_NOT_FOR_TRAINERS = (
    "TUNER_STORAGE",
    "TUNER_DASHBOARD_",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSERVICEFILE",
    "PGSSLKEY",
    "PGSSLPASSWORD",
    "MYSQL_PWD",
)


class UnreadableSecret(TunerError):
    """A file that is to hold a secret cannot be read, or holds none."""


def read_secret(path: str, *, name: str, warn: Callable[[str], None]) -> str:
    """Read a file that holds one secret.

    Args:
        path: The file.
        name: What names it, such as an environment variable; for messages.
        warn: Told in a line where others can read the file. Files of other users, such as mounted secrets, are
            their owners' business.

    Returns:
        What is in it, without the end of its line.

    Raises:
        UnreadableSecret: It cannot be read, or is empty.
    """
    try:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_MAX_BYTES + 1)
        text = content.decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no text"
        raise UnreadableSecret(f"{name}: {path} cannot be read: {reason}") from None
    if not text.strip() or len(content) > _MAX_BYTES or "\n" in text:
        raise UnreadableSecret(f"{name}: {path} must hold one line")
    if status.st_uid == os.geteuid() and status.st_mode & 0o077:
        warn(f"{name}: others can read {path}; chmod 600 {path}")
    return keep_secret(text)


def with_password(url: str, password: str) -> str:
    """Return a storage URL with a password, where it is a server's and has none.

    Raises:
        UnreadableSecret: The URL names no user whose password it could be.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return url  # whoever opens it says what is wrong with it
    if parsed.drivername.startswith("sqlite") or parsed.password or "password" in parsed.query:
        return url
    if not parsed.username:
        raise UnreadableSecret(
            "TUNER_STORAGE_PASSWORD_FILE: the URL of the database names no user; write such as postgresql://user@host/name"
        )
    return parsed.set(password=password).render_as_string(hide_password=False)


def keep_url_secret(url: str) -> str:
    """Have the password of a storage URL, where it has one, not shown in any text; return the URL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return url
    found = parsed.query.get("password", parsed.query.get("sslpassword"))
    for secret in (parsed.password, *([found] if isinstance(found, str) else found or ())):
        if secret:
            keep_secret(str(secret))
    return url


def trainer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what lets in to the database or the dashboard."""
    return {name: value for name, value in environment.items() if not name.startswith(_NOT_FOR_TRAINERS)}
