"""Drafts a study file for data and a model, after a look at both."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import LORA
from tuner.errors import ConfigError, DataError
from tuner.processes.messages import Progressed
from tuner.processes.trainers import PRELOAD, ForkServer
from tuner.study.column_roles import CAUSAL_LM, Roles, guess_roles
from tuner.study.data_config import DataConfig, FormatConfig
from tuner.study.locations import cache_folder
from tuner.study.setup import LOADING, set_up
from tuner.study.sources import find_data, find_model, read_model_config
from tuner.study.split_sizes import split_sizes
from tuner.study.study_file import absolute_path, parse_config

if TYPE_CHECKING:
    from tuner.study.data_sketch import DataSketch
    from tuner.study.local import LocalStudy

#: The name of a draft in errors.
SOURCE = "tuner init"
#: Tokens to which texts are cut while their lengths are counted: the most that a draft proposes.
_MOST_TOKENS = 512
#: Training rows of the largest class for one of the smallest, from which on accuracy would hide the smallest.
_UNEVEN = 3.0
#: Times the length that keeps 95 % of the texts whole: a longest text of no more is kept whole.
_NEARLY = 1.5


@dataclass(frozen=True, kw_only=True)
class DraftRequest:
    """The study that a user wants, as far as it is said."""

    #: Hub id, path or URL, as written.
    data: str
    #: Hub id or path, as written.
    model: str
    #: Folder of the study file: relative paths in it start there.
    folder: Path
    #: Name of the study.
    name: str
    task: str | None = None
    #: Columns of the texts, one or a pair; none where they are to be guessed.
    text: tuple[str, ...] = ()
    label: str | None = None
    #: Names of the columns of a file without a header, in their order.
    header: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A study file's content, and what was seen."""

    #: In the order of the file.
    document: dict[str, Any]
    sketch: DataSketch
    #: The study, set up with texts cut to `_MOST_TOKENS`.
    study: LocalStudy
    #: Rows whose text or picture stands in the data before.
    duplicates: int
    is_causal: bool


def draft(
    request: DraftRequest,
    confirm: Callable[[DataSketch, Roles], Roles] = lambda _, roles: roles,
    progress: Callable[[Progressed], None] = lambda _: None,
) -> Draft:
    """Look at data and a model, and draft the study.

    Args:
        request: The study.
        confirm: Receives the columns and their guessed roles, and returns the roles to use.
        progress: Receives the progress of the slow parts.

    Raises:
        ConfigError: Data or model cannot be found or used, or the roles of the columns are not clear.
        HubAway: Data or model are on the hub, which does not answer.
    """
    here = Path.cwd()
    where, written = absolute_path(request.data, here), absolute_path(request.model, here)
    try:
        source, described = found_data(request.data), described_model(request.model)
    except ConfigError as error:
        raise type(error)(SOURCE, error.key, error.reason) from error
    is_causal = any(str(each).endswith("ForCausalLM") for each in described.get("architectures") or ())
    with (
        tempfile.TemporaryDirectory() as scratch,
        ForkServer(Path(scratch) / "log", preload=PRELOAD) as fork_server,
    ):
        progress(LOADING)
        sketch = _sketch(fork_server, _data(request, where), source, progress)
        roles = guess_roles(
            sketch, task=request.task, text=request.text, label=request.label, is_causal=is_causal, source=SOURCE
        )
        roles = confirm(sketch, roles)
        document = _first_document(request, roles, sketch, is_causal=is_causal)

        def looked_at(document: Mapping[str, Any]) -> LocalStudy:
            absolute = {**document, "model": written, "data": {**document["data"], "source": where}}
            config = parse_config(absolute, source=SOURCE, folder=here)
            return set_up(config, fork_server, source=SOURCE, progress=progress)

        try:
            study = looked_at(document)
        except DataError:
            if not _names_splits(document):
                raise
            # A test split without labels, as competitions have, is of no use: all splits are carved from training.
            document["data"]["splits"] = split_sizes(sketch.rows, ())
            study = looked_at(document)
    return _finished(document, sketch, study, is_causal=is_causal)


def found_data(written: str) -> str:
    """Return where data are, as written from here. A URL or a hub id is not looked up.

    Raises:
        ConfigError: There is no such file, folder or package.
    """
    return find_data(absolute_path(written, Path.cwd()))


def described_model(written: str) -> dict[str, Any]:
    """Return the configuration of a model, as written from here.

    Raises:
        ConfigError: There is no such model, or it is none.
        HubAway: The model is on the hub, which does not answer.
    """
    return read_model_config(find_model(absolute_path(written, Path.cwd()), None))


def _names_splits(document: Mapping[str, Any]) -> bool:
    return any(isinstance(each, str) for each in document["data"]["splits"].values())


def _data(request: DraftRequest, source: str) -> DataConfig:
    """Return the study's `data` before its columns are known."""
    return DataConfig(source=source, format=FormatConfig(header=[*request.header] or None))


def _sketch(
    fork_server: ForkServer, data: DataConfig, source: str, progress: Callable[[Progressed], None]
) -> DataSketch:
    arguments = {"data": data, "source": source, "cache": cache_folder()}
    environment = {"CUDA_VISIBLE_DEVICES": ""}
    try:
        found: DataSketch = fork_server.call(
            "tuner.training.data.sketching:sketch_data", arguments, environment, progress=progress
        )
    except ConfigError as error:
        option = "; `tuner init` takes them as --header text,label" if error.key == "data.format.header" else ""
        raise type(error)(SOURCE, error.key, error.reason + option) from error
    return found


def _first_document(request: DraftRequest, roles: Roles, sketch: DataSketch, *, is_causal: bool) -> dict[str, Any]:
    """Return a document with which the rows can be counted, and the tokens of their texts."""
    data: dict[str, Any] = {"source": _below(request.data, request.folder)}
    if request.header:
        data["format"] = {"header": [*request.header]}
    data |= roles.columns
    if roles.task != CAUSAL_LM:
        data["deduplicate"] = True
    data["splits"] = split_sizes(sketch.rows, sketch.splits)
    document: dict[str, Any] = {
        "name": request.name,
        "task": roles.task,
        "model": _below(request.model, request.folder),
        "data": data,
    }
    if is_causal and find_spec("peft") is not None:
        document["adapter"] = LORA
    return {**document, "budget": {"trials": 20}, "max_length": _MOST_TOKENS, "seed": 0}


def _finished(document: dict[str, Any], sketch: DataSketch, study: LocalStudy, *, is_causal: bool) -> Draft:
    """Return the draft with the metric, the length and the keys that the account of the rows asks for."""
    assert study.prepared is not None
    report = study.prepared.report
    duplicates = sum(each.count for each in report.rows.left_out if each.reason == "by data.deduplicate")
    data = dict(document["data"])
    if not duplicates:
        data.pop("deduplicate", None)
    finished = {**document, "data": data, "metric": study.config.metric.name}
    if is_uneven(report.rows.classes):
        finished["metric"] = "f1_macro"
    if report.lengths is None:
        finished.pop("max_length")
    else:
        longest, most = report.lengths.longest, report.lengths.keeps_95
        tokens = longest if longest <= _NEARLY * most else most
        # Of GPUs, the units that multiply matrices take eight numbers at a time.
        finished["max_length"] = max(8, min(-(-tokens // 8) * 8, report.lengths.limit))
    order = ("name", "task", "model", "data", "adapter", "metric", "budget", "max_length", "seed")
    finished = {key: finished[key] for key in order if key in finished}
    return Draft(document=finished, sketch=sketch, study=study, duplicates=duplicates, is_causal=is_causal)


def is_uneven(classes: Mapping[str, Mapping[str, int]]) -> bool:
    """Return whether the classes of the training split are so uneven that accuracy would hide the smallest one."""
    counts = [each.get("train", 0) for each in classes.values()]
    return bool(counts) and max(counts) >= _UNEVEN * max(1, min(counts))


def _below(written: str, folder: Path) -> str:
    """Return a source as the study file in a folder names it: a path from there, where one without `..` leads there."""
    absolute = absolute_path(written, Path.cwd())
    if absolute == written and not Path(written).is_absolute():
        return written  # a hub id or a URL
    path = Path(absolute)
    if not path.is_relative_to(folder.absolute()):
        return absolute
    return f"./{path.relative_to(folder.absolute())}"


def study_name(data: str) -> str:
    """Return the name of a study of some data: letters, digits, hyphens, dots and underscores."""
    stem = re.split(r"[/\\]", data.rstrip("/\\"))[-1].split(".")[0]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    return name[:60] or "my-study"
