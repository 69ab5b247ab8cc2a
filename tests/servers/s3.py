"""S3, as moto's server keeps it: in memory."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Sequence
from pathlib import Path

from servers.errors import ServerFailed
from servers.server import HOST, Server


class S3Server(Server):
    """An S3 that lets everybody in. What it keeps is gone when it ends."""

    def __init__(self) -> None:
        super().__init__("s3")

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead boto, s3fs and so `s3://` URLs to this server, past any proxy."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": HOST,
        }

    def make_bucket(self, name: str) -> str:
        """Make a bucket; return its URL.

        Raises:
            ServerFailed: The server says no.
        """
        status = self._request("PUT", f"/{name}")
        if status != http.client.OK:
            raise ServerFailed(f"no bucket {name!r}: HTTP status {status}")
        return f"s3://{name}"

    def _request(self, method: str, path: str) -> int:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()

    def _command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)]

    def _answers(self) -> bool:
        try:
            return self._request("GET", "/") == http.client.OK
        except OSError:
            return False
