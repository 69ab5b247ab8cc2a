"""Plain HTTP to a dashboard that runs: nothing is followed, added or made up for."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

#: What `tuner dashboard` says once it answers.
ADDRESS = r"Dashboard on (http://(\S+):(\d+)) \(Ctrl-C ends it\)"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    address: str,
    path: str,
    *,
    method: str = "GET",
    send: object = None,
    body: bytes | None = None,
    **headers: str | None,
) -> Answer:
    """Ask once.

    Args:
        address: As the command says it.
        path: What stands in the request line.
        method: Of HTTP.
        send: Goes as JSON.
        body: Goes as it is.
        headers: With _ for -; Host is that of the address unless it is given, and none where it is None.
    """
    where = urlsplit(address)
    assert where.hostname is not None
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    if send is not None:
        body = json.dumps(send).encode()
        headers = {"content_type": "application/json", **headers}
    named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    try:
        connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
        for name, value in named.items():
            connection.putheader(name, value)
        if body is not None and "content-length" not in named:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(status=answer.status, headers=found, body=answer.read())
    finally:
        connection.close()


def basic(user: str, password: str) -> str:
    """Return the header with which a browser logs in."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def raw(address: str, request: bytes) -> bytes:
    """Send bytes as they are; return what comes until the other side closes."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=60) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while part := client.recv(65536):
            received += part
    return received
