"""The parts of a task: data, model, loss, predictions and scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import torch
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.study.tasks import TaskDeclaration
    from tuner.training.data.examples import Examples, Indices
    from tuner.training.data.files.places import RowRemark
    from tuner.training.model.blueprint import Blueprint
    from tuner.trial.anatomy import Padding
    from tuner.trial.run import ModelSource, TrialRun


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The part of forward passes that an evaluation keeps, on the processor.

    Row i of both tensors belongs to one example. Rows of all passes have one shape: a task whose outputs have a
    length of their own (tokens) pads or reduces them.
    """

    #: Shape: (examples, ...).
    outputs: torch.Tensor
    #: Shape: (examples, ...).
    targets: torch.Tensor

    @classmethod
    def joined(cls, parts: Sequence[Predictions]) -> Predictions:
        """Return the predictions of several passes, in their order."""
        import torch

        outputs, targets = [each.outputs for each in parts], [each.targets for each in parts]
        return cls(outputs=torch.cat(outputs), targets=torch.cat(targets))


class Task(ABC):
    """The loading of examples and models of one kind, and the judging of outputs.

    The training loop knows no kind of target: an example may have one label, several, a number or a sequence. A
    subclass in a module of its own is a whole task (`tuner.study.tasks` says how the module is found). The supervisor
    imports the module to read `declaration`, so torch, transformers and datasets are imported inside methods.
    """

    #: Name, metrics and search space.
    declaration: TaskDeclaration
    #: Sentences for the user about how inputs are converted; complete once `conversion` was called.
    notes: tuple[str, ...] = ()

    # ---- data

    @abstractmethod
    def columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return the columns of the model's inputs, by the key of the study file that names them.

        They are part of the fingerprint of a study's data.
        """

    def target_columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return the columns of the targets, by the key of the study file that names them: by default the label."""
        return {"label": [data.label]}

    def stratum(self, data: DataConfig) -> str | None:
        """Return the column whose values every carved split has in equal proportion; None (the default) for none."""
        return None

    def examine(self, rows: Mapping[str, Dataset], data: DataConfig) -> list[str | RowRemark]:
        """Look at all rows before they are split, so that the seed has no part in the judgement.

        Args:
            rows: Rows by split of the source, those that the study needs.
            data: The study file's `data`.

        Returns:
            Warnings for the user, as sentences.

        Raises:
            DataError: The rows cannot be trained on. A `tuner.training.data.files.places.RowProblem` names the rows.
        """
        return []

    def identities(self, rows: Dataset, data: DataConfig) -> npt.NDArray[np.int64] | None:
        """Return a number for each row that is the same for equal inputs; None (the default) if that is not known.

        Rows with equal inputs in several splits are counted, and `data.deduplicate` leaves them out. Shape: (rows,).
        """
        return None

    @abstractmethod
    def targets(self, splits: Mapping[str, Dataset], data: DataConfig) -> tuple[dict[str, Dataset], tuple[str, ...]]:
        """Replace the target columns by `labels`, the numbers that the loss takes.

        Args:
            splits: Rows by split; `train` decides which classes there are.
            data: The study file's `data`.

        Returns:
            The rows, and the names of the classes in the order of the model's outputs; no names where a target is no
            class.

        Raises:
            DataError: A row has no usable target. A `RowProblem` names the rows.
        """

    def shown(self, row: Mapping[str, Any], data: DataConfig) -> str:
        """Return the input of a row as text for people; by default nothing, as its place tells where it is."""
        return ""

    def guess(self, metric: str, targets: Mapping[str, npt.NDArray[Any]], labels: Sequence[str]) -> float | None:
        """Return the metric's value on the validation split for a model that knows how frequent each target is.

        Args:
            metric: Name of a metric of the declaration.
            targets: Targets of the training and of the validation split, by split.
            labels: As `targets` returned them.

        Returns:
            The value; None (the default) where the task has no such guess.
        """
        return None

    @abstractmethod
    def processor(self, model: ModelSource) -> Any:
        """Load the tokenizer or image processor of a checkpoint.

        Raises:
            ModelError: The checkpoint has none.
        """

    @abstractmethod
    def encode(self, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
        """Turn rows into the model's inputs, beside `labels` and the column `length` (tokens). Done once a study.

        Raises:
            DataError: A row has no usable value. A `RowProblem` counts the rows that were given, from 0.
            ModelError: The processor can do nothing with the rows.
        """

    def limit(self, processor: Any, max_length: int) -> int:
        """Return the tokens that `encode` keeps of a row."""
        return min(max_length, getattr(processor, "model_max_length", max_length))

    def begin(self, place: Callable[[int], str]) -> Task:
        """Return the task for the preparation of one study: by default the task itself.

        A task whose encoding depends on all rows of a study returns a copy, which remembers the inputs that it sees in
        `contents`.

        Args:
            place: Takes the number of a row (the column `ROW`), and returns the file and line that it was read from.
        """
        return self

    def contents(self, rows: Dataset, column: str) -> Iterable[bytes]:
        """Return the bytes of each value of a column that encoded rows are made from, for the data's fingerprint.

        It is called for every split before any of them is encoded.
        """
        from tuner.training.data.encoded import plain_contents

        return plain_contents(rows, column)

    def conversion(self) -> str:
        """Return a word for the conversion of inputs that `contents` do not show; part of the fingerprint if not empty.

        It is called once all contents were.

        Raises:
            DataError: Some inputs cannot be used.
        """
        return ""

    def token_padding(self, processor: Any, config: Any) -> Padding | None:
        """Return the padding that the model is told; None (the default) where inputs are no tokens.

        Args:
            processor: As `processor` returned it.
            config: The checkpoint's configuration.
        """
        return None

    @abstractmethod
    def padding(self, processor: Any) -> dict[str, Any]:
        """Return the values that pad encoded rows, as JSON values. They are stored with the rows."""

    @abstractmethod
    def examples(self, rows: Dataset, padding: Mapping[str, Any]) -> Examples:
        """Return the examples of encoded rows, which make batches of themselves."""

    # ---- model

    @property
    @abstractmethod
    def auto_model(self) -> Any:
        """The transformers Auto class of the model."""

    @abstractmethod
    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        """Return the keyword arguments of `from_pretrained` that shape the model's head.

        Args:
            labels: Names of the classes, as `targets` returned them.
        """

    def blueprint(
        self, model: ModelSource, labels: Sequence[str], seed: int, padding: Padding | None = None
    ) -> Blueprint:
        """Return all that decides a model of this task before training, its dropout apart."""
        from tuner.training.model.blueprint import Blueprint

        return Blueprint(auto_model=self.auto_model, source=model, head=self.head(labels), seed=seed, padding=padding)

    # ---- training and evaluation

    @abstractmethod
    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the sum of the loss terms of some examples; the caller divides it by the terms of the whole batch.

        A sum, not a mean: the gradients of micro-batches of unequal size then add up to those of the batch.

        Args:
            logits: The model's output, in the precision of the forward pass. Shape: (examples, ...).
            targets: As `Examples.targets` returned them. Shape: (examples, ...).
        """

    def predictions(self, logits: torch.Tensor, targets: torch.Tensor) -> Predictions:
        """Return the part of a forward pass that `mean_loss`, metrics and `row_scores` need; by default all of it."""
        return Predictions(outputs=logits.float().cpu(), targets=targets.cpu())

    def with_generations(
        self, predictions: Predictions, model: Any, examples: Examples, rows: Indices, run: TrialRun, size: int
    ) -> Predictions | None:
        """Return predictions with what a model writes behind the prompts of the first rows; by default as they are.

        It is called where the study asks for generations. It draws no random number.

        Args:
            predictions: Those of the split.
            model: The model, in evaluation mode.
            examples: The split.
            rows: The rows whose prompts are completed, those of the first predictions. Shape: (rows,).
            run: The trial, whose `generate` says how much is written.
            size: Examples per forward pass, at most.

        Returns:
            The predictions. None where the trial is about to be moved.
        """
        return predictions

    @abstractmethod
    def mean_loss(self, predictions: Predictions) -> float:
        """Return the mean loss over a split, per term of the loss."""

    def score(self, metric: str, predictions: Predictions, loss: float) -> float:
        """Return a metric of a split.

        Args:
            metric: Name of a metric of the declaration.
            predictions: Those of the whole split, in the order of its examples.
            loss: The result of `mean_loss`; it is the value of a metric that has no `compute`.

        Returns:
            The value. For a metric with `compute`, NaN where an output is no finite number.
        """
        import numpy as np

        compute = self.declaration.metric(metric).compute
        if compute is None:
            return float(loss)
        outputs = predictions.outputs.numpy()
        return compute(outputs, predictions.targets.numpy()) if np.isfinite(outputs).all() else float("nan")

    @abstractmethod
    def row_scores(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """Return a score of each row, of which a higher one is better, so that two models compare row by row.

        Shape: (examples,).
        """

    def kept_predictions(self, predictions: Predictions) -> dict[str, npt.NDArray[Any]]:
        """Return what is stored of predictions on the test split: arrays of one number a row, by default none.

        Of a task with classes it is the number of the predicted `class`, and its probability as `confidence`.
        """
        return {}
