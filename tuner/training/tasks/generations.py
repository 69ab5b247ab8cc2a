"""What a language model writes behind the prompts of a split, beside what the rows have there."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from tuner.errors import ModelError, first_line
from tuner.processes.functions import find_function

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tuner.trial.run import Generation, ModelSource, TrialRun


def judged(
    model: Any, rows: Sequence[tuple[list[int], list[int]]], processor: Any, run: TrialRun, size: int
) -> list[tuple[float, float]] | None:
    """Have a model complete the prompts of some rows, and judge what it writes.

    Args:
        model: The model, in evaluation mode.
        rows: Of each row, the tokens of the prompt and those of the completion that it has.
        processor: The tokenizer.
        run: The trial.
        size: Prompts at a time, at most.

    Returns:
        Of each row, 1 where the completion is that of the row but for blanks around it, else 0; and the number that the
        user's function gives it, 0 without one. None where the trial is about to be moved.

    Raises:
        ModelError: The user's function fails, or returns no number.
    """
    from tuner.training.model.generation import completions, ends_of

    asked = run.generate
    assert asked is not None
    special = set(processor.all_special_ids)
    # A turn of a chat may end with a token that ends no text.
    ends = {wanted[-1] for _, wanted in rows if wanted[-1] in special}
    written = completions(
        model,
        [prompt for prompt, _ in rows],
        most=asked.max_new_tokens,
        stops=ends_of(model, processor) | ends,
        padding=processor.pad_token_id,
        size=size,
        leaving=lambda: run.saver.leaving,
    )
    if written is None:
        return None

    def text(tokens: list[int]) -> str:
        return str(processor.decode(tokens, skip_special_tokens=True))

    score = _score(asked)
    found = []
    for (prompt, wanted), made in zip(rows, written, strict=True):
        completion, reference = text(made), text(wanted)
        found.append((float(completion.strip() == reference.strip()), score(text(prompt), completion, reference)))
    return found


@cache
def processor_of(load: Callable[[ModelSource], Any], model: ModelSource) -> Any:
    """Return the tokenizer of a model, which a trainer loads once."""
    return load(model)


def _score(asked: Generation) -> Callable[[str, str, str], float]:
    """Return the user's function, guarded; without one, a function that returns 0."""
    name = asked.score
    if name is None:
        return lambda prompt, completion, reference: 0.0
    function = find_function("metric", name, asked.folders)

    def score(prompt: str, completion: str, reference: str) -> float:
        try:
            value = float(function(prompt, completion, reference))
        except Exception as error:  # the user's code runs here and may raise anything
            reason = f"{name} fails for the prompt {prompt!r}: {type(error).__name__}: {first_line(error)}"
            raise ModelError("", "metric", reason) from error
        if not math.isfinite(value):
            raise ModelError("", "metric", f"{name} returns {value} for the prompt {prompt!r}; return a finite number")
        return value

    return score
