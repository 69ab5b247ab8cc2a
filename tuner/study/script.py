"""The request for a script that repeats a trial without this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The script, and the files that it may need, in their folder.
SCRIPT, ROWS, HEAD = "script.py", "rows.parquet", "head.safetensors"


@dataclass(frozen=True, kw_only=True)
class ScriptRequest:
    """What is recorded of a trial, and where the files go that its script needs."""

    #: Name of the study.
    study: str
    #: The evaluations, as `tuner.trial.evaluation.Evaluation.to_dict` returned them, in order; at least one.
    evaluations: Sequence[Mapping[str, Any]]
    #: The effective configuration.
    effective: Mapping[str, Any]
    #: Versions of the libraries that the trial was trained with, by name.
    versions: Mapping[str, str]
    #: Folder for the script's files; None where it has to do without.
    folder: Path | None
