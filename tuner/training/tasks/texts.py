"""The part of a task that reads texts or pairs of texts: columns, tokenizer, encoding and padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.errors import DataError, ModelError
from tuner.study.sources import loading_problem
from tuner.training.tasks.base import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.training.data.examples import TextExamples
    from tuner.trial.run import ModelSource


class ReadsTexts(Task):
    """A task whose inputs are texts or pairs of texts."""

    def columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return the column of the text, or the two columns of a pair."""
        return {"text": [data.text] if isinstance(data.text, str) else list(data.text)}

    def processor(self, model: ModelSource) -> Any:
        """Load the tokenizer."""
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(model.location, **model.arguments)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                "", "model", f"{model.location} has no usable tokenizer: {loading_problem(error)}"
            ) from error
        if tokenizer.pad_token_id is None:
            raise ModelError("", "model", f"the tokenizer of {model.location} has no padding token")
        return tokenizer

    def encode(self, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
        """Tokenise; texts of more than `max_length` tokens are cut."""
        columns = self.columns(data)["text"]
        for column in columns:
            missing = [index for index, text in enumerate(rows[column][:]) if not isinstance(text, str)]
            if missing:
                raise DataError("", "data.text", f"row {missing[0]} has no text in column {column!r}")
        limit = min(max_length, processor.model_max_length)

        def tokenise(batch: Mapping[str, list[str]]) -> dict[str, Any]:
            encoded = processor(*(batch[column] for column in columns), truncation=True, max_length=limit)
            return {**encoded, "length": [len(ids) for ids in encoded["input_ids"]]}

        unused = [column for column in rows.column_names if column != "labels"]
        encoded = rows.map(tokenise, batched=True, remove_columns=unused)
        # Without its files transformers makes an empty tokenizer, to which every word is unknown.
        if all(set(processor.all_special_ids).issuperset(ids) for ids in encoded["input_ids"]):
            where = processor.name_or_path
            raise ModelError("", "model", f"the tokenizer of {where} knows no word of the texts; are its files there?")
        return encoded

    def padding(self, processor: Any) -> dict[str, Any]:
        """Return the values that the tokenizer pads with, and the side."""
        return {
            "input_ids": processor.pad_token_id,
            "attention_mask": 0,
            "token_type_ids": processor.pad_token_type_id,
            "special_tokens_mask": 1,
            "side": processor.padding_side,
        }

    def examples(self, rows: Dataset, padding: Mapping[str, Any]) -> TextExamples:
        """Return the texts."""
        from tuner.training.data.examples import TextExamples

        return TextExamples(rows, padding)
