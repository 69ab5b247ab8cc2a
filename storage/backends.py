"""What differs between the databases that we open: how to connect, how to begin, how to create tables once."""

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

from storage.errors import DatabaseFull, DatabaseMissing, DatabaseUnreachable, DatabaseUnreadable
from storage.mysql import MySQL
from storage.sharing import LOCK_AGAIN_S, give_back, pool_arguments

#: Seconds that a writer waits for another one on SQLite. A supervisor whose wait runs out tries again, as in any
#: outage; it must come up for signals in between.
BUSY_TIMEOUT_S = 10.0
#: Seconds after which PostgreSQL ends a transaction whose process has fallen silent in it, such as one that is
#: stopped or cut off: until then it would hold the rows that others need to take its trials over.
IDLE_IN_TRANSACTION_S = 10
#: Seconds of silence after which a connection counts as broken.
_SILENCE_S = 20
#: Bytes below which a disk on which SQLite cannot write counts as full.
_ROOM = 1 << 16
#: Any number that other users of the same database do not take for a lock of theirs.
_ADVISORY_LOCK = 0x73686963

_thread = threading.local()


@contextmanager
def writing_from_the_start() -> Iterator[None]:
    """Have Optuna's transactions of this thread own the right to write from their beginning.

    On SQLite Optuna reads first and writes later, and another process may write in between: two of them then take
    the same queued trial.
    """
    before = getattr(_thread, "writes", False)
    _thread.writes = True
    try:
        yield
    finally:
        _thread.writes = before


class Backend(Protocol):
    """One kind of database."""

    #: What people see in messages.
    shown: str

    def prepare(self) -> None:
        """Make what must exist before a connection can be made."""

    def check(self) -> None:
        """Refuse what is not there, before anything is made.

        Raises:
            DatabaseMissing: There is no such database.
        """

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Return the arguments of an engine: ours, or Optuna's."""

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Attach what a fresh engine needs."""

    def check_server(self, engine: sa.Engine) -> None:
        """Refuse what would not keep what is written.

        Raises:
            DatabaseUnreadable: Says why.
        """

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return tables as they are to be made here."""

    def begin_creation(self, engine: sa.Engine) -> None:
        """Do what has to be done once, outside of a transaction, before tables are made."""

    def creation_lock(self, engine: sa.Engine) -> Any:
        """Return a context in which no other process makes tables or studies."""

    def unusable(self, error: Exception) -> Exception:
        """Return the error that says why a database cannot be used."""


class SQLite:
    """A SQLite file of this machine.

    Args:
        url: The parsed URL.
    """

    def __init__(self, url: sa.URL) -> None:
        self.path = Path(url.database or "").resolve()
        self.shown = str(self.path)

    def prepare(self) -> None:
        """Make the folder."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path.parent} cannot be made: {error.strerror}") from error
        self._refuse_network()

    def _refuse_network(self) -> None:
        if kind := network_file_system(self.path):
            raise DatabaseUnreadable(
                f"{self.path} is on a network file system ({kind}), where SQLite loses what several write; "
                "use a local disk, or a PostgreSQL database"
            )

    def check(self) -> None:
        """Refuse a file that is not there, or on another machine."""
        self._refuse_network()
        try:
            exists = self.path.exists()
        except OSError as error:
            raise DatabaseUnreadable(f"{self.path} cannot be looked at: {error.strerror}") from error
        if not exists:
            raise DatabaseMissing(f"there is no database {self.path}; `tuner start` makes one, --storage names another")

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Wait for a writer for as long as it takes."""
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S}}

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Leave to us when a transaction begins."""
        event.listen(engine, "connect", _leave_transactions_to_us if ours else _set_pragmas)
        event.listen(engine, "begin", _begin if ours else _begin_of_optuna)
        event.listen(engine, "handle_error", self._name_a_full_disk)

    def check_server(self, engine: sa.Engine) -> None:
        """Nothing."""

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return them as they are."""
        return metadata

    def begin_creation(self, engine: sa.Engine) -> None:
        """Set the journal's mode, which cannot change inside a transaction."""
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()

    @contextmanager
    def creation_lock(self, engine: sa.Engine) -> Iterator[None]:
        """Lock a file beside the database."""
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
        """Say what is wrong with the file."""
        if self._is_full(error):
            return self._full()
        return DatabaseUnreadable(f"{self.path} cannot be used as a database: {getattr(error, 'orig', error)}")

    def _name_a_full_disk(self, context: sa.ExceptionContext) -> None:
        if self._is_full(context.original_exception):
            raise self._full() from context.original_exception

    def _full(self) -> DatabaseFull:
        return DatabaseFull(f"the disk of {self.path} is full; make room there")

    def _is_full(self, error: BaseException) -> bool:
        """Return whether an error means that the disk is full, which SQLite may find out in several ways."""
        error = getattr(error, "orig", error)
        if not isinstance(error, sqlite3.OperationalError):
            return False
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
            try:
                return shutil.disk_usage(self.path.parent).free < _ROOM
            except OSError:
                return False
        return code == sqlite3.SQLITE_FULL


class PostgreSQL:
    """A database of a PostgreSQL server.

    Args:
        url: The parsed URL.
    """

    def __init__(self, url: sa.URL) -> None:
        self._query = url.query
        self.shown = url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Find the driver: the database itself is the server's to make."""
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise DatabaseUnreachable("PostgreSQL needs psycopg; pip install 'shichimi[postgres]'") from error

    def check(self) -> None:
        """Find the driver; whether the server has the database is seen when it is asked."""
        self.prepare()

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Bound the connections of a process, and have a broken one found."""
        settings = f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S}s"
        arguments: dict[str, Any] = {
            # Optuna compares moments without their zone.
            "options": settings,
            # A database of encoding SQL_ASCII, as some servers make them, would give bytes in place of text.
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
                arguments.pop(name, None)  # what the user's URL says goes
        return {"connect_args": arguments, **pool_arguments(ours=ours)}

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Nothing: READ COMMITTED with row locks is what every statement of ours expects."""

    def check_server(self, engine: sa.Engine) -> None:
        """Nothing."""

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return them as they are."""
        return metadata

    def begin_creation(self, engine: sa.Engine) -> None:
        """Nothing."""

    @contextmanager
    def creation_lock(self, engine: sa.Engine) -> Iterator[None]:
        """Take an advisory lock, which ends with its connection; who waits for it waits without one."""
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
        """Say what the server says."""
        lines = str(getattr(error, "orig", error)).strip().splitlines()
        return DatabaseUnreachable(f"{self.shown} cannot be used: {lines[0] if lines else type(error).__name__}")


def backend_of(url: sa.URL) -> SQLite | PostgreSQL | MySQL:
    """Return the backend of a parsed URL."""
    if url.drivername.startswith("sqlite"):
        return SQLite(url)
    return MySQL(url) if url.drivername.startswith("mysql") else PostgreSQL(url)


#: Kinds of file systems that are on another machine: there, SQLite's locks and shared memory do not hold.
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "glusterfs", "lustre", "gpfs", "beegfs"),
    *("orangefs", "pvfs2", "ocfs2", "gfs2", "panfs", "vboxsf"),
    *(f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph", "s3fs", "gcsfuse", "rclone", "juicefs", "mount-s3")),
}


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """Return the kind of a network file system that a path is on, or None where it is on none.

    Args:
        path: An absolute path, resolved.
        mounts: What Linux says in /proc/self/mountinfo; None reads it.
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
        # The last of two mounts at one place hides the other.
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= longest:
            longest, kind = len(point.parts), after.split()[0]
    return kind if kind in _NETWORK else None


def _set_pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    # What is committed stays, through a power cut too: a checkpoint is removed because its successor is committed.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _leave_transactions_to_us(connection: Any, record: object) -> None:
    # The driver would begin a transaction only at its first write, and then not as the one writer.
    connection.isolation_level = None
    _set_pragmas(connection, record)


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("tuner_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_of_optuna(connection: sa.Connection) -> None:
    # Elsewhere the driver's own way stays: its reads begin no transaction, and so are never in a writer's way.
    if getattr(_thread, "writes", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
