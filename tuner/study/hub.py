"""The hub of models and datasets: whether it answers, and working from its cache where it does not."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

#: Environment of a process that must use cached files only. Hugging Face libraries read it when they are imported.
OFFLINE = {"HF_HUB_OFFLINE": "1"}
#: Seconds that the hub has to answer.
_ANSWER_S = 5.0
_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")

#: The reason why the hub is not used, once `settle` has found one; at most one entry.
_away: list[str] = []


def is_away() -> str | None:
    """Return why this process does not use the hub, where `settle` found that it does not answer; else None."""
    return _away[0] if _away else None


def settle(sources: Iterable[str], notice: Callable[[str], None]) -> None:
    """Ask once whether the hub answers, where a source is on it; if it does not, use cached files only.

    Hugging Face libraries ask the hub about every file, cached ones too, each time with a time-out of its own. On a
    network that drops packets, each trial would start minutes late. Call this before such a library is imported and
    before child processes are started, which inherit the environment.

    Args:
        sources: The model and the data source that a study names.
        notice: Receives one line for the user where the hub does not answer.
    """
    if _away or any(os.environ.get(name) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")):
        return
    if not any(names_a_repository(source) for source in sources):
        return
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    if (why := _unanswered(endpoint)) is not None:
        _away.append(f"{endpoint} does not answer: {why}")
        os.environ.update(OFFLINE)
        notice(f"the hub {_away[0]}; going on with what is cached here")


def names_a_repository(written: str) -> bool:
    """Return whether a source is a hub id, rather than a path, a URL or a file of a package."""
    return _ID.fullmatch(written) is not None and not Path(written).is_absolute()


def _unanswered(endpoint: str) -> str | None:
    """Return why the hub cannot be used, or None where it answers."""
    try:
        request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 (the libraries would ask the same URL)
        with urllib.request.urlopen(request, timeout=_ANSWER_S):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        return None if error.code < 500 else f"HTTP status {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return str(getattr(reason, "strerror", None) or reason)
