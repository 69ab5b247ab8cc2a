"""Trials as Optuna has them, read without its object-relational mapper: a third of the time for thousands of them."""

from __future__ import annotations

import datetime
import json
import math
from collections import defaultdict
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

from storage.belonging import study_of

if TYPE_CHECKING:
    from storage.database import Database

_TRIALS = models.TrialModel.__table__
#: How a number that SQL has no literal for is told.
_ODD = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}
#: Ids of running trials in one query, below what the databases take as parameters.
_MOST = 500


class QuickTrials:
    """Stands before Optuna's storage in its cache of finished trials, and reads those that the cache lacks.

    Args:
        backend: Optuna's storage; all but the reading of trials is its own.
        database: The database.
        skipped: Attributes of the trials of studies of tuner that are not read: names, and beginnings of names, which
            end in a colon.
    """

    def __init__(self, backend: Any, database: Database, *, skipped: Collection[str] = ()) -> None:
        self._backend = backend
        self._database = database
        self._skipped = skipped

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def _get_trials(
        self, study_id: int, states: Any, included_trial_ids: Collection[int], trial_id_greater_than: int
    ) -> list[FrozenTrial]:
        """Return trials by their ids, as Optuna's method of this name does."""
        if states is not None or len(included_trial_ids) > _MOST:
            found: list[FrozenTrial] = self._backend._get_trials(
                study_id, states, included_trial_ids, trial_id_greater_than
            )
            return found
        self._backend.get_study_name_from_id(study_id)  # raises KeyError where there is no study
        wanted = (_TRIALS.c.study_id == study_id) & (
            (_TRIALS.c.trial_id > trial_id_greater_than) | _TRIALS.c.trial_id.in_(included_trial_ids)
        )
        belonging = study_of(self._database, study_id)
        skipped = self._skipped if belonging is not None and belonging.is_ours else ()
        with self._database.read() as connection:
            return _read(connection, wanted, skipped)


def _read(connection: sa.Connection, wanted: Any, skipped: Collection[str]) -> list[FrozenTrial]:
    def rows(model: Any, *names: str) -> Any:
        table = model.__table__
        query = sa.select(table.c.trial_id, *(table.c[name] for name in names)).join(
            _TRIALS, _TRIALS.c.trial_id == table.c.trial_id
        )
        if "key" in names:
            for name in skipped:
                is_one = table.c.key.like(f"{name}%") if name.endswith(":") else table.c.key == name
                query = query.where(~is_one)
        # The first column is the table's own key: the order in which the values were written.
        return connection.execute(query.where(wanted).order_by(next(iter(table.c))))

    params: dict[int, dict[str, Any]] = defaultdict(dict)
    kinds: dict[int, dict[str, BaseDistribution]] = defaultdict(dict)
    for trial, name, value, kind in rows(models.TrialParamModel, "param_name", "param_value", "distribution_json"):
        kinds[trial][name] = distribution = _distribution(kind)
        params[trial][name] = distribution.to_external_repr(value)
    values: dict[int, dict[int, float]] = defaultdict(dict)
    for trial, objective, value, kind in rows(models.TrialValueModel, "objective", "value", "value_type"):
        values[trial][objective] = _ODD.get(kind.name, value)
    reports: dict[int, dict[int, float]] = defaultdict(dict)
    names = ("step", "intermediate_value", "intermediate_value_type")
    for trial, step, value, kind in rows(models.TrialIntermediateValueModel, *names):
        reports[trial][step] = _ODD.get(kind.name, value)
    attributes: tuple[dict[int, dict[str, Any]], ...] = (defaultdict(dict), defaultdict(dict))
    for found, model in zip(
        attributes, (models.TrialUserAttributeModel, models.TrialSystemAttributeModel), strict=True
    ):
        for trial, key, value in rows(model, "key", "value_json"):
            found[trial][key] = json.loads(value)
    columns = (_TRIALS.c[name] for name in ("trial_id", "number", "state", "datetime_start", "datetime_complete"))
    return [
        FrozenTrial(
            trial_id=trial,
            number=number,
            state=TrialState(state),
            value=None,
            values=[values[trial][objective] for objective in sorted(values[trial])] or None,
            datetime_start=_local(begun),
            datetime_complete=_local(ended),
            params=params[trial],
            distributions=kinds[trial],
            user_attrs=attributes[0][trial],
            system_attrs=attributes[1][trial],
            intermediate_values=reports[trial],
        )
        for trial, number, state, begun, ended in connection.execute(
            sa.select(*columns).where(wanted).order_by(_TRIALS.c.trial_id)
        )
    ]


@lru_cache(maxsize=4096)
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


def _local(moment: datetime.datetime | None) -> datetime.datetime | None:
    """Return a time that the database has in UTC as Optuna tells it: without a zone, in that of this machine."""
    return None if moment is None else moment.replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None)
