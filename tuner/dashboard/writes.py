"""Which writes a dashboard takes that takes any: what nobody who trains could be harmed by.

Whatever is not named here is refused, so that a route of a later optuna-dashboard is not open before somebody has
looked at it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from storage import EFFECTIVE_ATTR, EVALUATION_ATTR, REASON_ATTR
from storage.belonging import study_of, study_of_trial
from tuner.dashboard.answers import Answer, refused

if TYPE_CHECKING:
    from storage import Database
    from storage.belonging import Belonging

#: Bytes of what is written, and of an artifact, which comes in base64.
MAX_WRITE = 1 << 20
MAX_ARTIFACT = 64 << 20

Rule = Callable[["Belonging", dict[str, Any]], Answer | None]


def body_limit(path: str) -> int:
    """Return how many bytes a request may bring."""
    return MAX_ARTIFACT if path.startswith("/api/artifacts/") else MAX_WRITE


def parse(body: bytes) -> dict[str, Any]:
    """Read what a request brings: an object of JSON, in which whatever is no finite number of floating point is none.

    Raises:
        ValueError: It is no such thing.
    """
    document = json.loads(body, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole) if body else {}
    if not isinstance(document, dict):
        raise ValueError("no object")
    return document


def refuse_write(database: Database, method: str, path: str, document: dict[str, Any]) -> Answer | None:
    """Return why a write is refused, or None where it is not."""
    for verb, pattern, of_trial, rule in _ROUTES:
        found = re.fullmatch(pattern, path, re.ASCII)
        if found is None or verb != method:
            continue
        number = int(found[1])
        if number.bit_length() > 31:  # no database has such an id
            return None
        study = study_of_trial(database, number) if of_trial else study_of(database, number)
        return None if study is None else rule(study, document)  # the dashboard says what is not found
    if (method, path) == ("POST", "/api/studies"):
        return refused(HTTPStatus.FORBIDDEN, "studies are made with `tuner start STUDY.yaml`")
    return refused(HTTPStatus.METHOD_NOT_ALLOWED, "this dashboard does not take such a change", ("Allow", "GET, HEAD"))


def _anywhere(study: Belonging, document: dict[str, Any]) -> Answer | None:
    return None


def _elsewhere(study: Belonging, document: dict[str, Any]) -> Answer | None:
    """Refuse what means nothing to a study of ours."""
    return _conflict(f"study {study.name!r} is run by tuner, which does not use that") if study.is_ours else None


def _remove(study: Belonging, document: dict[str, Any]) -> Answer | None:
    # A study of ours is more than Optuna's rows: slots that workers hold, and checkpoints in a store.
    if study.is_ours:
        how = f"`tuner delete {study.name}` removes it, with its checkpoints, once nobody runs it"
        return _conflict(f"study {study.name!r} is run by tuner; {how}")
    if study.running:
        return _conflict(f"study {study.name!r} has {study.running} running trials")
    return None


def _rename(study: Belonging, document: dict[str, Any]) -> Answer | None:
    # Optuna's page copies a study and deletes the first one: whoever runs it would lose it.
    if study.is_ours:
        return _conflict(f"study {study.name!r} is run by tuner, under its name")
    return _remove(study, document)


def _tell(study: Belonging, document: dict[str, Any]) -> Answer | None:
    if study.is_ours:
        return _conflict(f"trials of study {study.name!r} are ended by the workers that run them")
    if str(document.get("state", "")).upper() != "COMPLETE":
        return None
    values = document.get("values")
    # Whatever else is stored is no number to any sampler, and the study can never be read again.
    if not isinstance(values, list) or len(values) != study.objectives or not all(map(_is_number, values)):
        many = "a finite number" if study.objectives == 1 else f"{study.objectives} finite numbers"
        return refused(HTTPStatus.BAD_REQUEST, f"`values` must be a list of {many}")
    return None


def _set_attributes(study: Belonging, document: dict[str, Any]) -> Answer | None:
    attributes = document.get("user_attrs")
    if not isinstance(attributes, dict):
        return refused(HTTPStatus.BAD_REQUEST, "`user_attrs` must be an object")
    taken = [key for key in attributes if key in (EFFECTIVE_ATTR, REASON_ATTR) or key.startswith(EVALUATION_ATTR)]
    if study.is_ours and taken:
        return _conflict(f"the attribute {taken[0]!r} is what tuner has recorded")
    return None


#: Method, path, whether its first number is that of a trial, and the rule.
_ROUTES: tuple[tuple[str, str, bool, Rule], ...] = (
    ("PUT", r"/api/studies/(\d+)/note", False, _anywhere),
    ("PUT", r"/api/studies/(\d+)/\d+/note", False, _anywhere),
    ("POST", r"/api/trials/(\d+)/user-attrs", True, _set_attributes),
    ("POST", r"/api/artifacts/(\d+)(?:/\d+)?", False, _anywhere),
    ("DELETE", r"/api/artifacts/(\d+)(?:/\d+)?/[0-9a-fA-F-]+", False, _anywhere),
    ("POST", r"/api/trials/(\d+)/tell", True, _tell),
    ("POST", r"/api/studies/(\d+)/rename", False, _rename),
    ("DELETE", r"/api/studies/(\d+)", False, _remove),
    ("POST", r"/api/studies/(\d+)/preference", False, _elsewhere),
    ("PUT", r"/api/studies/(\d+)/preference_feedback_component", False, _elsewhere),
    ("POST", r"/api/studies/(\d+)/preference/[^/]+", False, _elsewhere),
    ("DELETE", r"/api/studies/(\d+)/preference/[^/]+", False, _elsewhere),
    ("POST", r"/api/studies/(\d+)/\d+/skip", False, _elsewhere),
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
