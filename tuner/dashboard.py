"""optuna-dashboard on a study's storage."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna_dashboard

from storage import Database
from tuner.errors import TunerError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: The only address that is served: whoever reaches the dashboard may write to the studies.
HOST = "127.0.0.1"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Write nothing: the page asks every few seconds."""


def serve(url: str, port: int, *, ready: Callable[[str], None]) -> None:
    """Serve the dashboard until a signal ends it.

    Args:
        url: The database.
        port: 0 takes a free one.
        ready: Is told the address once it answers.

    Raises:
        TunerError: The port is taken.
    """
    with Database(url) as database:
        application = _only_for_this_host(optuna_dashboard.wsgi(database.optuna_storage))
        try:
            server = make_server(HOST, port, application, server_class=_Server, handler_class=_QuietHandler)
        except OSError as error:
            raise TunerError(f"port {port} of {HOST} cannot be used: {error.strerror}; give another --port") from error

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, stop)
        with server:
            try:
                ready(f"http://{HOST}:{server.server_port}")
                server.serve_forever()
            except KeyboardInterrupt:
                return


def _only_for_this_host(application: WSGIApplication) -> WSGIApplication:
    """Refuse requests for another host: a page elsewhere may have its name resolve to this address."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_HOST", "").rpartition(":")[0] in (HOST, "localhost"):
            return application(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"this dashboard is served to 127.0.0.1 and localhost only"]

    return guarded
