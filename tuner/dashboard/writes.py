"""The writes that a dashboard with `--allow-writes` accepts: those that cannot harm a running study.

All routes that are not listed here are refused. So a new route of a later optuna-dashboard is closed until it has been
reviewed and added.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from storage import DEVICE_ATTR, EFFECTIVE_ATTR, EVALUATION_ATTR, REASON_ATTR
from storage.belonging import study_of, study_of_trial
from tuner.dashboard.answers import Answer, refused

if TYPE_CHECKING:
    from storage import Database
    from storage.belonging import Belonging

#: Most bytes of the body of a write.
MAX_WRITE = 1 << 20
#: Most bytes of the body of an upload, which holds the artifact in base64.
MAX_ARTIFACT = 64 << 20

Rule = Callable[["Belonging", dict[str, Any]], Answer | None]


def body_limit(path: str) -> int:
    """Return the most bytes that the body of a request may have."""
    return MAX_ARTIFACT if path.startswith("/api/artifacts/") else MAX_WRITE


def parse(body: bytes) -> dict[str, Any]:
    """Parse the body of a request: a JSON object whose numbers are all finite as floating-point numbers.

    Raises:
        ValueError: The body is not such an object.
    """
    document = json.loads(body, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole) if body else {}
    if not isinstance(document, dict):
        raise ValueError("no object")
    return document


def refuse_write(database: Database, method: str, path: str, document: dict[str, Any]) -> Answer | None:
    """Return the response to a write that is refused, or None for a write that optuna-dashboard may handle."""
    for verb, pattern, of_trial, rule in _ROUTES:
        found = re.fullmatch(pattern, path, re.ASCII)
        if found is None or verb != method:
            continue
        number = int(found[1])
        if number.bit_length() > 31:  # ids in a database are smaller
            return None
        study = study_of_trial(database, number) if of_trial else study_of(database, number)
        return None if study is None else rule(study, document)  # optuna-dashboard answers that it is not found
    if (method, path) == ("POST", "/api/studies"):
        return refused(HTTPStatus.FORBIDDEN, "studies are made with `tuner start STUDY.yaml`")
    return refused(HTTPStatus.METHOD_NOT_ALLOWED, "this dashboard does not take such a change", ("Allow", "GET, HEAD"))


def _any_study(study: Belonging, document: dict[str, Any]) -> Answer | None:
    return None


def _other_studies(study: Belonging, document: dict[str, Any]) -> Answer | None:
    """Refuse features of optuna-dashboard that tuner's own studies do not use."""
    return _conflict(f"study {study.name!r} is run by tuner, which does not use that") if study.is_ours else None


def _remove(study: Belonging, document: dict[str, Any]) -> Answer | None:
    # A study of tuner has more than Optuna's rows: slots that workers hold, and checkpoints in a store.
    if study.is_ours:
        how = f"`tuner delete {study.name}` removes it, with its checkpoints, once no worker runs it"
        return _conflict(f"study {study.name!r} is run by tuner; {how}")
    if study.running:
        return _conflict(f"study {study.name!r} has {study.running} running trials")
    return None


def _rename(study: Belonging, document: dict[str, Any]) -> Answer | None:
    # To rename a study, optuna-dashboard copies it and deletes the original. A worker that runs it would lose it.
    if study.is_ours:
        return _conflict(f"study {study.name!r} is run by tuner, under its name")
    return _remove(study, document)


def _tell(study: Belonging, document: dict[str, Any]) -> Answer | None:
    if study.is_ours:
        return _conflict(f"trials of study {study.name!r} are ended by the workers that run them")
    if str(document.get("state", "")).upper() != "COMPLETE":
        return None
    values = document.get("values")
    # A stored value that is not a finite number makes the study unreadable for ever.
    if not isinstance(values, list) or len(values) != study.objectives or not all(map(_is_number, values)):
        many = "a finite number" if study.objectives == 1 else f"{study.objectives} finite numbers"
        return refused(HTTPStatus.BAD_REQUEST, f"`values` must be a list of {many}")
    return None


def _set_attributes(study: Belonging, document: dict[str, Any]) -> Answer | None:
    attributes = document.get("user_attrs")
    if not isinstance(attributes, dict):
        return refused(HTTPStatus.BAD_REQUEST, "`user_attrs` must be an object")
    ours = (EFFECTIVE_ATTR, DEVICE_ATTR, REASON_ATTR)
    taken = [key for key in attributes if key in ours or key.startswith(EVALUATION_ATTR)]
    if study.is_ours and taken:
        return _conflict(f"tuner has recorded the attribute {taken[0]!r}")
    return None


#: Method, path, whether the first number in the path is a trial's id (otherwise a study's), and the rule.
_ROUTES: tuple[tuple[str, str, bool, Rule], ...] = (
    ("PUT", r"/api/studies/(\d+)/note", False, _any_study),
    ("PUT", r"/api/studies/(\d+)/\d+/note", False, _any_study),
    ("POST", r"/api/trials/(\d+)/user-attrs", True, _set_attributes),
    ("POST", r"/api/artifacts/(\d+)(?:/\d+)?", False, _any_study),
    ("DELETE", r"/api/artifacts/(\d+)(?:/\d+)?/[0-9a-fA-F-]+", False, _any_study),
    ("POST", r"/api/trials/(\d+)/tell", True, _tell),
    ("POST", r"/api/studies/(\d+)/rename", False, _rename),
    ("DELETE", r"/api/studies/(\d+)", False, _remove),
    ("POST", r"/api/studies/(\d+)/preference", False, _other_studies),
    ("PUT", r"/api/studies/(\d+)/preference_feedback_component", False, _other_studies),
    ("POST", r"/api/studies/(\d+)/preference/[^/]+", False, _other_studies),
    ("DELETE", r"/api/studies/(\d+)/preference/[^/]+", False, _other_studies),
    ("POST", r"/api/studies/(\d+)/\d+/skip", False, _other_studies),
)


def _conflict(reason: str) -> Answer:
    return refused(HTTPStatus.CONFLICT, reason)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.20} is no finite number")
    return number


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no finite number")
