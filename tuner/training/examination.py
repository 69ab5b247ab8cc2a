"""The examination of a study's model: finds its anatomy by watching it compute two examples, once a study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tuner.errors import ModelError, first_line
from tuner.training.data.batches import Rounding
from tuner.training.data.examples import TextExamples
from tuner.training.data.token_examples import TokenExamples
from tuner.training.model.classifier import find_classifier
from tuner.training.model.dropout_draws import examine_dropouts, is_repeatable
from tuner.training.model.layers import examine_layers
from tuner.training.model.padding import choose_side
from tuner.training.model.straddling import find_straddling
from tuner.training.model.token_head import keep_no_cache
from tuner.training.trunk.trunk import width_multiple
from tuner.training.trunk.trunk_examination import examine_trunk
from tuner.trial.anatomy import TrunkFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import nn

    from tuner.training.data.examples import Examples, Indices
    from tuner.trial.anatomy import Anatomy, Padding


def examine(model: nn.Module, examples: Examples, *, fresh: Collection[str], padding: Padding | None = None) -> Anatomy:
    """Find the anatomy of a model. The model cannot be trained afterwards.

    Args:
        model: The model, built with a dropout above 0: with 0, some architectures build no dropout at all.
        examples: Examples to compute; a short and a middling one are taken.
        fresh: Names of the weights that the checkpoint does not have.
        padding: The padding of texts, on the tokenizer's own side; None for other inputs.

    Raises:
        ModelError: The model cannot compute the examples, or a dropout of it cannot be set.
    """
    model.eval()
    if isinstance(examples, TokenExamples):
        keep_no_cache(model)
    order = np.argsort(examples.lengths, kind="stable")
    remembers = _remembers(model, examples, order)
    if remembers is None:
        _check_longest(model, examples, order)
    chosen = order[[0, len(order) // 2]]
    width = int(examples.lengths[chosen].max())
    anatomy = examine_layers(model, examples.inputs(chosen, width=width), fresh=fresh)
    if padding is not None and isinstance(examples, TokenExamples):
        # A token sees those before it alone: padding behind a text changes nothing.
        padding = replace(padding, side="right")
        examples = examples.with_padding(padding.values)
        anatomy = replace(anatomy, padding=padding, predicts_tokens=True)
    elif padding is not None and isinstance(examples, TextExamples):
        side, difference = choose_side(model, examples, padding)
        padding = replace(padding, side=side)
        examples = examples.with_padding(padding.values)
        anatomy = replace(anatomy, padding=padding, padding_difference=difference)
    inputs, outline = examples.inputs(chosen, width=width), examples.outline(chosen, width=width)
    anatomy = _with_dropouts(anatomy, model, inputs)
    anatomy = replace(anatomy, classifier=find_classifier(model, anatomy, inputs, fresh=fresh))
    if remembers:
        complaint = "it computes an example otherwise after another one"
        return replace(anatomy, repeatable=False, trunk=TrunkFacts(complaint=complaint))
    return replace(anatomy, trunk=examine_trunk(model, anatomy, inputs, outline))


@torch.no_grad()
def _remembers(model: Any, examples: Examples, order: Indices) -> bool | None:
    """Return whether a model computes its longest example otherwise after its shortest one; None where it fails.

    BigBird attends to all tokens from its first short text on, also in longer ones. So this has to be the first use of
    the model.
    """
    rounding = Rounding(multiple=width_multiple("cpu"), longest=getattr(model.config, "max_position_embeddings", None))
    width = rounding.width(examples.lengths[order[-1:]])
    longest, shortest = examples.inputs(order[-1:], width=width), examples.inputs(order[:1])
    try:
        first, _, again = (model(**inputs).logits for inputs in (longest, shortest, longest))
    except Exception:  # what follows names the reason
        return None
    return not torch.allclose(first, again, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def _check_longest(model: Any, examples: Examples, order: Indices) -> None:
    """Check that a model computes its longest example, if it computes its shortest one.

    Raises:
        ModelError: It does not. All that follows computes shorter examples.
    """
    try:
        model(**examples.inputs(order[:1]))
    except Exception:  # the examination of the layers names the reason
        return
    try:
        model(**examples.inputs(order[-1:]))
    except Exception as error:
        name, longest = type(model).__name__, int(examples.lengths[order[-1]])
        positions = getattr(model.config, "max_position_embeddings", None)
        advice = f"; it has {positions} positions, so set max_length lower" if positions else ""
        refusal = f"{name} cannot compute the longest example, of {longest} tokens{advice}: {first_line(error)}"
        raise ModelError("", "model", refusal) from error


def _with_dropouts(anatomy: Anatomy, model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> Anatomy:
    try:
        recording = examine_dropouts(model, inputs)
        repeatable = is_repeatable(model, inputs)
    except ModelError:
        raise
    except Exception as error:  # the model's own code runs here and may raise anything
        name = type(model).__name__
        raise ModelError("", "model", f"{name} cannot be trained on these inputs: {first_line(error)}") from error
    return replace(
        anatomy,
        dropouts=recording.places,
        straddling=find_straddling(model, anatomy, recording),
        repeatable=repeatable,
    )
