"""TensorBoard: a folder of event files for each trial, below `TENSORBOARD_LOGGING_DIR` or `runs`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tuner.reporting.trackers.tracker import OVER, Ending, Point, TrackedRun, Tracker, flat

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names of the files that the writer makes.
_EVENT_FILES = "events.out.tfevents.*"


class TensorBoard(Tracker):
    """Event files. A run that goes on is written again from its beginning, in place of the files that it had here."""

    def open(self, number: int, hyperparameters: Mapping[str, Any]) -> TrackedRun:
        """Begin a folder; see `Tracker.open`."""
        folder = self._folder(number)
        # The supervisor has all points of a trial. Written again, they are whole on each machine and nowhere double.
        for path in (folder / OVER, *folder.glob(_EVENT_FILES)):
            path.unlink(missing_ok=True)
        return _Run(folder, hyperparameters)

    def is_over(self, number: int) -> bool:
        """Return whether the folder is marked; see `Tracker.is_over`."""
        return (self._folder(number) / OVER).is_file()

    def _folder(self, number: int) -> Path:
        root = Path(os.environ.get("TENSORBOARD_LOGGING_DIR") or "runs")
        return root / self.study.name / self.study.run_name(number)


class _Run(TrackedRun):
    def __init__(self, folder: Path, hyperparameters: Mapping[str, Any]) -> None:
        self._folder, self._writer = folder, EventFileWriter(str(folder))
        start = SessionStartInfo(start_time_secs=time.time())
        for name, value in flat(hyperparameters).items():
            if isinstance(value, bool):
                start.hparams[name].bool_value = value
            elif isinstance(value, int | float):
                start.hparams[name].number_value = value
            else:
                start.hparams[name].string_value = value
        self._session(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start))

    def configure(self, effective: Mapping[str, Any]) -> None:
        rows = "\n".join(f"| {name} | {value} |" for name, value in flat(effective).items())
        self._text("effective", f"| effective | value |\n|--|--|\n{rows}")

    def log(self, point: Point) -> None:
        values = [Summary.Value(tag=name, simple_value=value) for name, value in point.values.items()]
        self._add(Summary(value=values), point.step)
        self._writer.flush()

    def end(self, ending: Ending) -> None:
        for name, text in ending.words().items():
            self._text(name, text)
        if not ending.goes_on:
            if ending.value is not None:
                self._add(Summary(value=[Summary.Value(tag="value", simple_value=ending.value)]), 0)
            failed = ending.state == "failed"
            status = api_pb2.STATUS_FAILURE if failed else api_pb2.STATUS_SUCCESS
            end = SessionEndInfo(status=status, end_time_secs=time.time())
            self._session(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end))
        self._writer.close()
        if not ending.goes_on:
            (self._folder / OVER).touch()

    def _session(self, tag: str, data: HParamsPluginData) -> None:
        about = metadata.create_summary_metadata(data)
        self._add(Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)]), 0)

    def _text(self, tag: str, text: str) -> None:
        about = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
        tensor.tensor_shape.dim.add(size=1)
        self._add(Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=tensor)]), 0)

    def _add(self, summary: Summary, step: int) -> None:
        self._writer.add_event(Event(step=step, wall_time=time.time(), summary=summary))

    def leave(self) -> None:
        self._writer.close()


TRACKER = TensorBoard
