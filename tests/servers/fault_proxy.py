"""A proxy in front of an HTTP server, which does what networks and busy stores do: errors, silence, delays, cuts."""

from __future__ import annotations

import http.client
import socket
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from servers.server import HOST, free_port

#: Of a request or an answer between two ends alone.
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "expect"}


class FaultProxy:
    """Passes requests on to a server on 127.0.0.1 as it is told to. Thread-safe.

    Args:
        port: The server's port.
    """

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._upstream = port
        self._lock = threading.Lock()
        self._healed = threading.Event()
        self._fault: Callable[[BaseHTTPRequestHandler], bool] = _none
        #: By method, the requests that came while something was wrong, and those that were passed on.
        self.disturbed: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self._server = _Server((HOST, self.port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The endpoint to use in place of the server's own."""
        return f"http://{HOST}:{self.port}"

    def heal(self) -> None:
        """Pass everything on again; what hangs is cut."""
        with self._lock:
            self._fault = _none
            self._healed.set()

    def answer(self, status: int) -> None:
        """Answer every request with an error of the server's."""
        self._break(lambda request: _answer(request, status))

    def hang(self) -> None:
        """Take every request and say nothing, until healed."""
        healed = self._new_fault()

        def silent(request: BaseHTTPRequestHandler) -> bool:
            healed.wait()
            return _cut(request)

        self._break(silent)

    def cut(self) -> None:
        """End the connection of every request."""
        self._break(_cut)

    def delay(self, seconds: float, method: str = "PUT") -> None:
        """Let requests of a method wait so long, then pass them on."""
        healed = self._new_fault()

        def slow(request: BaseHTTPRequestHandler) -> bool:
            if request.command == method:
                healed.wait(seconds)
            return False

        self._break(slow)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _new_fault(self) -> threading.Event:
        with self._lock:
            self._healed.set()
            self._healed = threading.Event()
            return self._healed

    def _break(self, fault: Callable[[BaseHTTPRequestHandler], bool]) -> None:
        with self._lock:
            self._fault = fault

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Do with a request what is the order of the moment."""
        body = _body(request)
        with self._lock:
            fault = self._fault
            (self.passed if fault is _none else self.disturbed)[request.command] += 1
        if not fault(request):
            self._pass_on(request, body)

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        upstream = http.client.HTTPConnection(HOST, self._upstream, timeout=60)
        try:
            headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP}
            headers["Content-Length"] = str(len(body))
            upstream.request(request.command, request.path, body=body, headers=headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        request.send_response_only(answer.status, answer.reason)
        length = answer.getheader("Content-Length") if request.command == "HEAD" else str(len(content))
        for key, value in answer.getheaders():
            if key.lower() not in _HOP | {"content-length"}:
                request.send_header(key, value)
        if length is not None:
            request.send_header("Content-Length", length)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients leave in the middle, and that is what is tested."""


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            proxy.serve(self)

        do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 (the names that are called)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _none(_: BaseHTTPRequestHandler) -> bool:
    return False


def _answer(request: BaseHTTPRequestHandler, status: int) -> bool:
    code = {500: "InternalError", 503: "SlowDown", 507: "InsufficientStorage"}.get(status, "InternalError")
    content = (
        b"" if request.command == "HEAD" else f"<Error><Code>{code}</Code><Message>a fault</Message></Error>".encode()
    )
    request.send_response_only(status)
    request.send_header("Content-Type", "application/xml")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
    return True


def _cut(request: BaseHTTPRequestHandler) -> bool:
    request.close_connection = True
    request.connection.shutdown(socket.SHUT_RDWR)
    return True


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in request.headers.get("Transfer-Encoding", "").lower():
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    chunks = []
    while size := int(request.rfile.readline().split(b";")[0], 16):
        chunks.append(request.rfile.read(size))
        request.rfile.readline()
    while request.rfile.readline().strip():  # trailers
        pass
    return b"".join(chunks)
