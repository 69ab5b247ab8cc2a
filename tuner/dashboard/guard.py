"""The guard between the network and optuna-dashboard, which has no access control of its own."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tuner.dashboard.access import Credentials, LoginAttempts
from tuner.dashboard.answers import Answer, Headers, is_artifact, refused, secured
from tuner.dashboard.app import Away, NotYet, Source
from tuner.dashboard.empty_page import empty_page
from tuner.dashboard.hosts import Hosts, is_own_page
from tuner.dashboard.writes import body_limit, parse, refuse_write

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

READING = ("GET", "HEAD")
HEALTH = "/healthz"


class Guard:
    """A WSGI application that passes safe requests to optuna-dashboard and refuses the others.

    Args:
        source: The database, and optuna-dashboard on it.
        hosts: Host names that requests may name.
        credentials: Credentials that clients must send; None requires none.
        writes: Whether clients may change data.
        say: Called with a line for the operator of the dashboard.
        debug: Whether optuna-dashboard writes its tracebacks to stderr.
    """

    def __init__(
        self,
        source: Source,
        *,
        hosts: Hosts,
        credentials: Credentials | None,
        writes: bool,
        say: Callable[[str], None],
        debug: bool = False,
    ) -> None:
        self._source = source
        self._hosts = hosts
        self._credentials = credentials
        self._writes = writes
        self._say = say
        self._debug = debug
        self._attempts = LoginAttempts()
        self._away = False
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"] = environ.get("PATH_INFO", "").rstrip("/") or "/"
        for header in ("HOST", "PROTO", "PORT"):
            environ.pop(f"HTTP_X_FORWARDED_{header}", None)  # any client can send them, and redirects would use them
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # optuna-dashboard fails where it is missing
        if not self._debug:
            environ["wsgi.errors"] = io.StringIO()
        answer = self._refusal(environ, path)
        if answer is None:
            answer = self._change(environ, path) or self._own_answer(path)
        if answer is not None:
            return _send(answer, path, environ, start_response)
        try:
            _, application = self._source.open()
        except Away as error:
            return _send(self._nothing(error, path), path, environ, start_response)
        if path.startswith("/dashboard") and self._source.is_empty:
            return _send(empty_page("there is no study in this database"), path, environ, start_response)
        status, headers, body = _asked(application, environ)
        if status.startswith("500"):
            _close(body)
            return _send(self._failure(environ, path), path, environ, start_response)
        self._tell(away=None)
        start_response(status, secured(headers, path))
        return body

    def _refusal(self, environ: WSGIEnvironment, path: str) -> Answer | None:
        """Return the response to a request with a wrong host, origin or log-in; None where it is allowed."""
        if not environ.get("RAW_URI", "/").startswith("/"):
            return refused(HTTPStatus.BAD_REQUEST, "ask for a path, not for an address")
        reads = environ["REQUEST_METHOD"] in READING
        if path == HEALTH and reads:
            return None
        host = environ.get("HTTP_HOST", "")
        if not self._hosts.allow(host):
            return refused(
                HTTPStatus.FORBIDDEN, f"this dashboard does not answer to {host[:100]!r}; --allow-host adds a name"
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not is_own_page(origin, host):
            return refused(HTTPStatus.FORBIDDEN, "this dashboard does not answer to the pages of others")
        if not reads and environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
            return refused(HTTPStatus.FORBIDDEN, "this dashboard takes no changes from the pages of others")
        return self._unknown(environ)

    def _unknown(self, environ: WSGIEnvironment) -> Answer | None:
        """Return the response to a client without valid credentials; None where the credentials are valid."""
        if self._credentials is None:
            return None
        challenge = ("WWW-Authenticate", 'Basic realm="tuner dashboard", charset="UTF-8"')
        given = environ.get("HTTP_AUTHORIZATION")
        if given is None:
            return refused(HTTPStatus.UNAUTHORIZED, "log in with the dashboard's token as the password", challenge)
        address = environ.get("REMOTE_ADDR", "")
        if not self._attempts.may_try(address):
            return refused(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong guesses; wait a second", ("Retry-After", "1"))
        if self._credentials.allow(given):
            return None
        self._attempts.failed(address)
        return refused(HTTPStatus.UNAUTHORIZED, "that is not the dashboard's token, or not the password", challenge)

    def _own_answer(self, path: str) -> Answer | None:
        """Return the response to a path that the guard answers itself; None for any other path."""
        if path in ("/", "/incompatible-rdb-schema"):  # optuna-dashboard's second page would upgrade the tables
            return Answer(status=HTTPStatus.FOUND, reason="see /dashboard", headers=(("Location", "/dashboard"),))
        if path != HEALTH:
            return None
        if self._source.is_there():
            return Answer(status=HTTPStatus.OK, reason="ok")
        return refused(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer")

    def _change(self, environ: WSGIEnvironment, path: str) -> Answer | None:
        """Return the response to a change that is refused; None for a change that is allowed, and for a read."""
        method = environ["REQUEST_METHOD"]
        if method in READING:
            return self._without_body(environ)
        if not self._writes:
            only = "this dashboard only shows; --allow-writes has it take changes"
            return refused(HTTPStatus.METHOD_NOT_ALLOWED, only, ("Allow", ", ".join(READING)))
        if environ.get("HTTP_TRANSFER_ENCODING"):
            return refused(HTTPStatus.LENGTH_REQUIRED, "a change must say its length")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > body_limit(path):
            return refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {body_limit(path)} bytes are taken")
        kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if length and kind != "application/json":
            # JSON is the one type here that a page of another origin cannot send without a preflight request.
            return refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "changes are application/json")
        body = environ["wsgi.input"].read(length)
        try:
            document = parse(body)
        except (ValueError, RecursionError):
            return refused(HTTPStatus.BAD_REQUEST, "a change is an object of JSON, with finite numbers")
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            database, _ = self._source.open()
            return refuse_write(database, method, path, document)
        except Away as error:
            return self._unavailable(error)

    @staticmethod
    def _without_body(environ: WSGIEnvironment) -> Answer | None:
        if environ.get("HTTP_TRANSFER_ENCODING") or int(environ.get("CONTENT_LENGTH") or 0):
            return refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a request that changes nothing has no content")
        return None

    def _nothing(self, error: Away, path: str) -> Answer:
        """Return the response where no study can be shown: before there is any, pages say what will be there."""
        if isinstance(error, NotYet) and path.startswith("/dashboard"):
            return empty_page(str(error))
        return self._unavailable(error)

    def _unavailable(self, error: Away) -> Answer:
        self._tell(away=str(error))
        return refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error), ("Retry-After", "5"))

    def _failure(self, environ: WSGIEnvironment, path: str) -> Answer:
        """Return the response where optuna-dashboard has failed. Most often the database has become unreachable."""
        try:
            self._source.open()
        except Away as error:
            return self._unavailable(error)
        if is_artifact(path):
            return refused(HTTPStatus.NOT_FOUND, "there is no such file in the folder of artifacts")
        self._say(f"optuna-dashboard failed at {environ['REQUEST_METHOD']} {path}; --debug shows where")
        return refused(HTTPStatus.INTERNAL_SERVER_ERROR, "optuna-dashboard failed")

    def _tell(self, *, away: str | None) -> None:
        """Report once that the studies cannot be shown, and once that they are shown again."""
        with self._lock:
            if (away is not None) == self._away:
                return
            self._away = away is not None
        self._say(f"The dashboard shows nothing: {away}" if away else "The dashboard shows the studies again")


def _asked(application: Any, environ: WSGIEnvironment) -> tuple[str, Headers, Iterable[bytes]]:
    """Return status, headers and body of an application's response, before any of it is sent."""
    started: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, _: object = None) -> None:
        started.append((status, headers))

    body: Iterable[bytes] = application(environ, start)
    return *started[-1], body


def _send(answer: Answer, path: str, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    kind, body = answer.content(path)
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *answer.headers]
    start_response(answer.status_line, secured(headers, path))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _close(body: Iterable[bytes]) -> None:
    with contextlib.suppress(AttributeError):
        body.close()  # type: ignore[attr-defined]
