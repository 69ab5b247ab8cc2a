"""Padding of texts: the token on which tokenizer and model agree, and the side that changes no text's logits."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tuner.errors import ModelError, first_line
from tuner.training.model.template import plain_attributes
from tuner.trial.anatomy import Padding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from tuner.training.data.examples import Indices, TextExamples

#: The padding token of a tokenizer that has none and whose end-of-text token cannot pad.
NEW_TOKEN = "<pad>"  # noqa: S105 (no password)
#: Rounding is told from padding that changes a text: it is this many times as much as between a row alone and among
#: copies of itself at most, but at least and at most these shares of the largest logit. In fp32, padding moves right
#: logits by less than 1e-6; FNet and its like by 1e-3 and more, a convolution over tiny random weights by 2e-5.
_ROUNDINGS, _LEAST, _MOST = 10, 1e-5, 1e-3
#: Texts that are compared, and the tokens of the longest of them where there are enough short ones.
_TEXTS, _TOKENS = 5, 128
#: Tokens of padding where all texts are of equal length.
_MORE = 8
#: A known word, and a character that has no meaning, so that most vocabularies lack it.
_SAMPLES = ("a", "\u0378")


# ---- the token


def token_padding(tokenizer: Any, config: Any) -> Padding:
    """Give a tokenizer a padding token if it has none that can pad, and return the padding.

    The end-of-text token pads, unless the tokenizer ends texts with it: a classifier that reads the last token which is
    not padding would then read the token before it. A second call changes nothing and returns the same.

    Args:
        tokenizer: A transformers tokenizer.
        config: The checkpoint's configuration; it is not changed.

    Returns:
        The padding, on the tokenizer's own side.
    """
    own, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    if own is None and end is not None and not _ends_texts(tokenizer, end):
        tokenizer.pad_token = tokenizer.eos_token
    elif own is None or (_has_another_use(tokenizer, own) and _ends_texts(tokenizer, own)):
        tokenizer.add_special_tokens({"pad_token": _declared(tokenizer, config) or NEW_TOKEN})
    token_id, rows = tokenizer.pad_token_id, table_rows(config)
    return Padding(
        token_id=token_id,
        side=tokenizer.padding_side,
        token=str(tokenizer.pad_token),
        embeddings=token_id + 1 if rows is not None and token_id >= rows else None,
    )


def _declared(tokenizer: Any, config: Any) -> str | None:
    """Return the token under the padding id of the configuration, if it is written as a padding token: [PAD]."""
    token_id = getattr(_text_config(config), "pad_token_id", None)
    if token_id is None or not 0 <= token_id < len(tokenizer):
        return None
    token = str(tokenizer.convert_ids_to_tokens(token_id))
    return token if re.fullmatch(r"[<\[]\W*pad(ding)?\W*[>\]]", token, re.IGNORECASE) else None


def _has_another_use(tokenizer: Any, token_id: int) -> bool:
    return token_id in (tokenizer.eos_token_id, tokenizer.sep_token_id, tokenizer.unk_token_id)


def _ends_texts(tokenizer: Any, token_id: int) -> bool:
    """Return whether a text's last token has this id."""
    return any(ids[-1:] == [token_id] for ids in (_encoded(tokenizer, text) for text in _SAMPLES))


def _encoded(tokenizer: Any, text: str) -> list[int]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return list(tokenizer(text)["input_ids"])
    # Calling the tokenizer itself would reset the padding and the truncation of its file, which are fingerprinted.
    encoding = backend.encode(text)
    return [each for each, counts in zip(encoding.ids, encoding.attention_mask, strict=True) if counts]


def check_token_ids(largest: int | None, padding: Padding, config: Any, location: str) -> None:
    """Check that the model has an embedding for each token of the data.

    Args:
        largest: The largest token id of the data; None if there is none.
        padding: The padding; its own id may be new to the model.
        config: The checkpoint's configuration.
        location: The checkpoint, as it is called in an error.

    Raises:
        ModelError: It has not.
    """
    rows = table_rows(config)
    if rows is not None and largest is not None and largest >= rows and largest != padding.token_id:
        raise ModelError(
            "",
            "model",
            f"the tokenizer of {location} gives ids up to {largest}, but the model has embeddings for {rows} tokens; "
            "use the model's own tokenizer, or enlarge the embeddings (resize_token_embeddings), train and save them",
        )


# ---- the model


def table_rows(config: Any) -> int | None:
    """Return the number of token embeddings that a configuration names; None for a model without such a table."""
    rows = getattr(_text_config(config), "vocab_size", None)
    return rows if isinstance(rows, int) else None


def _text_config(config: Any) -> Any:
    try:
        return config.get_text_config()
    except ValueError:  # there are several
        return config


def text_configs(config: Any) -> Iterator[Any]:
    """Yield a configuration and those inside it that have a vocabulary."""
    from transformers import PreTrainedConfig

    yield config
    for value in list(vars(config).values()):
        if isinstance(value, PreTrainedConfig):
            yield from (each for each in text_configs(value) if hasattr(each, "vocab_size"))


def configure(config: Any, padding: Padding) -> None:
    """Tell a configuration the padding, before a model with the checkpoint's own table of embeddings is built.

    An id that the table lacks is told to the model by `enlarge`.
    """
    for each in text_configs(config):
        own, rows = getattr(each, "pad_token_id", None), table_rows(each)
        if rows is None or padding.token_id < rows:
            each.pad_token_id = padding.token_id
        elif own is not None and not 0 <= own < rows:
            each.pad_token_id = None  # torch refuses a table without a row for it


def configure_enlarged(config: Any, padding: Padding) -> None:
    """Tell a configuration the padding, and the size of the enlarged table."""
    for each in text_configs(config):
        # Not table_rows, which looks inside: the encoder, the decoder and their whole each name a size.
        rows = getattr(each, "vocab_size", None)
        if padding.embeddings is not None and isinstance(rows, int) and rows < padding.embeddings:
            each.vocab_size = padding.embeddings
        each.pad_token_id = padding.token_id


@contextmanager
def told(padding: Padding | None, location: str) -> Iterator[None]:
    """Refuse a padding id that a model cannot be built with: some have a table of positions that begins after it.

    Raises:
        ModelError: torch refused the id while the model was built.
    """
    try:
        yield
    except AssertionError as error:
        if padding is None:
            raise
        raise ModelError(
            "",
            "model",
            f"{location} cannot be built with the padding token {padding.token} (id {padding.token_id}) of its "
            "tokenizer; use the model's own tokenizer",
        ) from error


def enlarge(model: Any, padding: Padding, outline: nn.Module) -> None:
    """Enlarge the table of token embeddings of a loaded model, and tell the model the new padding id.

    The new rows are copies of the first one: padding is masked, so that they are never learnt. No random numbers are
    drawn, so a head's first weights do not depend on the tokenizer.

    Args:
        model: The model. It then has the attributes of one that was built with the enlarged table.
        padding: The padding; `embeddings` is set.
        outline: A model built from the `configure_enlarged` configuration; its weights are not read.

    Raises:
        ModelError: The model's embeddings are no table that can be enlarged.
    """
    before = table_rows(model.config)
    refusal = (
        f"the padding token {padding.token} (id {padding.token_id}) has no embedding, and the embeddings of "
        f"{type(model).__name__} cannot be enlarged"
    )
    try:
        with torch.random.fork_rng(devices=[]):
            table = model.resize_token_embeddings(padding.embeddings, mean_resizing=False)
    except (NotImplementedError, TypeError, AttributeError) as error:
        raise ModelError("", "model", f"{refusal}: {first_line(error)}") from error
    shapes = {name: value.shape for name, value in outline.state_dict().items()}
    odd = sorted(name for name, value in model.state_dict().items() if value.shape != shapes.get(name))
    if odd:
        raise ModelError("", "model", f"{refusal}: {odd[0]} stays as it is")
    with torch.no_grad():
        table.weight[before:] = table.weight[0]
    built = dict(outline.named_modules())
    for name, module in model.named_modules():
        # Modules keep the id and the size under names of their own, such as `padding_idx`.
        for key, value in plain_attributes(built[name]).items():
            setattr(module, key, value)
    if "vocab_size" not in vars(outline):
        del model.vocab_size  # of transformers' resizing; a model that is loaded enlarged has none
    for module in model.modules():
        if hasattr(module, "config"):  # some modules have a copy of their own
            configure_enlarged(module.config, padding)


# ---- the side


def choose_side(model: Any, examples: TextExamples, padding: Padding) -> tuple[str, float]:
    """Find the side on which padding leaves the logits of texts as they are.

    A few texts of unequal lengths are computed in one batch, padded on one side and then on the other, and each in a
    row of its own. Right is taken where it changes nothing but rounding, because a row's first token then stays in its
    place. Left is taken where only left changes nothing. Otherwise no side is right: the model mixes padding into
    texts, or draws random numbers. Then the tokenizer's own side is kept, unless the other one changes a tenth of it or
    less.

    Args:
        model: The model, in evaluation mode.
        examples: Encoded texts.
        padding: The padding, on the tokenizer's own side.

    Returns:
        The side, and the largest difference of a logit there, relative to the largest logit; 0 where it is rounding.

    Raises:
        ModelError: The model cannot compute a padded batch.
    """
    chosen = _unequal(examples.lengths)
    shortest, width = int(examples.lengths[chosen].min()), int(examples.lengths[chosen].max())
    alone = torch.cat([_logits(model, examples, chosen[[place]]) for place in range(len(chosen))])
    copies = _logits(model, examples, np.repeat(chosen[-1:], len(chosen)))
    rounding = min(max(_ROUNDINGS * _difference(copies, alone[-1:]), _LEAST), _MOST)
    found: dict[str, float] = {}
    refusal = ModelError("", "model", f"{type(model).__name__} computes no finite numbers for texts that are padded")
    for side in ("right", "left"):
        padded = examples.with_padding(replace(padding, side=side).values)
        try:
            logits = _logits(model, padded, chosen, width if shortest < width else width + _MORE)
        except ModelError as error:
            found[side], refusal = float("inf"), error
        else:
            found[side] = _difference(logits, alone)
        if found[side] <= rounding:
            return side, 0.0
    own, other = padding.side, "left" if padding.side == "right" else "right"
    side = other if found[other] <= found[own] / 10 else own
    if found[side] < float("inf"):
        return side, found[side]
    if shortest < width:
        raise refusal
    return own, 0.0  # the texts are as long as the model can read, so that none is padded


def _unequal(lengths: Indices) -> Indices:
    """Return some texts, from the shortest to a long one that is still cheap to compute."""
    order = np.argsort(lengths, kind="stable")
    cheap = max(int(np.searchsorted(lengths[order], _TOKENS, side="right")), min(len(order), _TEXTS))
    return order[np.unique(np.linspace(0, cheap - 1, _TEXTS).astype(np.int64))]


@torch.no_grad()
def _logits(model: Any, examples: TextExamples, indices: Indices, width: int | None = None) -> torch.Tensor:
    try:
        logits: torch.Tensor = model(**examples.inputs(indices, width=width)).logits
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        texts = f"{len(indices)} texts in one batch" if len(indices) > 1 else "a text"
        raise ModelError("", "model", f"{type(model).__name__} cannot compute {texts}: {first_line(error)}") from error
    return logits


def _difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    difference = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=torch.finfo(theirs.dtype).tiny))
    return difference if difference < float("inf") else float("inf")  # no number, where a whole row is masked
