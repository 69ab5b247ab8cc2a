"""Metrics of a classifier, computed by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def score(metric: str, logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], loss: float) -> float:
    """Compute one metric.

    Args:
        metric: A name of `tuner.study.config.METRICS`.
        logits: Unnormalised scores. Shape: (examples, classes).
        labels: Right classes. Shape: (examples,).
        loss: Mean loss per example, which is the metric `loss`.

    Returns:
        The value; NaN where the logits are no finite numbers.
    """
    import numpy as np
    from scipy.special import softmax
    from sklearn import metrics

    if metric == "loss":
        return float(loss)
    if not np.isfinite(logits).all():
        return float("nan")
    predicted = logits.argmax(axis=1)
    if metric == "accuracy":
        return float(metrics.accuracy_score(labels, predicted))
    if metric in ("f1_macro", "f1_weighted"):
        average = metric.removeprefix("f1_")
        return float(metrics.f1_score(labels, predicted, average=average, zero_division=0.0))
    if metric == "matthews":
        return float(metrics.matthews_corrcoef(labels, predicted))
    if logits.shape[1] == 2:
        # The same order as that of the probabilities, without the ties of those that round to 1.
        return float(metrics.roc_auc_score(labels, logits[:, 1].astype(np.float64) - logits[:, 0]))
    probabilities = softmax(logits.astype(np.float64), axis=1)
    return float(
        metrics.roc_auc_score(
            labels,
            probabilities,
            multi_class="ovr",
            average="macro",
            labels=np.arange(probabilities.shape[1]),
        )
    )
