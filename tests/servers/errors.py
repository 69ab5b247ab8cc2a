"""What goes wrong with a server of the tests: ServerUnavailable, ServerFailed."""

from __future__ import annotations


class ServerUnavailable(Exception):
    """This machine has no such server."""


class ServerFailed(Exception):
    """A server did not do what it was told; the message ends with its log."""
