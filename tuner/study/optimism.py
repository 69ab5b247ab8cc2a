"""By how much the score of a winner is overstated, as it was chosen by the rows that it is scored on.

Rows are drawn anew, with replacement. Of each draw the trial with the best score on the drawn rows is chosen, and
scored on the rows that were not drawn: the mean of these scores is what a winner that is chosen so is worth (bootstrap
bias corrected cross-validation: Tsamardinos et al., Machine Learning 107, 2018, arXiv 1708.07180).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Draws of rows, and those that are computed at a time.
DRAWS, _PART = 1000, 50


def expected_score(right: npt.NDArray[np.bool_], *, draws: int = DRAWS) -> float:
    """Return the share of rows that the winner of some trials is expected to get right among rows that nobody has seen.

    Args:
        right: Which rows each trial gets right. Shape: (trials, rows).
        draws: Draws of rows.
    """
    import numpy as np

    rows = right.shape[1]
    scores = right.astype(np.float32)
    rng, told = np.random.default_rng(0), []
    for start in range(0, draws, _PART):
        count = min(_PART, draws - start)
        times = np.stack([np.bincount(rng.integers(0, rows, rows), minlength=rows) for _ in range(count)])
        winners = (scores @ times.T.astype(np.float32)).argmax(axis=0)
        left_out = times == 0
        told += [
            float(scores[winner][mask].mean()) for winner, mask in zip(winners, left_out, strict=True) if mask.any()
        ]
    return float(np.mean(told))
