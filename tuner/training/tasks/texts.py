"""The part of a task that reads texts or pairs of texts: columns, tokenizer, encoding and padding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuner.errors import ModelError, first_line
from tuner.study.loading_problems import loading_problem
from tuner.training.tasks.base import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.training.data.examples import TextExamples
    from tuner.training.data.files.places import RowRemark
    from tuner.trial.anatomy import Padding
    from tuner.trial.run import ModelSource

#: Rows that are hashed at a time.
_BATCH = 10_000
#: Texts of blanks alone: those of Unicode, and characters without a width.
_BLANK = r"^[\s\p{Z}\x{200B}-\x{200F}\x{FEFF}]*$"


class ReadsTexts(Task):
    """A task whose inputs are texts or pairs of texts."""

    def columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return the column of the text, or the two columns of a pair."""
        return {"text": [data.text] if isinstance(data.text, str) else list(data.text)}

    def processor(self, model: ModelSource) -> Any:
        """Load the tokenizer, and give it a padding token if it has none."""
        from transformers import AutoTokenizer

        from tuner.training.model.loading import load_config

        try:
            tokenizer = AutoTokenizer.from_pretrained(model.location, **model.arguments)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                "", "model", f"{model.location} has no usable tokenizer: {loading_problem(error)}"
            ) from error
        self.token_padding(tokenizer, load_config(model))
        return tokenizer

    def examine(self, rows: Mapping[str, Dataset], data: DataConfig) -> list[str | RowRemark]:
        """Check that each row has a text."""
        import pyarrow.compute as pc

        from tuner.training.data.files.places import RowProblem, RowRemark
        from tuner.training.data.labels import row_numbers
        from tuner.training.data.word_columns import column_of

        blank: list[int] = []
        for key, column in ((key, name) for key, names in self.columns(data).items() for name in names):
            for split in rows.values():
                texts = column_of(split, column)
                if texts.null_count:
                    missing = texts.is_null().to_numpy().nonzero()[0]
                    reason = f"there is no text in column {column!r}; write one, or remove the row"
                    raise RowProblem(f"data.{key}", reason, row_numbers(split, missing))
                blanks = pc.match_substring_regex(texts, _BLANK).to_numpy()
                if blanks.any():
                    blank += row_numbers(split, blanks.nonzero()[0])
        remarks = [RowRemark("the text holds blanks alone; remove the row if it means nothing", tuple(blank))]
        return [*(remarks if blank else []), *super().examine(rows, data)]

    def shown(self, row: Mapping[str, Any], data: DataConfig) -> str:
        """Return the text, or both texts of a pair."""
        return " / ".join(str(row[column]) for names in self.columns(data).values() for column in names)

    def identities(self, rows: Dataset, data: DataConfig) -> npt.NDArray[np.int64] | None:
        """Return a hash of each text or pair of texts."""
        import numpy as np

        hashes = np.empty(len(rows), dtype=np.int64)
        columns = [name for names in self.columns(data).values() for name in names]
        start = 0
        for batch in rows.select_columns(columns).iter(_BATCH):
            for texts in zip(*(batch[column] for column in columns), strict=True):
                hashes[start] = hash(texts)
                start += 1
        return hashes

    def encode(self, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
        """Tokenise; texts of more than `max_length` tokens are cut. `full_length` is the number of tokens before."""
        columns = self.columns(data)["text"]
        limit = self.limit(processor, max_length)
        special = set(processor.all_special_ids)
        knows_a_word = False

        def tokenise(batch: Mapping[str, list[str]]) -> dict[str, Any]:
            nonlocal knows_a_word
            texts = [batch[column] for column in columns]
            try:
                encoded = processor(*texts, truncation=True, max_length=limit)
            except Exception as error:  # tokenizers raise errors of several kinds
                where = processor.name_or_path
                raise ModelError("", "model", f"the tokenizer of {where} fails: {first_line(error)}") from error
            knows_a_word = knows_a_word or not all(special.issuperset(ids) for ids in encoded["input_ids"])
            _fill_empty(processor, encoded)
            lengths = [len(ids) for ids in encoded["input_ids"]]
            return {**encoded, "length": lengths, "full_length": _full_lengths(processor, texts, encoded, limit)}

        unused = [column for column in rows.column_names if column != "labels"]
        encoded = rows.map(tokenise, batched=True, remove_columns=unused)
        # Without its files transformers makes an empty tokenizer, to which every word is unknown.
        if not knows_a_word:
            where = processor.name_or_path
            raise ModelError("", "model", f"the tokenizer of {where} knows no word of the texts; are its files there?")
        return encoded

    def token_padding(self, processor: Any, config: Any) -> Padding | None:
        """Return the token that pads, on the tokenizer's own side."""
        from tuner.training.model.padding import token_padding

        return token_padding(processor, config)

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


def _fill_empty(processor: Any, encoded: Any) -> None:
    """Give a text without a token one, because a model computes no empty row: some tokenizers add no special tokens."""
    candidates = (processor.eos_token_id, processor.bos_token_id, processor.pad_token_id)
    token_id = next((each for each in candidates if each is not None), 0)
    values = {"input_ids": token_id, "attention_mask": 1, "special_tokens_mask": 1}
    for place in [place for place, ids in enumerate(encoded["input_ids"]) if not len(ids)]:
        for name in encoded:
            encoded[name][place] = [values.get(name, 0)]


def _full_lengths(processor: Any, texts: list[list[str]], encoded: Any, limit: int) -> list[int]:
    """Return the number of tokens of each text or pair before it was cut."""
    lengths = [len(ids) for ids in encoded["input_ids"]]
    if len(texts) == 1 and encoded.encodings is not None:
        # The library tokenizers keeps the rest of a text in pieces, each with special tokens of its own.
        special = processor.num_special_tokens_to_add()
        return [
            length + sum(len(piece) - special for piece in each.overflowing)
            for length, each in zip(lengths, encoded.encodings, strict=True)
        ]
    # Of a pair it keeps each combination of pieces, which says nothing of its length.
    cut = [index for index, length in enumerate(lengths) if length >= limit]
    if cut:
        whole = processor(*([column[index] for index in cut] for column in texts), truncation=False, verbose=False)
        for index, ids in zip(cut, whole["input_ids"], strict=True):
            lengths[index] = len(ids)
    return lengths
