"""Parses and checks URLs of databases, and masks the passwords in URLs."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from storage.errors import InvalidStorageURL

#: The database that is used if the user names none.
DEFAULT_URL = "sqlite:///tuner.db"
_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_MYSQL = ("mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql")
#: Options that a MySQL URL may have after its `?`: those of PyMySQL about the connection and the login.
_MYSQL_OPTIONS = (
    *("bind_address", "connect_timeout", "read_default_file", "read_default_group", "read_timeout", "ssl_ca"),
    *("ssl_capath", "ssl_cert", "ssl_check_hostname", "ssl_cipher", "ssl_key", "unix_socket", "write_timeout"),
)
_HOW = "write sqlite:///folder/file.db, mysql://user@host/database or postgresql://user@host/database"


def mask_password(text: str) -> str:
    """Return a text in which `***` replaces the passwords of all URLs."""
    return re.sub(r"[\w+.-]+://\S+", lambda url: mask_url(url[0]), text)


def mask_url(url: str) -> str:
    """Return a URL in which `***` replaces the password, even if the URL is malformed."""
    # No URL parser is used: a password may contain @, : and /, encoded or not, and a parser may split it there.
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    rest = re.sub(r"([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)[^&]*", r"\1***", rest, flags=re.IGNORECASE)
    if scheme.startswith("sqlite") and rest.startswith("/"):
        return scheme + separator + rest  # a path
    rest = re.sub(r"^([^:]*):.*@", r"\1:***@", rest, flags=re.DOTALL)
    if separator:
        rest = re.sub(r"^([^:/?]*):(?!\d+\b)[^/?@]+(?=[/?]|$)", r"\1:***", rest)  # a word in place of a port
    return scheme + separator + rest


def parse_url(url: str) -> sa.URL:
    """Parse a storage URL.

    Returns:
        The URL with the driver that tuner uses.

    Raises:
        InvalidStorageURL: The text is not a URL of a supported database. The message never contains a password.
    """
    shown = f"storage {mask_url(url)!r}"
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # `from None`: the cause quotes the part of the URL that could not be parsed, which may be a password.
        raise InvalidStorageURL(f"{shown} is no database URL; {_HOW}") from None
    if parsed.drivername in _POSTGRESQL:
        if not parsed.database:
            raise InvalidStorageURL(f"{shown} names no database; {_HOW}")
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in _MYSQL:
        _check_mysql(parsed, shown)
        return parsed.set(drivername="mysql+pymysql")
    if parsed.drivername not in _SQLITE:
        raise InvalidStorageURL(f"{shown}: {parsed.drivername} is not supported; {_HOW}")
    _check_sqlite(parsed, shown)
    return parsed


def _check_mysql(parsed: sa.URL, shown: str) -> None:
    if not parsed.database:
        raise InvalidStorageURL(f"{shown} names no database; {_HOW}")
    for name, value in parsed.query.items():
        if name not in _MYSQL_OPTIONS:
            raise InvalidStorageURL(f"{shown}: {name!r} is not supported; known: {', '.join(_MYSQL_OPTIONS)}")
        if not isinstance(value, str) or (name.endswith("_timeout") and not value.isdecimal()):
            kind = "one number of seconds" if name.endswith("_timeout") else "one value"
            raise InvalidStorageURL(f"{shown}: {name} takes {kind}")


def _check_sqlite(parsed: sa.URL, shown: str) -> None:
    how = "write sqlite:///folder/file.db"
    if parsed.host or parsed.username or parsed.password or parsed.port:
        raise InvalidStorageURL(
            f"{shown}: a SQLite file is on no host; {how}, or sqlite:////folder/file.db from the root"
        )
    if not parsed.database or ":memory:" in parsed.database or parsed.query.get("mode") == "memory":
        raise InvalidStorageURL(f"{shown} lives in memory, where no study can be resumed; {how}")
    if parsed.query or parsed.database.startswith("file:") or "\0" in parsed.database:
        raise InvalidStorageURL(f"{shown}: only a plain path is supported; {how}")
