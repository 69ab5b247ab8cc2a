"""Opens databases: our own connections and, on the same database, Optuna's storage. No other module opens one."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from storage import fencing, mysql, reading, tables, transactions
from storage.backends import SQLite, backend_of
from storage.errors import STARTED, DatabaseMissing, DatabaseOutdated, DatabaseUnreachable, StorageError
from storage.urls import mask_url, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import optuna


class Database:
    """An open database. Threads may share it; processes may not.

    Args:
        url: A SQLAlchemy URL of a SQLite file, or of a PostgreSQL, MySQL or MariaDB database.
        create: Create the file and the tables if they are missing. Commands that only read leave it False.
        outdated: Also open tables of an earlier version. Only `tuner db upgrade` needs that.
        of_optuna: Also open a database without tables of ours, in which Optuna alone may have studies.

    Raises:
        InvalidStorageURL: The URL names no database that tuner can open.
        DatabaseMissing: The file or the tables do not exist, and `create` is False.
        DatabaseUnreachable: The server does not answer, or refuses the connection.
        DatabaseUnreadable: The file is not a database, or the server's settings do not keep transactions safe.
        DatabaseOutdated: The tables are of another version.
    """

    def __init__(self, url: str, *, create: bool = False, outdated: bool = False, of_optuna: bool = False) -> None:
        self._url = parse_url(url)
        self._backend = backend_of(self._url)
        self._has_own_tables = False
        if create:
            self._backend.prepare()
        else:
            self._backend.check()
        self.engine = sa.create_engine(self._url, **self._backend.engine_arguments(ours=True))
        self._backend.attach(self.engine, ours=True)
        try:
            self._backend.check_server(self.engine)
            if create:
                self._create_tables()
            if not (of_optuna and not self.has_own_tables):
                self._check_version(outdated=outdated)
        except (sa.exc.SQLAlchemyError, sqlite3.DatabaseError) as error:
            self.engine.dispose()
            raise self._backend.unusable(error) from error
        except BaseException:
            self.engine.dispose()
            raise

    @staticmethod
    def path_of(url: str) -> Path | None:
        """Return the path of the file that a URL names, even if it does not exist; None for a database on a server.

        Raises:
            InvalidStorageURL: The URL names no database that tuner can open.
        """
        backend = backend_of(parse_url(url))
        return backend.path if isinstance(backend, SQLite) else None

    @property
    def path(self) -> Path | None:
        """The database file; None for a database on a server."""
        return self._backend.path if isinstance(self._backend, SQLite) else None

    @property
    def url(self) -> str:
        """The URL with its password masked, for messages."""
        return mask_url(self._url.render_as_string(hide_password=True))

    @property
    def has_own_tables(self) -> bool:
        """Whether the database has tables of ours. Without them it has no study of tuner; Optuna may have some."""
        if not self._has_own_tables:
            with self.read() as connection:
                self._has_own_tables = schema_version(connection) is not None
        return self._has_own_tables

    @cached_property
    def own_tables(self) -> sa.MetaData:
        """Our tables, with the types and options that this kind of database has for them."""
        return self._backend.tables(tables.metadata)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection whose statements all read one snapshot of the database."""
        with self._one_state.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that takes SQLite's write lock at its start.

        A transaction on SQLite that reads first and writes later fails if another process wrote in between.
        """
        with self._writing.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def creation_lock(self) -> Iterator[None]:
        """Keep all other processes from creating tables or studies."""
        with self._backend.creation_lock(self.engine):
            yield

    @cached_property
    def optuna_storage(self) -> optuna.storages.RDBStorage:
        """Optuna's storage on the same database, fenced; see `storage.fencing`.

        The first use imports Optuna, which takes most of a second. Commands that only read avoid it.

        Raises:
            DatabaseOutdated: Optuna's tables are of another version.
        """
        # Optuna creates its tables and its version row without a lock: of eight processes that start at once on an
        # empty database, seven crash.
        with self.creation_lock():
            try:
                storage = self.new_optuna_storage()
            except RuntimeError as error:  # Optuna's own check of the version of its tables
                raise self._of_another_optuna() from error
        self._backend.attach(storage.engine, ours=False)
        storage.engine.dispose()  # drop the connections that were made before the listeners were registered
        transactions.attach(storage)
        fencing.attach(storage)
        return storage

    @cached_property
    def optuna_reader(self) -> optuna.storages.RDBStorage:
        """Optuna's storage on the same database, read-only: the database refuses every write of its connections.

        Raises:
            DatabaseMissing: Optuna's tables are not made yet.
            DatabaseOutdated: Optuna's tables are of another version.
        """
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                raise DatabaseMissing(f"{self._backend.shown} holds no study of tuner; {STARTED}")
        try:
            storage = self.new_optuna_storage(skip_table_creation=True)
        except RuntimeError as error:
            raise self._of_another_optuna() from error
        self._backend.attach(storage.engine, ours=False)
        reading.make_read_only(storage)
        return storage

    def new_optuna_storage(self, **arguments: Any) -> optuna.storages.RDBStorage:
        """Return a plain storage of Optuna's, without fence or listeners.

        The caller holds the creation lock unless `skip_table_creation` is set, and closes the storage.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)  # by default Optuna logs each new study on stderr
        if isinstance(self._backend, mysql.MySQL):  # Optuna would create its tables with the server's default options
            from optuna.storages._rdb.models import BaseModel

            self._backend.tables(BaseModel.metadata).create_all(self.engine)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.storages.RDBStorage(
                self._url.render_as_string(hide_password=False),
                engine_kwargs=self._backend.engine_arguments(ours=False),
                **arguments,
            )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        for name in ("optuna_storage", "optuna_reader"):
            if storage := self.__dict__.get(name):
                storage.remove_session()
                storage.engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _of_another_optuna(self) -> DatabaseOutdated:
        return DatabaseOutdated(
            f"the tables of Optuna in {self._backend.shown} are not those of Optuna {version('optuna')}; "
            "`tuner db upgrade` brings them up to date"
        )

    @cached_property
    def _one_state(self) -> sa.Engine:
        if self.path is not None:
            return self.engine
        return self.engine.execution_options(isolation_level="REPEATABLE READ")

    @cached_property
    def _writing(self) -> sa.Engine:
        return self.engine.execution_options(tuner_writes=True)

    def _create_tables(self) -> None:
        with self.creation_lock():
            self._backend.begin_creation(self.engine)
            with self.write() as writer:
                # Existing tables of another version stay as they are; the version check that follows refuses them.
                # MySQL commits after each CREATE TABLE. So the version row comes last: with it, all tables exist.
                if schema_version(writer) is None:
                    self.own_tables.create_all(writer)
                    row = {"id": 1, "version": tables.SCHEMA_VERSION, "optuna": optuna_major()}
                    writer.execute(tables.schema.insert().values(**row))

    def _check_version(self, *, outdated: bool) -> None:
        with self.read() as connection:
            found = schema_version(connection)
            if found is None:
                raise DatabaseMissing(f"{self._backend.shown} holds no study of tuner; {STARTED}")
            of_optuna = made_by_optuna(connection)
        ours = tables.SCHEMA_VERSION
        if found > ours or (found < ours and not outdated):
            how = "`tuner db upgrade` brings them up to date" if found < ours else "use the tuner that made them"
            raise DatabaseOutdated(
                f"{self._backend.shown} has tables of version {found}, this tuner writes version {ours}; {how}"
            )
        if of_optuna is None:
            return
        if of_optuna > optuna_major() or (of_optuna < optuna_major() and not outdated):
            here = version("optuna")
            how = (
                "`tuner db upgrade` takes it over, once no other version writes there"
                if of_optuna < optuna_major()
                else f"install optuna {of_optuna}"
            )
            raise DatabaseOutdated(
                f"{self._backend.shown} was made by Optuna {of_optuna}, here is Optuna {here}; {how}"
            )


def optuna_major() -> int:
    """Return the major version of the installed Optuna, without importing it."""
    return int(version("optuna").split(".")[0])


def schema_version(connection: sa.Connection) -> int | None:
    """Return the version of our tables; None if they do not exist or their creation has not finished."""
    if not sa.inspect(connection).has_table(tables.schema.name):
        return None
    found: int | None = connection.execute(sa.select(tables.schema.c.version)).scalar()
    return found


def made_by_optuna(connection: sa.Connection) -> int | None:
    """Return the major version of the Optuna that the database belongs to; None if the tables do not record it."""
    majors = []
    inspector = sa.inspect(connection)
    if "optuna" in {column["name"] for column in inspector.get_columns(tables.schema.name)}:
        majors.append(int(connection.execute(sa.select(tables.schema.c.optuna)).scalar_one()))
    if inspector.has_table("version_info"):
        written: Any = connection.execute(sa.text("SELECT library_version FROM version_info")).scalar()
        if written:
            majors.append(int(str(written).split(".")[0]))
    # Our tables and Optuna's may record different versions. Return the one that is not installed; of two such
    # the later, because `tuner db upgrade` cannot help with that.
    strange = [major for major in majors if major != optuna_major()]
    return max(strange or majors, default=None)


#: Packages of the database drivers for servers.
_DRIVERS = ("psycopg", "pymysql")


def describe_outage(error: BaseException) -> str | None:
    """Return the cause of an outage in one line; None if the error is not an outage.

    An outage passes by itself: the server restarts or refuses connections, the network is down, another process is
    writing the SQLite file. The interrupted operation may be tried again.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DatabaseUnreachable):
            return str(seen)
        if _is_transient(seen):
            cause = getattr(seen, "orig", None) or seen
            lines = (mysql.message_of(cause) or str(cause)).strip().splitlines()
            return lines[0] if lines else type(seen).__name__
        if isinstance(seen, StorageError):
            return None
        seen = seen.__cause__
    return None


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, sa.exc.DBAPIError) and isinstance(error.orig, sqlite3.Error):
        return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None and mysql.is_permanent(error.orig):
        return False
    if isinstance(error, Exception) and type(error).__module__.split(".")[0] in _DRIVERS:
        # An error of the driver itself: SQLAlchemy does not translate errors raised while it sets up a connection.
        names = {base.__name__ for base in type(error).__mro__}
        return not names.isdisjoint(("OperationalError", "InterfaceError")) and not mysql.is_permanent(error)
    # PendingRollbackError: Optuna runs one more statement in a session whose connection has just broken.
    return isinstance(
        error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError | sa.exc.PendingRollbackError
    )
