"""Responses of the guard itself, and the security headers of all responses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

Headers = list[tuple[str, str]]

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that, browsers hide the origin, and the guard would refuse the dashboard's own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOTHING = "default-src 'none'"
_NO_FRAMES = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response of the guard itself.

    Args:
        status: HTTP status.
        reason: One line for the user.
        headers: Headers in addition to those of every response.
        page: HTML to show instead of the line; None shows the line.
    """

    status: HTTPStatus
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    page: str | None = None

    @property
    def status_line(self) -> str:
        """The HTTP status line."""
        return f"{self.status.value} {self.status.phrase}"

    def content(self, path: str) -> tuple[str, bytes]:
        """Return content type and body. Requests to the API get JSON, whose `reason` optuna-dashboard's page shows."""
        if self.page is not None:
            return "text/html; charset=utf-8", self.page.encode()
        if path.startswith("/api/"):
            return "application/json", json.dumps({"reason": self.reason}).encode()
        return "text/plain; charset=utf-8", f"{self.reason}\n".encode()


def refused(status: HTTPStatus, reason: str, *headers: tuple[str, str]) -> Answer:
    """Return a response that refuses a request."""
    return Answer(status=status, reason=reason, headers=headers)


def is_artifact(path: str) -> bool:
    """Return whether a path is that of an uploaded file."""
    return path.startswith("/artifacts/")


def secured(headers: Headers, path: str) -> Headers:
    """Return the headers of a response, of the guard or of optuna-dashboard, with the security headers added."""
    policy = {name.lower(): value for name, value in headers}.get("content-security-policy", _NOTHING)
    ours = dict(_ALWAYS)
    if is_artifact(path):
        # Scripts in an uploaded file must not run with the rights of the user who opens the file.
        ours["Content-Security-Policy"] = f"sandbox; {_NOTHING}; {_NO_FRAMES}"
        ours["Content-Disposition"] = "attachment"
    else:
        ours["Content-Security-Policy"] = f"{policy}; {_NO_FRAMES}"
    if not path.startswith("/static/"):
        ours["Cache-Control"] = "no-store"
    replaced = tuple(name.lower() for name in ours)
    # No page of another origin may read a response.
    dropped = (*replaced, "access-control-")
    return [each for each in headers if not each[0].lower().startswith(dropped)] + list(ours.items())
