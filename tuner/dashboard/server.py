"""The server: gunicorn with one worker process, so that all threads share one cache of finished trials."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from storage import Database, DatabaseMissing
from tuner.dashboard.access import Credentials
from tuner.dashboard.app import Away, Source
from tuner.dashboard.guard import Guard
from tuner.dashboard.hosts import Hosts
from tuner.errors import AccessError, TunerError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_THREADS = 8
#: Seconds in which open requests must end after a signal.
_GRACE_S = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the dashboard is served."""

    #: URL of the database.
    url: str
    #: Name or address to listen at.
    host: str
    #: Port to listen at; 0 takes a free one.
    port: int
    #: Host names that requests may name, besides those of the machine itself.
    names: tuple[str, ...] = ()
    #: Credentials that clients must send. None requires none, and is allowed at a loopback address only.
    credentials: Credentials | None = None
    #: Whether clients may change data.
    writes: bool = False
    #: The folder of Optuna's artifacts; None shows no artifacts.
    artifacts: Path | None = None
    #: Whether gunicorn and optuna-dashboard write their logs.
    debug: bool = False


def serve(settings: Settings, *, ready: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Serve the dashboard until a signal ends the process with exit code 0.

    Args:
        settings: How to serve it.
        ready: Called with the address of the dashboard once it answers.
        say: Called with a line for the operator of the dashboard.

    Raises:
        AccessError: The dashboard would be open to a network without a log-in, or a host name is not valid.
        TunerError: The address cannot be listened at.
        StorageError: The database cannot be opened.
    """
    family, address = _resolved(settings.host, settings.port)
    if settings.credentials is None and not ipaddress.ip_address(address).is_loopback:
        raise AccessError(
            f"{settings.host} is open to others, who would need no log-in; give --token-file or --auth-file "
            "(or TUNER_DASHBOARD_TOKEN), or serve 127.0.0.1"
        )
    wildcard = ipaddress.ip_address(address).is_unspecified
    hosts = Hosts.of([*settings.names, *([] if wildcard else [settings.host])])
    _check(settings.url)
    listener = _listen(settings, family, address)
    shown = f"[{address}]" if family == socket.AF_INET6 else address
    where = f"http://{shown}:{listener.getsockname()[1]}"

    def make() -> WSGIApplication:
        if not settings.debug:
            # The guard reports failures of optuna-dashboard, in one line.
            logging.getLogger("optuna_dashboard").addHandler(logging.NullHandler())
            logging.getLogger("optuna_dashboard").propagate = False
        source = Source(settings.url, writes=settings.writes, artifacts=settings.artifacts)
        try:
            source.open()  # imports optuna-dashboard, which takes a second, before the first request
        except Away as error:
            say(f"The dashboard shows nothing yet: {error}")
        return Guard(
            source,
            hosts=hosts,
            credentials=settings.credentials,
            writes=settings.writes,
            say=say,
            debug=settings.debug,
        )

    def started(worker: Any) -> None:
        if worker.age == 1:  # the first worker, not one that replaces a worker that died
            ready(where)

    _Server(listener, make, started, debug=settings.debug).run()


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with the options given here. It reads no configuration file, environment variable or command line."""

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], WSGIApplication],
        started: Callable[[Any], None],
        *,
        debug: bool,
    ) -> None:
        self._make = make
        self._options: dict[str, Any] = {
            "bind": f"fd://{listener.detach()}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": _THREADS,
            "graceful_timeout": _GRACE_S,
            "keepalive": 5,
            "loglevel": "info" if debug else "error",
            "accesslog": None,
            "control_socket_disable": True,
            # No proxy is trusted: a proxy and a client on this machine have the same address.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "proc_name": "tuner dashboard",
            "post_worker_init": started,
        }
        super().__init__()

    def load_config(self) -> None:
        """Set the options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """Create the application, in the worker process."""
        return self._make()


def _check(url: str) -> None:
    """Raise where the database cannot be opened. It may be missing or empty until the first study is started."""
    with contextlib.suppress(DatabaseMissing):
        Database(url, of_optuna=True).close()


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise TunerError(f"host {host!r} cannot be listened at: {error.strerror}; give another --host") from error
    family, *_, address = found[0]
    return family, str(address[0])


def _listen(settings: Settings, family: socket.AddressFamily, address: str) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise TunerError(
            f"port {settings.port} of {settings.host} cannot be used: {error.strerror}; give another --port"
        ) from error
    return listener
