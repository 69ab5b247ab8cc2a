"""The database's URL and password: read from files, kept secret, and left out of the trainers' environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tuner.errors import TunerError
from tuner.security.known_secrets import keep_secret

#: Most bytes of a file with a URL or a password. A larger file cannot be one.
_MAX_BYTES = 1 << 16
#: Environment variables that are not passed to trainers, by the start of their names. Only the supervisor connects to
#: the database.
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
    """A file that should hold a secret cannot be read, or holds none."""


def read_secret(path: str, *, name: str, warn: Callable[[str], None]) -> str:
    """Read a file that holds one secret.

    Args:
        path: The file.
        name: The setting that names the file, such as an environment variable; for messages.
        warn: Called with a warning where users other than the owner can read the file. A file of another user, such as
            a mounted secret, gets no warning.

    Returns:
        The content of the file, without its line end.

    Raises:
        UnreadableSecret: The file cannot be read, is empty, or holds more than one line.
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
    """Return a storage URL with a password added, where the URL is a server's and has no password.

    Raises:
        UnreadableSecret: The URL names no user for the password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return url  # opening the database reports the mistake
    if parsed.drivername.startswith("sqlite") or parsed.password or "password" in parsed.query:
        return url
    if not parsed.username:
        raise UnreadableSecret(
            "TUNER_STORAGE_PASSWORD_FILE: the URL of the database names no user; write such as postgresql://user@host/name"
        )
    return parsed.set(password=password).render_as_string(hide_password=False)


def keep_url_secret(url: str) -> str:
    """Register the password of a storage URL, where it has one, as a secret that no text shows; return the URL."""
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
    """Return an environment without the variables that give access to the database or the dashboard."""
    return {name: value for name, value in environment.items() if not name.startswith(_NOT_FOR_TRAINERS)}
