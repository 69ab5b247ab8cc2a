"""URLs of databases: which ones can be opened, and how they may be shown."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from storage.errors import InvalidStorageURL

#: Where studies are kept unless somebody says otherwise.
DEFAULT_URL = "sqlite:///tuner.db"
_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_MYSQL = ("mysql", "mysql+pymysql", "mariadb", "mariadb+pymysql")
#: What a URL of MySQL may say after its `?`, all of it PyMySQL's: how to reach the server, and as whom.
_MYSQL_OPTIONS = (
    *("bind_address", "connect_timeout", "read_default_file", "read_default_group", "read_timeout", "ssl_ca"),
    *("ssl_capath", "ssl_cert", "ssl_check_hostname", "ssl_cipher", "ssl_key", "unix_socket", "write_timeout"),
)
_HOW = "write sqlite:///folder/file.db, mysql://user@host/database or postgresql://user@host/database"


def mask_password(text: str) -> str:
    """Return a text fit to be shown: the passwords of the URLs in it, if they have any, are `***`."""
    return re.sub(r"[\w+.-]+://\S+", lambda url: mask_url(url[0]), text)


def mask_url(url: str) -> str:
    """Return a URL fit to be shown, however malformed it is."""
    # A password may hold @ : and /, encoded or not, so that a URL as a library parses it is not what to rely on.
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
        The URL with the driver that we use.

    Raises:
        InvalidStorageURL: It is no URL, or of a database that is not supported; a password is never repeated.
    """
    shown = f"storage {mask_url(url)!r}"
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Without its cause, which repeats the part of the URL that it could not read: perhaps a password.
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
