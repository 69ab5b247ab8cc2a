"""The metrics that a study may be judged by."""

from __future__ import annotations

from collections.abc import Mapping

#: Direction in which each metric improves.
METRICS: Mapping[str, str] = {
    "accuracy": "maximize",
    "f1_macro": "maximize",
    "f1_weighted": "maximize",
    "matthews": "maximize",
    "roc_auc": "maximize",
    "loss": "minimize",
}
