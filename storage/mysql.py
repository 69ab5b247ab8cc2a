"""MySQL and MariaDB: how to connect, which servers keep what we write, how tables are made there."""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from storage.errors import DatabaseUnreachable, DatabaseUnreadable
from storage.sharing import LOCK_AGAIN_S, give_back, pool_arguments

#: Seconds after which MariaDB ends a transaction whose process has fallen silent in it, as PostgreSQL does.
IDLE_IN_TRANSACTION_S = 10
#: Seconds after which MySQL, which cannot tell the two apart, ends any connection that is silent.
IDLE_S = 60
#: Seconds that a statement waits for a row, or a table, that somebody else holds; then it is an outage as any other.
LOCK_WAIT_S = 10
#: Seconds of silence after which a connection counts as broken; longer than any wait for a lock.
_SILENCE_S = 20

#: The first releases that keep what we write: earlier ones are no longer maintained.
_OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}
#: Optuna's tables that we read or write.
_OPTUNAS = (
    *("studies", "study_directions", "study_user_attributes", "study_system_attributes", "trials"),
    *("trial_user_attributes", "trial_system_attributes", "trial_params", "trial_values"),
    *("trial_intermediate_values", "trial_heartbeats", "version_info"),
)
#: What each connection begins with. Each of the two servers reads the comment that is for it.
_SESSION = (
    # Optuna compares moments without their zone.
    "SET SESSION time_zone = '+00:00'"
    # A value that does not fit is an error, never cut to fit.
    ", SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
    f", SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}, SESSION lock_wait_timeout = {LOCK_WAIT_S}"
    f" /*M!100600 , SESSION idle_transaction_timeout = {IDLE_IN_TRANSACTION_S} */"
    f" /*!80000 , SESSION wait_timeout = {IDLE_S} */"
)
#: Errors that the driver calls operational, as it does those that pass, and that no waiting mends: rights that are
#: missing, a column or table that is not there, a value that is too long for the server, or that it refuses.
_LASTING = (1044, 1054, 1142, 1143, 1153, 1227, 1364, 1370, 3819, 4025)


class MySQL:
    """A database of a MySQL or MariaDB server.

    Args:
        url: The parsed URL.
    """

    def __init__(self, url: sa.URL) -> None:
        self._query = url.query
        self._database = url.database or ""
        self.shown = url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Find the driver, and the file that the URL leaves the password to."""
        try:
            import pymysql  # noqa: F401
        except ImportError as error:
            raise DatabaseUnreachable("MySQL needs PyMySQL; pip install 'shichimi[mysql]'") from error
        if name := self._query.get("read_default_file"):
            path = Path(str(name)).expanduser()
            if not os.access(path, os.R_OK):  # the driver would go on without it
                raise DatabaseUnreachable(f"{self.shown} cannot be used: there is no file {path} that can be read")

    def check(self) -> None:
        """Find the driver; whether the server has the database is seen when it is asked."""
        self.prepare()

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Bound the connections of a process, and have a broken one found."""
        arguments: dict[str, Any] = {
            "init_command": _SESSION,
            "charset": "utf8mb4",
            "connect_timeout": 10,
            "read_timeout": _SILENCE_S,
            "write_timeout": _SILENCE_S,
            "program_name": "tuner",
        }
        for name in self._query:
            arguments.pop(name, None)  # what the user's URL says goes
        return {
            "connect_args": arguments,
            # As PostgreSQL does by itself: each statement sees what is committed. Under InnoDB's own default a row
            # that is locked after a first look may be another one than that look has shown.
            "isolation_level": "READ COMMITTED",
            **pool_arguments(ours=ours),
        }

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Nothing: READ COMMITTED with row locks is what every statement of ours expects."""

    def check_server(self, engine: sa.Engine) -> None:
        """Refuse a server, or tables, that would not keep what is written.

        Raises:
            DatabaseUnreadable: Says which and why.
        """
        with engine.connect() as connection:
            self.check_settings(dict(_rows(connection, _VARIABLES)))
            for table, kept_by, collation in _rows(connection, _TABLES):
                if table in _OPTUNAS or table.startswith("tuner_"):
                    self._check_table(table, kept_by, collation)

    def check_settings(self, found: dict[str, str]) -> None:
        """Refuse a server by its own settings; see `check_server`.

        Args:
            found: What it says of itself: its version, and what else of `_VARIABLES` it knows.
        """
        release = found["version"]
        kind = "MariaDB" if "mariadb" in f"{release} {found.get('version_comment', '')}".lower() else "MySQL"
        number = re.match(r"(\d+)\.(\d+)", release)
        if number is None or tuple(map(int, number.groups())) < _OLDEST[kind]:
            needed = " or ".join(f"{name} {first}.{second}" for name, (first, second) in _OLDEST.items())
            raise DatabaseUnreadable(f"{self.shown} is {kind} {release}; tuner needs {needed}, or later")
        if found.get("wsrep_on") == "ON" or found.get("group_replication_single_primary_mode") == "OFF":
            raise DatabaseUnreadable(
                f"{self.shown} is a cluster of several servers that write, where no lock of one holds at the others; "
                "use a single server, or a PostgreSQL database"
            )
        if found.get("log_bin") == "ON" and found.get("binlog_format") == "STATEMENT":
            raise DatabaseUnreadable(
                f"{self.shown} has binlog_format=STATEMENT, which refuses writers that see what others commit; "
                "the server needs binlog_format=MIXED or ROW"
            )

    def _check_table(self, table: str, kept_by: str | None, collation: str | None) -> None:
        if (kept_by or "").lower() != "innodb":
            raise DatabaseUnreadable(
                f"{self.shown}: table {table} is kept by {kept_by}, which has no transactions; "
                f"ALTER TABLE {table} ENGINE=InnoDB, or name a database of its own for tuner"
            )
        if not re.fullmatch(r"utf8mb4_\w*bin", collation or ""):
            raise DatabaseUnreadable(
                f"{self.shown}: table {table} has collation {collation}, by which names that differ are the same; "
                "name a database of its own for tuner, which makes its tables with utf8mb4_bin"
            )

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return tables as they are to be made here, whatever the defaults of server and database are."""
        made = sa.MetaData()
        for table in metadata.sorted_tables:
            copy = table.to_metadata(made)
            copy.dialect_kwargs.update(
                {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
            )
            for column in copy.columns:
                column.type = _kept_as(column.type)
        return made

    def begin_creation(self, engine: sa.Engine) -> None:
        """Nothing."""

    @contextmanager
    def creation_lock(self, engine: sa.Engine) -> Iterator[None]:
        """Take a lock of the server's, which ends with its connection; who waits for it waits without one."""
        # The server's locks know no databases.
        name = f"tuner {hashlib.sha256(self._database.encode()).hexdigest()[:32]}"
        while True:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if connection.execute(sa.select(sa.func.get_lock(name, 0))).scalar():
                    try:
                        yield
                    finally:
                        connection.execute(sa.select(sa.func.release_lock(name)))
                    return
            give_back()
            time.sleep(random.uniform(*LOCK_AGAIN_S))

    def unusable(self, error: Exception) -> Exception:
        """Say what the server says."""
        return DatabaseUnreachable(f"{self.shown} cannot be used: {said(getattr(error, 'orig', None) or error)}")


_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN "
    "('version', 'version_comment', 'wsrep_on', 'group_replication_single_primary_mode', 'log_bin', 'binlog_format')"
)
_TABLES = (
    "SELECT TABLE_NAME, ENGINE, TABLE_COLLATION FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
)


def said(error: BaseException) -> str | None:
    """Return what a server or the driver said, in a line, or None of an error that is not PyMySQL's."""
    if not _is_pymysql(error) or not error.args:
        return None
    # Its errors are a number and a text.
    text = str(error.args[1] if len(error.args) > 1 else error.args[0]).strip()
    return text.splitlines()[0] if text else None


def is_lasting(error: BaseException) -> bool:
    """Return whether an error that the driver calls operational is one that no waiting mends."""
    return _is_pymysql(error) and bool(error.args) and error.args[0] in _LASTING


def _is_pymysql(error: BaseException) -> bool:
    return type(error).__module__.startswith("pymysql")


def _rows(connection: sa.Connection, statement: str) -> list[Any]:
    return [tuple(row) for row in connection.exec_driver_sql(statement)]


def _kept_as(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Return the type of a column here, where a bare Float has seven digits, and a Text 64 KiB."""
    from sqlalchemy.dialects import mysql  # only here: whoever uses another database does without

    if isinstance(kind, sa.Float):
        return mysql.DOUBLE(asdecimal=False)
    if isinstance(kind, sa.JSON | sa.Text):
        return mysql.LONGTEXT()  # MySQL's own JSON sorts the keys
    if isinstance(kind, sa.DateTime):
        return mysql.DATETIME(fsp=6)
    return kind
