"""Supervised fine-tuning of language models: prompts with their completions, chats, or plain texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from search_spaces import LANGUAGE_MODELS
from tuner.errors import DataError
from tuner.study.tasks import Metric, TaskDeclaration
from tuner.training.tasks.base import Predictions
from tuner.training.tasks.texts import ReadsTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import torch
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.training.data.examples import Indices
    from tuner.training.data.files.places import RowRemark
    from tuner.training.data.token_examples import TokenExamples
    from tuner.training.model.token_head import TokenLogits
    from tuner.trial.run import TrialRun

#: Logits that are in memory at once, at most: 64 MiB in fp32.
_LOGITS = 1 << 24
#: Columns of the outputs that are kept of an example: the sum of its tokens' losses, how many of them are predicted
#: right, and how many there are; then whether its prompt was completed, whether the completion is that of the row, and
#: the number that a function of the user's gives it.
_LOSS, _RIGHT, _TOKENS, _WRITTEN, _EXACT, _SCORE = range(6)


def _perplexity(outputs: Any, targets: Any) -> float:
    loss = outputs[:, _LOSS].sum() / outputs[:, _TOKENS].sum()
    return math.exp(loss) if loss < 700 else math.inf


def _token_accuracy(outputs: Any, targets: Any) -> float:
    return float(outputs[:, _RIGHT].sum() / outputs[:, _TOKENS].sum())


def _mean_of(column: int) -> Callable[[Any, Any], float]:
    def mean(outputs: Any, targets: Any) -> float:
        written = outputs[:, _WRITTEN] > 0
        return float(outputs[written, column].mean()) if written.any() else math.nan

    return mean


class CausalLM(ReadsTexts):
    """A language model that continues a text.

    The loss is that of the completion's tokens where rows have a prompt and a completion, that of the assistant's
    tokens where they are chats, else that of all tokens. A row ends with the tokenizer's token for the end of a text; a
    chat ends as the chat template writes it.
    """

    declaration = TaskDeclaration(
        name="causal-lm",
        metrics={
            "loss": Metric(direction="minimize", compute=None),
            "perplexity": Metric(direction="minimize", compute=_perplexity),
            "token_accuracy": Metric(direction="maximize", compute=_token_accuracy, is_recorded=True),
            "exact_match": Metric(direction="maximize", compute=_mean_of(_EXACT), is_recorded=True),
        },
        of_generations=frozenset({"exact_match"}),
        own=Metric(direction="maximize", compute=_mean_of(_SCORE)),
        preset="causal-lm",
        recipes=LANGUAGE_MODELS,
    )

    # ---- data

    def columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return the columns of prompt and completion, or that of the chat or of the text."""
        if data.messages is not None:
            return {"messages": [data.messages]}
        if data.completion is None:
            if not isinstance(data.text, str):
                raise DataError("", "data.text", "names two columns; write them as data.prompt and data.completion")
            return {"text": [data.text]}
        return {"prompt": [] if data.prompt is None else [data.prompt], "completion": [data.completion]}

    def target_columns(self, data: DataConfig) -> dict[str, list[str]]:
        """Return nothing: the targets are tokens of the text."""
        return {}

    def targets(self, splits: Mapping[str, Dataset], data: DataConfig) -> tuple[dict[str, Dataset], tuple[str, ...]]:
        """Return the rows with a target that is none: those of the tokens are made as the texts are encoded."""
        return {name: rows.add_column("labels", [0] * len(rows)) for name, rows in splits.items()}, ()

    def examine(self, rows: Mapping[str, Dataset], data: DataConfig) -> list[str | RowRemark]:
        """Check that each row has a text, or a chat with something to learn."""
        if data.messages is not None:
            from tuner.training.data.chats import check_chats

            check_chats(rows.values(), data.messages)
        return super().examine(rows, data)

    def shown(self, row: Mapping[str, Any], data: DataConfig) -> str:
        """Return the texts, or what each one says in a chat."""
        if data.messages is None:
            return super().shown(row, data)
        from tuner.training.data.chats import messages_of

        return " / ".join(f"{each['role']}: {each['content']}" for each in messages_of(row[data.messages]))

    def encode(self, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
        """Tokenise prompt and completion together; those of more than `max_length` tokens are cut at their end.

        Raises:
            DataError: A row has no token left that could be predicted, or is a chat that the template does not write.
            ModelError: The tokenizer has no chat template.
        """
        from tuner.training.data.token_examples import PREDICTED

        if data.messages is not None:
            return _encoded_chats(rows, data.messages, processor, self.limit(processor, max_length))
        columns = [name for names in self.columns(data).values() for name in names]
        has_prompt = data.completion is not None and data.prompt is not None
        end = processor.eos_token or ""
        limit = self.limit(processor, max_length)

        def tokenise(batch: Mapping[str, list[str]]) -> dict[str, Any]:
            whole = [_ended("".join(parts), end) for parts in zip(*(batch[name] for name in columns), strict=True)]
            full = processor(whole, truncation=False, verbose=False)
            skipped = [0] * len(whole)
            if has_prompt:
                prompts = processor(batch[columns[0]], verbose=False)["input_ids"]
                skipped = [_shared(*each) for each in zip(prompts, full["input_ids"], strict=True)]
            encoded = {name: [values[:limit] for values in column] for name, column in full.items()}
            lengths = [len(ids) for ids in encoded["input_ids"]]
            predicted = [
                [int(place >= first) for place in range(length)] for first, length in zip(skipped, lengths, strict=True)
            ]
            if without := sum(not any(each[1:]) for each in predicted):
                raise DataError("", "max_length", _nothing_left(without, limit, "completion"))
            full_lengths = [len(ids) for ids in full["input_ids"]]
            return {**encoded, PREDICTED: predicted, "length": lengths, "full_length": full_lengths}

        unused = [column for column in rows.column_names if column != "labels"]
        return rows.map(tokenise, batched=True, remove_columns=unused)

    def padding(self, processor: Any) -> dict[str, Any]:
        """Return the values that the tokenizer pads with; texts are padded on their right."""
        return {**super().padding(processor), "side": "right"}

    def examples(self, rows: Dataset, padding: Mapping[str, Any]) -> TokenExamples:
        """Return the texts, with the next token as the target of each place."""
        from tuner.training.data.token_examples import TokenExamples

        return TokenExamples(rows, padding)

    # ---- model

    @property
    def auto_model(self) -> Any:
        """The transformers Auto class of the model."""
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM

    def head(self, labels: Sequence[str]) -> dict[str, Any]:
        """Return nothing: the output layer is pretrained."""
        return {}

    # ---- training and evaluation

    def loss(self, logits: Any, targets: torch.Tensor) -> torch.Tensor:
        """Return the summed cross-entropy of the tokens that count.

        Args:
            logits: The `TokenLogits` of a forward pass.
            targets: Shape: (examples, tokens).
        """
        import torch
        from torch.nn.functional import cross_entropy
        from torch.utils.checkpoint import checkpoint

        def part(states: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
            made = states if logits.project is None else logits.project(states)
            return cross_entropy(made.float(), wanted, reduction="sum")

        parts = list(_parts(logits, targets))
        if len(parts) == 1:
            return part(*parts[0])
        # The logits of a part are computed again for its gradient: those of all parts are never in memory.
        sums = [checkpoint(part, states, wanted, use_reentrant=False) for states, wanted in parts]
        return torch.stack(sums).sum()

    def predictions(self, logits: Any, targets: torch.Tensor) -> Predictions:
        """Return of each example the summed loss of its tokens, how many are right, and how many there are."""
        import torch
        from torch.nn.functional import cross_entropy

        losses, right = [], []
        for states, wanted in _parts(logits, targets):
            made = (states if logits.project is None else logits.project(states)).float()
            losses.append(cross_entropy(made, wanted, reduction="none").double())
            right.append((made.argmax(dim=1) == wanted).double())
        counts = logits.counts.to(torch.float64)
        owners = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), logits.counts)
        outputs = torch.zeros(len(counts), 6, dtype=torch.float64, device=counts.device)
        outputs[:, _LOSS].index_add_(0, owners, torch.cat(losses))
        outputs[:, _RIGHT].index_add_(0, owners, torch.cat(right))
        outputs[:, _TOKENS] = counts
        return Predictions(outputs=outputs.cpu(), targets=torch.zeros(len(counts)))

    def with_generations(
        self, predictions: Predictions, model: Any, examples: Any, rows: Indices, run: TrialRun, size: int
    ) -> Predictions | None:
        """Return predictions with the judgement of what the model writes behind the prompts of the first rows.

        Raises:
            ModelError: The user's function fails, or returns no number.
        """
        import torch

        from tuner.training.tasks.generations import judged, processor_of

        assert run.model is not None
        found = judged(
            model, [examples.last_counted(row) for row in rows], processor_of(self.processor, run.model), run, size
        )
        if found is None:
            return None
        outputs = predictions.outputs.clone()
        outputs[: len(found), _WRITTEN] = 1.0
        outputs[: len(found), [_EXACT, _SCORE]] = torch.tensor(found, dtype=outputs.dtype)
        return Predictions(outputs=outputs, targets=predictions.targets)

    def mean_loss(self, predictions: Predictions) -> float:
        """Return the mean cross-entropy of a token."""
        outputs = predictions.outputs
        return float(outputs[:, _LOSS].sum() / outputs[:, _TOKENS].sum())

    def row_scores(self, predictions: Predictions) -> npt.NDArray[np.float64]:
        """Return the mean loss of each example's tokens, negated."""
        outputs = predictions.outputs
        scores: npt.NDArray[np.float64] = -(outputs[:, _LOSS] / outputs[:, _TOKENS]).numpy()
        return scores


def _parts(logits: TokenLogits, targets: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the states or logits of some tokens at a time, and their targets."""
    from tuner.training.data.token_examples import IGNORED

    wanted = targets[targets != IGNORED]
    width = logits.values.shape[1] if logits.project is None else _vocabulary(logits.project, logits.values)
    size = max(1, _LOGITS // width)
    for start in range(0, len(wanted), size):
        yield logits.values[start : start + size], wanted[start : start + size]


def _vocabulary(project: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> int:
    import torch

    with torch.no_grad():
        return project(values[:1]).shape[1]


def _shared(prompt: Sequence[int], whole: Sequence[int]) -> int:
    """Return how many tokens a prompt shares with the text that begins with it.

    Some tokenizers end a text with a token of their own, or make one token of the last word and what follows.
    """
    differ = (place for place, (one, other) in enumerate(zip(prompt, whole, strict=False)) if one != other)
    return next(differ, min(len(prompt), len(whole)))


def _ended(text: str, end: str) -> str:
    return text if text.endswith(end) else f"{text}{end}"


def _encoded_chats(rows: Dataset, column: str, processor: Any, limit: int) -> Dataset:
    from tuner.training.data.chat_template import ChatTemplate, Unclear
    from tuner.training.data.chats import messages_of
    from tuner.training.data.files.places import RowProblem
    from tuner.training.data.token_examples import PREDICTED

    template = ChatTemplate(processor)

    def tokenise(row: Mapping[str, Any], number: int) -> dict[str, Any]:
        try:
            ids, predicted = template.encoded(messages_of(row[column]))
        except Unclear as error:
            raise RowProblem("data.messages", str(error), [number]) from error
        kept = ids[:limit]
        if not any(predicted[1:limit]):
            raise RowProblem("max_length", _nothing_left(1, limit, "assistant's turns"), [number])
        return {
            "input_ids": kept,
            "attention_mask": [1] * len(kept),
            PREDICTED: predicted[:limit],
            "length": len(kept),
            "full_length": len(ids),
        }

    unused = [name for name in rows.column_names if name != "labels"]
    return rows.map(tokenise, with_indices=True, remove_columns=unused)


def _nothing_left(rows: int, limit: int, what: str) -> str:
    which = "a row has a prompt of as many tokens" if rows == 1 else f"{rows:,} rows have prompts of as many tokens"
    return f"keeps {limit} tokens, and {which}, so that none of the {what} is left; raise it, or remove such rows"


TASK = CausalLM()
