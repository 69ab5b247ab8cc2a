"""The hub of models and datasets: where it is away, what is cached on this machine has to do."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig

#: Set for a process that is to do with what is cached; libraries read it when they are imported.
OFFLINE = {"HF_HUB_OFFLINE": "1"}
#: Seconds for which the hub is waited for.
_ANSWER_S = 5.0
_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")

_away: list[str] = []


def is_away() -> str | None:
    """Return why this process does without the hub, where it was found to be away; else None."""
    return _away[0] if _away else None


def settle(config: StudyConfig, notice: Callable[[str], None]) -> None:
    """Look once whether the hub answers, where a study names something there; else do with what is cached.

    Libraries ask the hub for every file, each with a time-out of its own, also for what is cached: with a network that
    swallows everything, each trial would begin minutes late. Call this before any of them is imported, and before the
    processes that inherit our environment are started.

    Args:
        config: The study.
        notice: Told in a line that the hub does not answer.
    """
    if _away or any(os.environ.get(name) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")):
        return
    named = [config.model, config.data.source if config.data is not None else None]
    if not any(name is not None and names_a_repository(name) for name in named):
        return
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    if (why := _unanswered(endpoint)) is not None:
        _away.append(f"{endpoint} does not answer: {why}")
        os.environ.update(OFFLINE)
        notice(f"the hub {_away[0]}; going on with what is cached here")


def names_a_repository(written: str) -> bool:
    """Return whether a source is a hub id, as opposed to a path, a URL or a file of a package."""
    return _ID.fullmatch(written) is not None and not Path(written).is_absolute()


def _unanswered(endpoint: str) -> str | None:
    try:
        request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 (what the libraries would ask)
        with urllib.request.urlopen(request, timeout=_ANSWER_S):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        return None if error.code < 500 else f"HTTP status {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return str(getattr(reason, "strerror", None) or reason)
