"""The differences between the supported databases: connecting, beginning transactions, creating tables once.

In this file "ours" is an engine of `Database`, as opposed to the engine that Optuna's storage makes for itself.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy import event

from storage.errors import STARTED, DatabaseFull, DatabaseMissing, DatabaseUnreachable, DatabaseUnreadable
from storage.mysql import MySQL
from storage.sharing import LOCK_AGAIN_S, give_back, pool_arguments

#: Seconds that a writer on SQLite waits for another writer. A supervisor whose wait runs out tries again, as after any
#: outage. The wait is bounded because the supervisor handles signals between two tries.
BUSY_TIMEOUT_S = 10.0
#: Seconds after which PostgreSQL ends a transaction that sends no statement, for example because its process is stopped
#: or its network is cut. Until then the transaction locks rows that other supervisors need to take over its trials.
IDLE_IN_TRANSACTION_S = 10
#: Seconds without an answer after which a connection counts as broken.
_SILENCE_S = 20
#: If a write on SQLite fails and the disk has fewer free bytes than this, the disk counts as full.
_MIN_FREE_BYTES = 1 << 16
#: Key of the PostgreSQL advisory lock for creation. Arbitrary, but other programs in the same database must not use it.
_ADVISORY_LOCK = 0x73686963

_thread = threading.local()


@contextmanager
def writing_from_the_start() -> Iterator[None]:
    """Make Optuna's transactions in this thread take SQLite's write lock when they begin.

    Without this, Optuna's transactions read first and lock at the first write. Another process may write in between,
    so that two processes take the same queued trial.
    """
    before = getattr(_thread, "writes", False)
    _thread.writes = True
    try:
        yield
    finally:
        _thread.writes = before


class Backend(Protocol):
    """One kind of database."""

    #: The database's name in messages, without a password.
    shown: str

    def prepare(self) -> None:
        """Make the folder, or find the driver, that a connection needs. Called before tables are created."""

    def check(self) -> None:
        """Check, without creating anything, that a connection may be tried.

        Raises:
            DatabaseMissing: There is no such database.
        """

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Return the keyword arguments of `create_engine` for our engine, or for Optuna's."""

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Register event listeners with a new engine."""

    def check_server(self, engine: sa.Engine) -> None:
        """Check that the server's version and settings keep transactions safe.

        Raises:
            DatabaseUnreadable: They do not; the message says why.
        """

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return the tables with the types and options of this database."""

    def begin_creation(self, engine: sa.Engine) -> None:
        """Change settings that must be set outside a transaction, before tables are created."""

    def creation_lock(self, engine: sa.Engine) -> Any:
        """Return a context manager. While one process is in it, no other process creates tables or studies."""

    def unusable(self, error: Exception) -> Exception:
        """Return an error for people that says why the database cannot be used."""


class SQLite:
    """A SQLite file on this machine.

    Args:
        url: The parsed URL.
    """

    def __init__(self, url: sa.URL) -> None:
        self.path = Path(url.database or "").resolve()
        self.shown = str(self.path)

    def prepare(self) -> None:
        """Make the folder of the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path.parent} cannot be made: {error.strerror}") from error
        self._refuse_network()

    def _refuse_network(self) -> None:
        if kind := network_file_system(self.path):
            raise DatabaseUnreadable(
                f"{self.path} is on a network file system ({kind}), where SQLite loses data "
                "if several processes write; use a local disk, or a PostgreSQL database"
            )

    def check(self) -> None:
        """Check that the file exists and is on a disk of this machine."""
        self._refuse_network()
        try:
            exists = self.path.exists()
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path} cannot be looked at: {error.strerror}") from error
        if not exists:
            raise DatabaseMissing(
                f"there is no database {self.path}; {STARTED}; --storage names another. "
                "A study is kept in the folder where it was started; are you in another one?"
            )

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Wait up to `BUSY_TIMEOUT_S` for another writer."""
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S}}

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Control when transactions begin, and report a full disk as `DatabaseFull`."""
        event.listen(engine, "connect", _leave_transactions_to_us if ours else _set_pragmas)
        event.listen(engine, "begin", _begin if ours else _begin_of_optuna)
        event.listen(engine, "handle_error", self._name_a_full_disk)

    def check_server(self, engine: sa.Engine) -> None:
        """Do nothing: there is no server."""

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return the tables unchanged."""
        return metadata

    def begin_creation(self, engine: sa.Engine) -> None:
        """Set the journal mode, which cannot change inside a transaction."""
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()

    @contextmanager
    def creation_lock(self, engine: sa.Engine) -> Iterator[None]:
        """Lock the file `PATH.lock` beside the database."""
        try:
            lock = FileLock(f"{self.path}.lock")
            lock.acquire()
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path.parent} takes no files: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()

    def unusable(self, error: Exception) -> Exception:
        """Return DatabaseFull if the disk is full, otherwise DatabaseUnreadable with SQLite's message."""
        if self._is_full(error):
            return self._full()
        return DatabaseUnreadable(f"{self.path} cannot be used as a database: {getattr(error, 'orig', error)}")

    def _name_a_full_disk(self, context: sa.ExceptionContext) -> None:
        if self._is_full(context.original_exception):
            raise self._full() from context.original_exception

    def _full(self) -> DatabaseFull:
        return DatabaseFull(f"the disk of {self.path} is full; make room there")

    def _is_full(self, error: BaseException) -> bool:
        """Return whether an error means that the disk is full. SQLite reports that with one of several codes."""
        error = getattr(error, "orig", error)
        if not isinstance(error, sqlite3.OperationalError):
            return False
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
            try:
                return shutil.disk_usage(self.path.parent).free < _MIN_FREE_BYTES
            except OSError:
                return False
        return code == sqlite3.SQLITE_FULL


class PostgreSQL:
    """A database on a PostgreSQL server.

    Args:
        url: The parsed URL.
    """

    def __init__(self, url: sa.URL) -> None:
        self._query = url.query
        self.shown = url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Check that the driver is installed. The database itself must exist on the server."""
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise DatabaseUnreachable("PostgreSQL needs psycopg; pip install 'shichimi[postgres]'") from error

    def check(self) -> None:
        """Check that the driver is installed. Whether the server has the database shows when tuner connects."""
        self.prepare()

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Limit the connections of a process, and set timeouts that detect a broken connection."""
        settings = f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S}s"
        arguments: dict[str, Any] = {
            # The session's time zone is UTC because Optuna compares times without their zone.
            "options": settings,
            # A database with encoding SQL_ASCII, the default of some servers, would return bytes in place of text.
            "client_encoding": "utf8",
            "connect_timeout": 10,
            "keepalives_idle": _SILENCE_S,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": _SILENCE_S * 1000,
            "application_name": "tuner",
        }
        if "options" in self._query:
            arguments["options"] = f"{settings} {self._query['options']}"
        for name in self._query:
            if name != "options":
                arguments.pop(name, None)  # the options in the user's URL win
        return {"connect_args": arguments, **pool_arguments(ours=ours)}

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Do nothing: PostgreSQL's default, READ COMMITTED with row locks, is the one our statements rely on."""

    def check_server(self, engine: sa.Engine) -> None:
        """Do nothing: no setting of PostgreSQL is checked."""

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return the tables unchanged."""
        return metadata

    def begin_creation(self, engine: sa.Engine) -> None:
        """Do nothing: there is no setting to change."""

    @contextmanager
    def creation_lock(self, engine: sa.Engine) -> Iterator[None]:
        """Take an advisory lock, which the server releases when the connection closes.

        A process that waits for the lock gives its connections back meanwhile, so that it holds none of the server's.
        """
        while True:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if connection.execute(sa.select(sa.func.pg_try_advisory_lock(_ADVISORY_LOCK))).scalar():
                    try:
                        yield
                    finally:
                        connection.execute(sa.select(sa.func.pg_advisory_unlock(_ADVISORY_LOCK)))
                    return
            give_back()
            time.sleep(random.uniform(*LOCK_AGAIN_S))

    def unusable(self, error: Exception) -> Exception:
        """Return DatabaseUnreachable with the first line of the server's message."""
        lines = str(getattr(error, "orig", error)).strip().splitlines()
        return DatabaseUnreachable(f"{self.shown} cannot be used: {lines[0] if lines else type(error).__name__}")


def backend_of(url: sa.URL) -> SQLite | PostgreSQL | MySQL:
    """Return the backend for a parsed URL."""
    if url.drivername.startswith("sqlite"):
        return SQLite(url)
    return MySQL(url) if url.drivername.startswith("mysql") else PostgreSQL(url)


#: Types of network file systems. On these, SQLite's locks and shared memory do not work between machines.
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "lustre", "gpfs", "beegfs"),
    *("orangefs", "pvfs2", "ocfs2", "gfs2", "panfs", "vboxsf"),
    *(f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph", "s3fs", "gcsfuse", "rclone", "juicefs", "mount-s3")),
}


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network file system that a path is on; None if the path is on a local disk.

    Args:
        path: An absolute path without symbolic links.
        mounts: The content of Linux's /proc/self/mountinfo; None reads that file.
    """
    if mounts is None:
        try:
            mounts = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
        except OSError:
            return None
    longest, kind = -1, ""
    for line in mounts.split("\n"):
        # Fields: id, parent, device, root, mount point, options, ..., a dash, file system, source, ...
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        # Of two mounts at the same mount point, the later one hides the earlier one.
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= longest:
            longest, kind = len(point.parts), after.split()[0]
    return kind if kind in _NETWORK else None


def _set_pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # A commit must survive a power cut: a checkpoint is deleted once the database names its successor.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _leave_transactions_to_us(connection: Any, record: object) -> None:
    # By default the driver begins a transaction only at the first write, and with BEGIN, which takes no write lock.
    connection.isolation_level = None
    _set_pragmas(connection, record)


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("tuner_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_of_optuna(connection: sa.Connection) -> None:
    # Otherwise the driver's default stays. Its reads begin no transaction, so they never block a writer.
    if getattr(_thread, "writes", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
