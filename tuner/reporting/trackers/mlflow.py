"""MLflow: an experiment for each study, at `MLFLOW_TRACKING_URI` or in `mlflow.db` of the working folder."""

from __future__ import annotations

import re
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from tuner.reporting.trackers.tracker import Ending, Point, TrackedRun, Tracker, flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The tag by which a run is found again.
TAG = "shichimi.run"
#: Characters of a parameter that every server takes, and parameters of one call.
_MOST_CHARACTERS, _MOST_PARAMETERS = 500, 100
#: What names may not have there.
_NO_NAME = re.compile(r"[^\w\-. /]")
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


class MLflow(Tracker):
    """Runs that carry the names of the trials' runs as a tag, by which a server finds them."""

    def __init__(self, study: Any) -> None:
        super().__init__(study)
        self._client = MlflowClient()
        self._experiment = self._experiment_id()

    def _experiment_id(self) -> str:
        try:
            return str(self._client.create_experiment(self.study.name))
        except MlflowException:  # it exists, or another machine was faster
            found = self._client.get_experiment_by_name(self.study.name)
            if found is None:
                raise
            return str(found.experiment_id)

    def open(self, number: int, hyperparameters: Mapping[str, Any]) -> TrackedRun:
        """Begin a run, or find it; see `Tracker.open`."""
        name = self.study.run_name(number)
        found = self._client.search_runs([self._experiment], filter_string=f"tags.`{TAG}` = '{name}'", max_results=1)
        if found:
            run = found[0]
            self._client.update_run(run.info.run_id, status="RUNNING")
        else:
            run = self._client.create_run(self._experiment, run_name=f"trial {number}", tags={TAG: name})
        opened = _Run(self._client, run.info.run_id, run.data.params)
        opened.add_parameters(flat(hyperparameters))
        if found:
            opened.look_up(self.study.metric)
        return opened

    def is_over(self, number: int) -> bool:
        """Return whether the run is terminated; see `Tracker.is_over`."""
        return self.study.run_name(number) in self._over

    @cached_property
    def _over(self) -> frozenset[str]:
        found: list[str] = []
        token: str | None = None
        while True:
            page = self._client.search_runs([self._experiment], max_results=1000, page_token=token)
            found += [run.data.tags.get(TAG, "") for run in page if run.info.status in _STATUS.values()]
            token = page.token
            if not token:
                return frozenset(found)


class _Run(TrackedRun):
    def __init__(self, client: MlflowClient, run_id: str, parameters: Iterable[str]) -> None:
        self._client, self._id = client, run_id
        self._parameters, self._steps = set(parameters), set[int]()

    def look_up(self, metric: str) -> None:
        """Find out which points the server has."""
        self._steps = {each.step for each in self._client.get_metric_history(self._id, _name(metric))}

    def add_parameters(self, values: Mapping[str, Any]) -> None:
        """Add the parameters that the run lacks: none of them can be changed."""
        named = {_name(name): str(value)[:_MOST_CHARACTERS] for name, value in values.items()}
        new = [Param(name, value) for name, value in named.items() if name not in self._parameters]
        self._parameters |= named.keys()
        for start in range(0, len(new), _MOST_PARAMETERS):
            self._client.log_batch(self._id, params=new[start : start + _MOST_PARAMETERS])

    def has(self, step: int) -> bool:
        return step in self._steps

    def configure(self, effective: Mapping[str, Any]) -> None:
        self.add_parameters(flat(effective, "effective."))

    def log(self, point: Point) -> None:
        now = int(time.time() * 1000)
        self._client.log_batch(
            self._id, metrics=[Metric(_name(name), value, now, point.step) for name, value in point.values.items()]
        )

    def end(self, ending: Ending) -> None:
        tags = [RunTag(name, text) for name, text in ending.words().items()]
        now = int(time.time() * 1000)
        value = [] if ending.goes_on or ending.value is None else [Metric("value", ending.value, now, 0)]
        self._client.log_batch(self._id, metrics=value, tags=tags)
        if ending.goes_on:
            self._client.update_run(self._id, status="SCHEDULED")
        else:
            self._client.set_terminated(self._id, status=_STATUS[ending.state])


def _name(written: str) -> str:
    return _NO_NAME.sub("_", written)


TRACKER = MLflow
