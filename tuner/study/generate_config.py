"""The `generate` of a study file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field

from tuner.study.config_part import ConfigPart

if TYPE_CHECKING:
    from tuner.study.data_config import DataConfig
    from tuner.study.tasks import TaskDeclaration

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


class GenerateConfig(ConfigPart):
    """How much a language model writes in each evaluation."""

    #: Rows of the judged split, from its first one on, whose prompts are completed.
    rows: int = Field(default=64, ge=1)
    #: Tokens of a completion, at most.
    max_new_tokens: int = Field(default=32, ge=1)


def is_function(name: str) -> bool:
    """Return whether a name is that of a function, written as `module:function`."""
    return _FUNCTION.fullmatch(name) is not None


def check_generate(
    value: GenerateConfig | None, metric: str, data: DataConfig | None, declaration: TaskDeclaration
) -> None:
    """Check that a study judges what its model writes where it says so, and can.

    Raises:
        ValueError: It does not, or cannot. The message is for the user.
    """
    if value is None:
        if metric in declaration.of_generations or (declaration.own is not None and is_function(metric)):
            raise ValueError(
                f"the metric {metric} judges what the model writes; say how much, "
                "such as generate: {rows: 64, max_new_tokens: 32}"
            )
        return
    if declaration.own is None:
        raise ValueError("is for language models; leave it out, or name task: causal-lm")
    if data is not None and data.messages is None and (data.prompt is None or data.completion is None):
        raise ValueError("needs prompts: name data.prompt and data.completion, or data.messages")
