"""PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import psutil

from servers.errors import ServerFailed, ServerUnavailable
from servers.keeper import account_of
from servers.server import HOST, Server

_ENDINGS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
#: Kills here are of processes, never of the machine: what was written is in the kernel's hands, flushed or not.
#: full_page_writes stays on, as a kill can come between the two halves of a page.
_SETTINGS: dict[str, str | int] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "max_connections": 100,
    "shared_buffers": "32MB",
}


def find_binaries() -> Path:
    """Return the folder with initdb and postgres: the one in PATH, or the newest that Debian's packages made.

    Raises:
        ServerUnavailable: There is none.
    """
    found = shutil.which("initdb")
    packaged = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda folder: float(folder.parent.name))
    for folder in [*([Path(found).resolve().parent] if found else []), *reversed(packaged)]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerUnavailable("no PostgreSQL server binaries; apt-get install postgresql")


class PostgresServer(Server):
    """A PostgreSQL with one superuser, `postgres`, who needs no password.

    Args:
        settings: Of PostgreSQL, over those for tests: `PostgresServer(max_connections=20)`.

    Raises:
        ServerUnavailable: This machine has no PostgreSQL.
    """

    def __init__(self, **settings: str | int) -> None:
        self._binaries = find_binaries()
        # PostgreSQL refuses to be root.
        super().__init__("postgresql", user="" if os.geteuid() else _unprivileged(), ending=signal.SIGQUIT)
        self._data = self.folder / "data"
        self._settings = {**_SETTINGS, **settings}

    @property
    def url(self) -> str:
        """The storage URL of its first database, which is empty."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the storage URL of a database."""
        return f"postgresql+psycopg://postgres@{HOST}:{self.port}/{database}"

    def start(self) -> None:
        """Start; the first time, make the data folder."""
        if not self._data.exists():
            self._make_data()
        super().start()

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop, and return when all of its processes have ended.

        Args:
            mode: `smart` lets its clients finish, `fast` rolls them back, `immediate` leaves that for the start.

        Raises:
            ServerFailed: It does not run, or its clients do not leave.
        """
        self._end(_ENDINGS[mode])

    def restart(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop where it runs, and start."""
        if self.is_running:
            self.stop(mode)
        self.start()

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database as a copy of another one, to which nobody is connected; return its URL."""
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database; who is connected to it is thrown out."""
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def trust(self, network: str) -> None:
        """Let everybody of a network in, such as `10.0.0.0/24`."""
        with (self._data / "pg_hba.conf").open("a", encoding="ascii") as file:
            file.write(f"host all all {network} trust\n")
        os.kill(self.pid, signal.SIGHUP)

    def connections_to(self, database: str) -> int:
        """Return how many clients are connected to a database."""
        import psycopg

        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True, connect_timeout=10) as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
            row = connection.execute(query, (database,)).fetchone()
        return int(row[0]) if row else 0

    def _execute(self, statement: Any, *names: str) -> None:
        import psycopg
        from psycopg.sql import SQL, Identifier

        with psycopg.connect(
            host=HOST, port=self.port, user="postgres", dbname="postgres", autocommit=True, connect_timeout=10
        ) as connection:
            connection.execute(SQL(statement).format(*map(Identifier, names)))

    def _answers(self) -> bool:
        import psycopg

        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _make_data(self) -> None:
        command = [self._binaries / "initdb", "--pgdata", self._data, "--username=postgres", "--auth=trust"]
        done = subprocess.run(
            [*command, "--encoding=UTF8", "--no-locale", "--no-sync"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **(account_of(self._user) if self._user else {}),
        )
        if done.returncode:
            raise ServerFailed(f"initdb made no data folder: {done.stdout}{done.stderr}")

    def _command(self) -> Sequence[str | Path]:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        return [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *settings]

    def _end_rest(self) -> bool:
        # Each of its processes works in the data folder. A new server refuses to start beside one of the old.
        data = str(self._data)
        rest = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == data]
        for process in rest:
            process.kill()
        return not rest


def _unprivileged() -> str:
    names = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
