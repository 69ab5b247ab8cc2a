"""Classification of texts and of pairs of texts."""

from __future__ import annotations

from typing import Any

from tuner.study.tasks import TaskDeclaration
from tuner.training.tasks.classification import METRICS, Classification
from tuner.training.tasks.texts import ReadsTexts


class TextClassification(ReadsTexts, Classification):
    """Classification of texts and of pairs of texts."""

    declaration = TaskDeclaration(name="text-classification", metrics=METRICS, preset="text-classification")

    @property
    def auto_model(self) -> Any:
        """The transformers Auto class of the model."""
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification


TASK = TextClassification()
