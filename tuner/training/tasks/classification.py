"""The part of a task that all classifiers share: one class a row, cross-entropy, and metrics by scikit-learn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tuner.study.tasks import Metric
from tuner.training.tasks.base import Predictions, Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import torch
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.training.data.files.places import RowRemark

    #: Unnormalised scores. Shape: (examples, classes).
    Logits = npt.NDArray[np.float32]
    #: Numbers of the right classes. Shape: (examples,).
    Classes = npt.NDArray[np.int64]


class Classification(Task):
    """Classification: each row has one class."""

    def stratum(self, data: DataConfig) -> str | None:
        """Return the label's column: every carved split has the classes in the proportion of the whole."""
        return data.label

    def examine(self, rows: Mapping[str, Dataset], data: DataConfig) -> list[str | RowRemark]:
        """Check that each row has a label, and that the labels look like classes."""
        from collections import Counter

        import numpy as np

        from tuner.training.data.files.places import RowProblem, RowRemark
        from tuner.training.data.label_checks import LabelProblem, check_labels
        from tuner.training.data.labels import missing_label, row_numbers
        from tuner.training.data.word_columns import words_of

        warnings = super().examine(rows, data)
        counts: Counter[str] = Counter()
        headers: list[int] = []
        named = data.labels or {}
        for split in rows.values():
            words, index = words_of(split, data.label)
            if None in words:
                missing = np.flatnonzero(index == words.index(None))
                raise RowProblem("data.label", missing_label(data.label), row_numbers(split, missing))
            if blank := [at for at, word in enumerate(words) if not str(word).strip() and word not in named]:
                reason = f"the label {words[blank[0]]!r} holds blanks alone; write one, or remove the row"
                raise RowProblem("data.label", reason, row_numbers(split, np.flatnonzero(np.isin(index, blank))))
            if data.label in words and data.label not in named:
                headers += row_numbers(split, np.flatnonzero(index == words.index(data.label)))
            counts.update(dict(zip((str(word) for word in words), np.bincount(index).tolist(), strict=True)))
        if headers:
            reason = f"the label is the column's name, {data.label!r}; if the line repeats the header, remove it"
            warnings.append(RowRemark(reason, tuple(headers)))
        try:
            return [*warnings, *check_labels(counts, data.labels)]
        except LabelProblem as problem:
            found: list[int] = []
            for split in rows.values():
                words, index = words_of(split, data.label)
                if problem.word in words:
                    found += row_numbers(split, np.flatnonzero(index == words.index(problem.word)))
            raise RowProblem(problem.key, problem.reason, found) from problem

    def targets(self, splits: Mapping[str, Dataset], data: DataConfig) -> tuple[dict[str, Dataset], tuple[str, ...]]:
        """Number the classes."""
        from tuner.training.data.labels import map_labels

        return map_labels(splits, data.label, data.labels)

    def guess(self, metric: str, targets: Mapping[str, npt.NDArray[Any]], labels: Sequence[str]) -> float | None:
        """Return the metric's value where every row is given the classes' shares of the training split."""
        import numpy as np
        import torch

        shares = np.bincount(targets["train"], minlength=len(labels)) / len(targets["train"])
        # Every class of training has a row there, so no share is 0.
        logits = torch.from_numpy(np.log(shares).astype(np.float32)).expand(len(targets["validation"]), -1)
        predictions = Predictions(outputs=logits, targets=torch.from_numpy(targets["validation"].copy()))
        return self.score(metric, predictions, self.mean_loss(predictions))

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        """Return number and names of the classes."""
        return {
            "num_labels": len(labels),
            "id2label": dict(enumerate(labels)),
            "label2id": {name: number for number, name in enumerate(labels)},
        }

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the summed cross-entropy."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits.float(), targets, reduction="sum")

    def mean_loss(self, predictions: Predictions) -> float:
        """Return the mean cross-entropy per row."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(predictions.outputs, predictions.targets).item()

    def row_scores(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """Return 1 for each row whose class is predicted right, else 0."""
        return (predictions.outputs.argmax(dim=1) == predictions.targets).double().numpy()

    def kept_predictions(self, predictions: Predictions) -> dict[str, npt.NDArray[Any]]:
        """Return the number of the predicted `class` of each row, and its probability as `confidence`."""
        import numpy as np

        confidence, chosen = predictions.outputs.softmax(dim=1).max(dim=1)
        return {"class": chosen.numpy().astype(np.uint32), "confidence": confidence.numpy().astype(np.float16)}


def _accuracy(logits: Logits, labels: Classes) -> float:
    from sklearn import metrics

    return float(metrics.accuracy_score(labels, logits.argmax(axis=1)))


def _f1(logits: Logits, labels: Classes, *, average: str) -> float:
    from sklearn import metrics

    return float(metrics.f1_score(labels, logits.argmax(axis=1), average=average, zero_division=0.0))


def _matthews(logits: Logits, labels: Classes) -> float:
    from sklearn import metrics

    return float(metrics.matthews_corrcoef(labels, logits.argmax(axis=1)))


def _roc_auc(logits: Logits, labels: Classes) -> float:
    import numpy as np
    from scipy.special import softmax
    from sklearn import metrics

    if logits.shape[1] == 2:
        # The difference of the logits has the order of the probabilities, without the ties of those that round to 1.
        return float(metrics.roc_auc_score(labels, logits[:, 1].astype(np.float64) - logits[:, 0]))
    probabilities = softmax(logits.astype(np.float64), axis=1)
    return float(
        metrics.roc_auc_score(
            labels, probabilities, multi_class="ovr", average="macro", labels=np.arange(probabilities.shape[1])
        )
    )


def _lacks_a_class(targets: Sequence[int], labels: Sequence[str]) -> str | None:
    return "needs every class in the validation split; enlarge it" if len(set(targets)) < len(labels) else None


#: The metrics of a classifier, the default one first.
METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(direction="maximize", compute=_accuracy, is_recorded=True),
    "f1_macro": Metric(direction="maximize", compute=partial(_f1, average="macro"), is_recorded=True),
    "f1_weighted": Metric(direction="maximize", compute=partial(_f1, average="weighted"), is_recorded=True),
    "matthews": Metric(direction="maximize", compute=_matthews, is_recorded=True),
    "roc_auc": Metric(direction="maximize", compute=_roc_auc, complaint=_lacks_a_class),
    "loss": Metric(direction="minimize", compute=None),
}
