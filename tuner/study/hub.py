"""The hub of models and datasets: whether it answers, and working from its cache where it does not."""

from __future__ import annotations

import difflib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

from tuner.errors import DataError, HubAway, ModelError, TunerError, first_line

#: Environment of a process that must use cached files only. Hugging Face libraries read it when they are imported.
OFFLINE = {"HF_HUB_OFFLINE": "1"}
#: Seconds that the hub has to answer.
_ANSWER_S = 5.0
#: How alike two names are, from 0 to 1, of which one may be a misspelling of the other.
_ALIKE = 0.85
_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")

#: Classes of errors by which libraries say that no answer came. Named, not imported: the libraries load slowly.
_UNREACHED = {
    "ConnectionError",
    "ConnectError",
    "TimeoutError",
    "TimeoutException",
    "OfflineModeIsEnabled",
    "LocalEntryNotFoundError",
}

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


def hub_problem(error: BaseException, source: str, subset: str | None = None) -> TunerError:
    """Return the error for the user where a data set of the hub could not be read.

    Args:
        error: The error of the library datasets, or of one below it.
        source: The data set's id.
        subset: The subset that the study file names.

    Returns:
        HubAway where the hub gave no answer, else a DataError that names the key to correct.
    """
    errors = _causes(error)
    kinds = {kind.__name__ for each in errors for kind in type(each).__mro__}
    said = " ".join(str(error).split())
    if "DatasetNotFoundError" in kinds:
        return _refused(said, source)
    if _statuses(errors) & {401, 403}:
        return _refused("gated", source)
    if (away := _away_because(errors)) is not None or "Couldn't find cache for" in said:
        named = source if subset is None else f"{source}, subset {subset}"
        return HubAway(f"data set {named!r} is not cached here, and the hub {away or _why_away()}")
    if "BuilderConfig" in said or "Config name is missing" in said:
        there = re.search(r"\[[^\]]*\]", said)
        reason = f"{source!r} has no subset {subset!r}" if subset is not None else f"{source!r} needs a subset"
        return DataError("", "data.subset", f"{reason}; there are {there[0] if there else 'others'}")
    if "scripts are no longer supported" in said:
        reason = "is read by a script of its own, which is not run; name files of it, or another data set"
        return DataError("", "data.source", f"{source!r} {reason}")
    return DataError("", "data.source", f"{source!r} cannot be read: {first_line(error)}")


def model_problem(error: BaseException, model: str) -> TunerError:
    """Return the error for the user where the configuration of a model of the hub could not be read.

    Args:
        error: The error of the hub's library.
        model: The model's id.

    Returns:
        HubAway where the hub gave no answer, else a ModelError.
    """
    away = _away_because(_causes(error)) or is_away()
    if away is not None:
        return HubAway(f"model {model!r} is not cached here, and the hub {away}{_likely(model)}")
    return ModelError("", "model", f"{model!r} is no folder and no model of the hub: {first_line(error)}")


def _likely(model: str) -> str:
    """Return a question after the cached model that is spelt nearly as this one; nothing where there is none."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    # The cache has a folder of a model that was asked for and never found, too; that one holds no configuration.
    cached = {path.parts[-4] for path in cache.glob("models--*/snapshots/*/config.json")}
    names = [each.removeprefix("models--").replace("--", "/") for each in sorted(cached)]
    found = difflib.get_close_matches(model, names, n=1, cutoff=_ALIKE)
    return f"; did you mean {found[0]!r}, which is cached here?" if found and found[0] != model else ""


def _away_because(errors: Iterable[BaseException]) -> str | None:
    """Return what the hub does instead of answering, as errors tell; None where they do not tell of that."""
    errors = list(errors)
    statuses = _statuses(errors)
    if any(status == 429 or status >= 500 for status in statuses):
        return f"answers with HTTP status {max(statuses)}"
    return _why_away() if {kind.__name__ for each in errors for kind in type(each).__mro__} & _UNREACHED else None


def _why_away() -> str:
    return is_away() or "cannot be reached (or HF_HUB_OFFLINE=1 is set)"


def _statuses(errors: Iterable[BaseException]) -> set[int]:
    return {getattr(getattr(each, "response", None), "status_code", None) or 0 for each in errors}


def _refused(said: str, source: str) -> DataError:
    """Return the error where the hub knows no such data set, or does not show it to this user."""
    if "evision" in said:
        return DataError("", "data.revision", f"data set {source!r} has no such revision on the hub")
    if "gated" in said:
        reason = f"data set {source!r} needs access rights: ask for access on its page, then set HF_TOKEN"
        return DataError("", "data.source", reason)
    return DataError(
        "",
        "data.source",
        f"{source!r} is no file or folder here and no data set of the hub, or a private one; set HF_TOKEN for a "
        "private one",
    )


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and those that it was raised from or beside, the innermost last."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return chain


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
