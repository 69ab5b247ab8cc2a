"""The one place that opens databases: ours and, on the same tables, Optuna's."""

from __future__ import annotations

import re
import sqlite3
import warnings
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy import event
from sqlalchemy.engine import make_url

from storage import tables
from storage.errors import DatabaseMissing, DatabaseUnreadable, InvalidStorageURL

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna

#: Where studies are kept unless somebody says otherwise.
DEFAULT_URL = "sqlite:///tuner.db"
#: Seconds that a writer waits for another one on SQLite; Optuna's own default of 5 is seen to run out.
BUSY_TIMEOUT_S = 60.0


def mask_password(text: str) -> str:
    """Return a text fit to be shown: the passwords of the URLs in it, if they have any, are `***`."""
    return re.sub(r"[\w+.-]+://\S+", lambda url: _mask_url(url[0]), text)


def _mask_url(url: str) -> str:
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

    Raises:
        InvalidStorageURL: It is no URL, or of a database that is not supported; a password is never repeated.
    """
    shown = f"storage {_mask_url(url)!r}"
    how = "write sqlite:///folder/file.db"
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Without its cause, which repeats the part of the URL that it could not read: perhaps a password.
        raise InvalidStorageURL(f"{shown} is no database URL; {how}") from None
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise InvalidStorageURL(f"{shown}: {parsed.drivername} is not supported; {how}")
    if parsed.host or parsed.username or parsed.password or parsed.port:
        raise InvalidStorageURL(
            f"{shown}: a SQLite file is on no host; {how}, or sqlite:////folder/file.db from the root"
        )
    if not parsed.database or ":memory:" in parsed.database or parsed.query.get("mode") == "memory":
        raise InvalidStorageURL(f"{shown} lives in memory, where no study can be resumed; {how}")
    if parsed.query or parsed.database.startswith("file:") or "\0" in parsed.database:
        raise InvalidStorageURL(f"{shown}: only a plain path is supported; {how}")
    return parsed


class Database:
    """An opened database. Safe to share between threads; not between processes.

    Args:
        url: A SQLAlchemy URL of a SQLite file.
        create: Make the file and the tables where they are missing. Readers leave it False and create nothing.

    Raises:
        InvalidStorageURL: The URL names no database we can open.
        DatabaseMissing: There is no such file and `create` is False.
        DatabaseUnreadable: The file is no database, or of another version of this package.
    """

    def __init__(self, url: str, *, create: bool = False) -> None:
        self._url = parse_url(url)
        #: The database file.
        self.path = self.path_of(url)
        if create:
            self._make_folder()
        elif not self._exists():
            raise DatabaseMissing(f"there is no database {self.path}; `tuner start` makes one, --storage names another")
        self.engine = sa.create_engine(self._url, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(self.engine, "connect", _leave_transactions_to_us)
        event.listen(self.engine, "begin", _begin)
        try:
            if create:
                self._create_tables()
            self._check_version()
        except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
            self.engine.dispose()
            reason = getattr(error, "orig", error)
            raise DatabaseUnreadable(f"{self.path} cannot be used as a database: {reason}") from error
        except BaseException:
            self.engine.dispose()
            raise

    @staticmethod
    def path_of(url: str) -> Path:
        """Return the file that a URL names, whether it exists or not.

        Raises:
            InvalidStorageURL: The URL names no database we can open.
        """
        return Path(parse_url(url).database or "").resolve()

    @property
    def url(self) -> str:
        """The URL with its password masked, fit to be shown."""
        return self._url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the database."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a connection whose transaction owns the right to write from its start.

        On SQLite a transaction that reads first and writes later fails when another one wrote in between.
        """
        with self.engine.connect().execution_options(tuner_writes=True) as connection, connection.begin():
            yield connection

    @cached_property
    def optuna_storage(self) -> optuna.storages.RDBStorage:
        """Optuna's own storage on the same tables. Importing Optuna takes most of a second: readers do without."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces each study on stderr
        # Optuna creates its tables and its version row without a lock; of eight first starters, seven crash.
        with self._creation_lock(), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = optuna.storages.RDBStorage(
                self._url.render_as_string(hide_password=False),
                engine_kwargs={"connect_args": {"timeout": BUSY_TIMEOUT_S}},
            )
        event.listen(storage.engine, "connect", _set_pragmas)
        storage.engine.dispose()  # so that no connection made before the listener stays in the pool
        return storage

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        if "optuna_storage" in self.__dict__:
            self.optuna_storage.remove_session()
            self.optuna_storage.engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exists(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path} cannot be looked at: {error.strerror}") from error

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path.parent} cannot be made: {error.strerror}") from error

    def _creation_lock(self) -> FileLock:
        return FileLock(f"{self.path}.lock")

    def _create_tables(self) -> None:
        try:
            lock = self._creation_lock()
            lock.acquire()
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path.parent} takes no files: {error.strerror}") from error
        try:
            connection = self.engine.raw_connection()  # the mode cannot change inside a transaction
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
            with self.write() as writer:
                # All or none: tables of another version are left as they are, for the check that follows.
                if not sa.inspect(writer).has_table(tables.schema.name):
                    tables.metadata.create_all(writer)
                    writer.execute(tables.schema.insert().values(id=1, version=tables.SCHEMA_VERSION))
        finally:
            lock.release()

    def _check_version(self) -> None:
        with self.read() as connection:
            if not sa.inspect(connection).has_table(tables.schema.name):
                raise DatabaseMissing(f"{self.path} holds no study of tuner; `tuner start` makes one")
            version = connection.execute(sa.select(tables.schema.c.version)).scalar()
        if version != tables.SCHEMA_VERSION:
            raise DatabaseUnreadable(
                f"{self.path} has tables of version {version}, this tuner writes version {tables.SCHEMA_VERSION}; "
                "use the tuner that made it"
            )


def now_days() -> sa.ColumnElement[float]:
    """Return the database's own clock in days, as SQL; never the clock of the machine that asks."""
    return sa.func.julianday("now", type_=sa.Float)


def _set_pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")  # with WAL: a power cut may cost the last commit, never the file
    cursor.close()


def _leave_transactions_to_us(connection: Any, record: object) -> None:
    # The driver would begin a transaction only at its first write, and then not as the one writer.
    connection.isolation_level = None
    _set_pragmas(connection, record)


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("tuner_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
