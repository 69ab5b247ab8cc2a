"""MariaDB."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from servers.errors import ServerFailed, ServerUnavailable
from servers.keeper import account_of
from servers.server import HOST, Server

#: As of PostgreSQL's: what was written is in the kernel's hands, flushed or not; doublewrite stays on. Of the two ways
#: in which MariaDB treats a row that changed since it was first read, the stricter, which later releases begin with.
_SETTINGS: dict[str, str | int] = {
    "bind_address": HOST,
    "skip_name_resolve": "ON",
    "skip_log_bin": "",
    "innodb_buffer_pool_size": "32M",
    "innodb_log_file_size": "16M",
    "innodb_flush_method": "nosync",
    "innodb_flush_log_at_trx_commit": 2,
    "innodb_snapshot_isolation": "ON",
    "max_connections": 100,
}


def find_binary(name: str) -> Path:
    """Return a program of the server: one in PATH, or where Debian's packages have it.

    Raises:
        ServerUnavailable: There is none.
    """
    for folder in (None, "/usr/sbin", "/usr/bin"):
        if found := shutil.which(name, path=folder):
            return Path(found)
    raise ServerUnavailable("no MariaDB server binaries; apt-get install mariadb-server-core mariadb-client-core")


class MariaDBServer(Server):
    """A MariaDB with one user, `root`, who needs no password.

    Args:
        settings: Of MariaDB, over those for tests: `MariaDBServer(max_connections=20)`.

    Raises:
        ServerUnavailable: This machine has no MariaDB.
    """

    def __init__(self, **settings: str | int) -> None:
        self._program, self._installer = find_binary("mariadbd"), find_binary("mariadb-install-db")
        # MariaDB refuses to be root.
        super().__init__("mariadb", user="" if os.geteuid() else _unprivileged(), ending=signal.SIGTERM)
        self._data = self.folder / "data"
        self._settings = {**_SETTINGS, **settings}

    @property
    def url(self) -> str:
        """The storage URL of its own database of users."""
        return self.url_of("mysql")

    def url_of(self, database: str) -> str:
        """Return the storage URL of a database."""
        return f"mysql+pymysql://root@{HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Start; the first time, make the data folder."""
        if not self._data.exists():
            self._make_data()
        super().start()

    def stop(self) -> None:
        """End its connections in good order and stop; return when its process has ended.

        Raises:
            ServerFailed: It does not run, or does not end.
        """
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop where it runs, and start."""
        if self.is_running:
            self.stop()
        self.start()

    def create_database(self, name: str, *, collation: str = "latin1_swedish_ci") -> str:
        """Make a database, with a default that no study could be kept in, as MariaDB's own is; return its URL."""
        self.execute(f"CREATE DATABASE `{name}` COLLATE {collation}")
        return self.url_of(name)

    def create_user(self, name: str, password: str, database: str, *, rights: str = "ALL") -> None:
        """Make a user of this machine who has rights to one database and to nothing else."""
        quoted = password.replace("'", "''")
        self.execute(f"CREATE OR REPLACE USER '{name}'@'{HOST}' IDENTIFIED BY '{quoted}'")
        self.execute(f"GRANT {rights} ON `{database}`.* TO '{name}'@'{HOST}'")

    def drop_database(self, name: str) -> None:
        """Remove a database; who is connected to it is thrown out."""
        import pymysql

        for (thread,) in self.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"):
            with contextlib.suppress(pymysql.OperationalError):  # it has left by itself
                self.execute(f"KILL {thread}")
        self.execute(f"DROP DATABASE `{name}`")

    def execute(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Run one statement as its user; return its rows."""
        import pymysql

        with (
            pymysql.connect(host=HOST, port=self.port, user="root", connect_timeout=10, autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return cursor.fetchall()

    def _answers(self) -> bool:
        import pymysql

        try:
            self.execute("SELECT 1")
        except pymysql.OperationalError:
            return False
        return True

    def _make_data(self) -> None:
        command = [
            *(self._installer, "--no-defaults", f"--datadir={self._data}", "--skip-test-db", "--skip-name-resolve"),
            *("--auth-root-authentication-method=normal", "--innodb-flush-method=nosync"),
        ]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **(account_of(self._user) if self._user else {}),
        )
        if done.returncode:
            raise ServerFailed(f"mariadb-install-db made no data folder: {done.stdout}{done.stderr}")

    def _command(self) -> Sequence[str | Path]:
        own = {
            "datadir": self._data,
            # A server that starts removes the temporary files that it finds, also those of another one that runs.
            "tmpdir": self._data,
            "port": self.port,
            "socket": self.folder / "socket",
            "pid_file": self._data / "pid",
        }
        settings = {**own, **self._settings}
        return [self._program, "--no-defaults", *(f"--{k}={v}" if v != "" else f"--{k}" for k, v in settings.items())]


def _unprivileged() -> str:
    names = {account.pw_name for account in pwd.getpwall()}
    return "mysql" if "mysql" in names else "nobody"
