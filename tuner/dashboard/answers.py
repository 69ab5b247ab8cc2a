"""What the dashboard answers by itself, and the headers of all that it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

Headers = list[tuple[str, str]]

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, browsers hide from the dashboard that its own forms are its own.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOTHING = "default-src 'none'"
_NO_FRAMES = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of our own.

    Args:
        status: Of HTTP.
        reason: A line for people.
        headers: Besides those of every answer.
    """

    status: HTTPStatus
    reason: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def status_line(self) -> str:
        """What HTTP calls the status line."""
        return f"{self.status.value} {self.status.phrase}"

    def content(self, path: str) -> tuple[str, bytes]:
        """Return type and body: the page shows the `reason` of JSON that its requests are answered with."""
        if path.startswith("/api/"):
            return "application/json", json.dumps({"reason": self.reason}).encode()
        return "text/plain; charset=utf-8", f"{self.reason}\n".encode()


def refused(status: HTTPStatus, reason: str, *headers: tuple[str, str]) -> Answer:
    """Return a refusal."""
    return Answer(status=status, reason=reason, headers=headers)


def is_artifact(path: str) -> bool:
    """Return whether a path is that of a file which somebody has uploaded."""
    return path.startswith("/artifacts/")


def secured(headers: Headers, path: str) -> Headers:
    """Return the headers of an answer, of whomever it comes, with ours."""
    policy = {name.lower(): value for name, value in headers}.get("content-security-policy", _NOTHING)
    ours = dict(_ALWAYS)
    if is_artifact(path):
        # What somebody has uploaded must not run with the rights of whoever looks at it.
        ours["Content-Security-Policy"] = f"sandbox; {_NOTHING}; {_NO_FRAMES}"
        ours["Content-Disposition"] = "attachment"
    else:
        ours["Content-Security-Policy"] = f"{policy}; {_NO_FRAMES}"
    if not path.startswith("/static/"):
        ours["Cache-Control"] = "no-store"
    replaced = tuple(name.lower() for name in ours)
    # No page elsewhere may read an answer.
    dropped = (*replaced, "access-control-")
    return [each for each in headers if not each[0].lower().startswith(dropped)] + list(ours.items())
