"""Trained models of a study, brought to this machine to be judged."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from search_spaces import Hyperparameters
from storage import CheckpointMissing, TrialState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from storage import CheckpointStore, History, TrialRecord
    from tuner.study.local import LocalStudy
    from tuner.trial.run import TrialRun


@contextmanager
def fetched(
    history: History, store: CheckpointStore, local_study: LocalStudy, numbers: Sequence[int]
) -> Iterator[list[tuple[TrialRun, Path]]]:
    """Yield the run of each trial, and a local folder with its best weights.

    Raises:
        CheckpointMissing: The store does not have the weights of one.
    """
    folders: list[Path] = []
    try:
        found = []
        for number in numbers:
            record = history.trial(number)
            folders.append(weights_of(store, record))
            values = Hyperparameters.from_values(record.hyperparameters)
            found.append((local_study.run(number, values, precision="fp32"), folders[-1]))
        yield found
    finally:
        for folder in folders:
            store.release(folder)


def weights_of(store: CheckpointStore, record: TrialRecord) -> Path:
    """Return a local folder with the best weights of a trial; give it to `store.release` after use.

    Raises:
        CheckpointMissing: The store does not have them.
    """
    kept = record.checkpoints.best
    if kept is None:
        raise CheckpointMissing(f"no weights are kept for trial {record.number} in {store.url}")
    folder, _ = store.fetch(kept.key, kept.sha256)
    return folder


def compared_trials(history: History, store: CheckpointStore, best: int) -> tuple[int, ...]:
    """Return the numbers of the trials to judge: trial 0, if it is complete and has its weights, and the best one."""
    first = history.first()
    if first is None or first.state != TrialState.COMPLETE or best == 0:
        return (best,)
    kept = first.checkpoints.best
    has_weights = kept is not None and kept.key in store.keys(0)
    return (0, best) if has_weights else (best,)
