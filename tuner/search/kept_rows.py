"""The rows that a trial gets right, which are kept of its last evaluation and of its best one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from storage import BEST_ROWS_ATTR, LAST_ROWS_ATTR
from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from tuner.trial.evaluation import Evaluation

#: Most characters of them: MySQL's TEXT holds 64 kB.
MOST = 60_000


def kept_rows(evaluation: Evaluation, before: Iterable[float], direction: str) -> dict[str, Any]:
    """Return the attributes to write with an evaluation; none where its rows are not known, or are too many.

    Args:
        evaluation: The evaluation.
        before: Values that the trial has reported.
        direction: `maximize` or `minimize`.
    """
    if evaluation.rows is None or len(evaluation.rows) > MOST:
        return {}
    entry = {"step": evaluation.step, "rows": evaluation.rows}
    best = None
    for value in before:
        best = value if is_better(value, best, direction) else best
    is_best = is_better(evaluation.value, best, direction)
    return {LAST_ROWS_ATTR: entry, **({BEST_ROWS_ATTR: entry} if is_best else {})}
