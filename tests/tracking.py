"""What trackers hold of a study's trials, read as their own programs read it; and where they write in a test."""

from __future__ import annotations

import json
import math
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")


@dataclass(frozen=True, kw_only=True)
class TrackedTrial:
    """One run."""

    hyperparameters: Mapping[str, Any]
    #: Step and value of every point of the metric, in order.
    points: list[tuple[int, float]]
    state: str | None
    value: float | None
    #: Whether it has an effective configuration.
    is_effective: bool


def environment(root: Path) -> dict[str, str]:
    """Return the variables with which all trackers write below a folder, and none uses a network."""
    return {
        "TENSORBOARD_LOGGING_DIR": str(root / "tensorboard"),
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(root),
        "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db",
        "TRACKIO_DIR": str(root / "trackio"),
    }


def read(tracker: str, root: Path, study: str, metric: str) -> dict[str, list[TrackedTrial]]:
    """Return the runs of a study by their names; a name should have one. Offline, wandb has one a folder."""
    readers: dict[str, Callable[[Path, str, str], dict[str, list[TrackedTrial]]]] = {
        "tensorboard": _tensorboard,
        "wandb": _wandb,
        "mlflow": _mlflow,
        "trackio": _trackio,
    }
    return readers[tracker](root, study, metric)


def _tensorboard(root: Path, study: str, metric: str) -> dict[str, list[TrackedTrial]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found = {}
    for folder in (root / "tensorboard" / study).iterdir():
        read = EventAccumulator(str(folder))
        read.Reload()
        tags = read.Tags()
        texts = {
            tag: read.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in tags["tensors"] if tag[0] != "_"
        }
        about = HParamsPluginData.FromString(read.PluginTagToContent("hparams")["_hparams_/session_start_info"])
        values = about.session_start_info.hparams
        found[folder.name] = [
            TrackedTrial(
                hyperparameters={name: getattr(each, str(each.WhichOneof("kind"))) for name, each in values.items()},
                points=[(each.step, each.value) for each in read.Scalars(metric)] if metric in tags["scalars"] else [],
                state=texts.get("state"),
                value=read.Scalars("value")[0].value if "value" in tags["scalars"] else None,
                is_effective="effective" in texts,
            )
        ]
    return found


def _wandb(root: Path, study: str, metric: str) -> dict[str, list[TrackedTrial]]:
    from wandb.proto import wandb_internal_pb2

    found: dict[str, list[TrackedTrial]] = defaultdict(list)
    for path in sorted((root / "wandb").glob("offline-run-*/*.wandb")):
        name, config, summary, points = "", {}, {}, []
        for data in _records(path.read_bytes()):
            record = wandb_internal_pb2.Record.FromString(data)
            if record.HasField("run"):
                assert record.run.project == study
                name = record.run.run_id
                config |= {each.key: json.loads(each.value_json) for each in record.run.config.update}
            elif record.HasField("config"):
                config |= {each.key: json.loads(each.value_json) for each in record.config.update}
            elif record.HasField("summary"):
                summary |= {_key(each): json.loads(each.value_json) for each in record.summary.update}
            elif record.HasField("history"):
                row = {_key(each): json.loads(each.value_json) for each in record.history.item}
                points += [(record.history.step.num, row[metric])] if metric in row else []
        if not name:  # its process was killed before it had written the first block
            continue
        effective = config.pop("effective", None)
        config.pop("_wandb", None)
        found[name].append(
            TrackedTrial(
                hyperparameters=config,
                points=points,
                state=summary.get("state"),
                value=summary.get("value"),
                is_effective=effective is not None,
            )
        )
    return found


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a log in LevelDB's format: blocks of 32 KiB, with parts of records in them."""
    assert content[:4] == b":W&B"
    at, parts = 7, b""
    while at < len(content):
        left = 2**15 - at % 2**15
        if left < 7:  # too short for the head of a part
            at += left
            continue
        size, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        if kind == 0:
            return
        parts += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""


def _key(item: Any) -> str:
    return str(item.key or item.nested_key[0])


def _mlflow(root: Path, study: str, metric: str) -> dict[str, list[TrackedTrial]]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    found: dict[str, list[TrackedTrial]] = defaultdict(list)
    for run in client.search_runs([experiment.experiment_id]):
        history = client.get_metric_history(run.info.run_id, metric)
        values = {name: value for name, value in run.data.params.items() if not name.startswith("effective.")}
        found[run.data.tags["shichimi.run"]].append(
            TrackedTrial(
                hyperparameters={name: _number(value) for name, value in values.items()},
                points=sorted((each.step, each.value) for each in history),
                state=run.data.tags.get("state"),
                value=run.data.metrics.get("value"),
                is_effective=len(values) < len(run.data.params),
            )
        )
    return found


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _trackio(root: Path, study: str, metric: str) -> dict[str, list[TrackedTrial]]:
    import sqlite3

    # Its own reader finds the folder in an environment variable when it is imported, which is too early for a test.
    with sqlite3.connect(root / "trackio" / f"{study}.db") as database:
        logs = database.execute("SELECT run_id, run_name, step, metrics FROM metrics ORDER BY id").fetchall()
        configs = dict(database.execute("SELECT run_id, config FROM configs").fetchall())
    database.close()
    found: dict[str, list[TrackedTrial]] = defaultdict(list)
    for run_id, config in configs.items():
        rows = [(name, step, json.loads(metrics)) for each, name, step, metrics in logs if each == run_id]
        values = {name: value for name, value in json.loads(config).items() if not name.startswith("_")}
        last = rows[-1][2]
        found[rows[0][0]].append(
            TrackedTrial(
                is_effective=values.pop("effective", None) is not None,
                hyperparameters=values,
                points=[(step, row[metric]) for _, step, row in rows if metric in row],
                state=last.get("state"),
                value=last.get("value"),
            )
        )
    return found


def close_to(one: float, other: float) -> bool:
    """Return whether two values are the same: TensorBoard has numbers of 32 bits."""
    return math.isclose(one, other, rel_tol=1e-6)
