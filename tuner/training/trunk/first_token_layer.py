"""Computes only the first token's output of a transformer layer; that token still attends to all tokens of the input.

A head that reads the first token needs no other output of the last layer. Each function computes as the layer's own
`forward` does, with the layer's own modules. There are four functions, one for each way in which the supported
architectures build a layer. `tuner.training.trunk.trunk` compares the results for each model before a function is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

#: Takes a layer, its input (examples, tokens, hidden) and the rest of its arguments; returns (examples, 1, hidden), or
#: a tuple that begins with it.
OneToken: TypeAlias = Callable[..., Any]


def one_token_of(layer: Any) -> OneToken | None:
    """Return the function that computes a layer for its first token; None for a layer with unknown modules."""
    modules = dict(layer.named_modules())
    for shape, function in (
        (("attention.self.query", "attention.self.key", "attention.output", "intermediate", "output"), _bert),
        (("attention.q_lin", "attention.out_lin", "sa_layer_norm", "ffn", "output_layer_norm"), _distilbert),
        (("attention.q_proj", "attention.o_proj", "layernorm_before", "layernorm_after", "mlp", "dropout"), _vit),
        (("attention.self.query_proj", "attention.output", "intermediate", "output"), _deberta),
    ):
        if all(name in modules for name in shape):
            return function
    return None


def _bert(layer: Any, hidden: torch.Tensor, attention_mask: torch.Tensor | None = None, *_: Any, **__: Any) -> Any:
    """Compute a layer of BERT, RoBERTa, ELECTRA, MiniLM, XLM-RoBERTa or CamemBERT."""
    own, first = layer.attention.self, hidden[:, :1]
    context = _attend(
        own,
        (own.query(first), own.key(hidden), own.value(hidden)),
        attention_mask,
        size=own.attention_head_size,
        dropout=own.dropout.p,
    )
    attended = layer.attention.output(context, first)
    return layer.output(layer.intermediate(attended), attended)


def _distilbert(
    layer: Any, hidden: torch.Tensor, attention_mask: torch.Tensor | None = None, *_: Any, **__: Any
) -> Any:
    own, first = layer.attention, hidden[:, :1]
    context = _attend(
        own,
        (own.q_lin(first), own.k_lin(hidden), own.v_lin(hidden)),
        attention_mask,
        size=own.attention_head_size,
        dropout=own.dropout.p,
    )
    attended = layer.sa_layer_norm(own.out_lin(context) + first)
    return layer.output_layer_norm(layer.ffn(attended) + attended)


def _vit(layer: Any, hidden: torch.Tensor, attention_mask: torch.Tensor | None = None, *_: Any, **__: Any) -> Any:
    """Compute a layer of ViT or DeiT, which normalises before and not after."""
    own, first = layer.attention, hidden[:, :1]
    normed = layer.layernorm_before(hidden)
    context = _attend(
        own,
        (own.q_proj(normed[:, :1]), own.k_proj(normed), own.v_proj(normed)),
        attention_mask,
        size=own.head_dim,
        dropout=own.attention_dropout,
    )
    attended = layer.dropout(own.o_proj(context)) + first
    return layer.dropout(layer.mlp(layer.layernorm_after(attended))) + attended


def _deberta(
    layer: Any,
    hidden: torch.Tensor,
    attention_mask: torch.Tensor,
    *,
    relative_pos: Any = None,
    rel_embeddings: Any = None,
    **_: Any,
) -> Any:
    """Compute a layer of DeBERTa-v2, whose own `query_states` cannot handle fewer queries than keys."""
    own, first = layer.attention.self, hidden[:, :1]
    heads = own.num_attention_heads
    query = own.transpose_for_scores(own.query_proj(first), heads)
    key = own.transpose_for_scores(own.key_proj(hidden), heads)
    value = own.transpose_for_scores(own.value_proj(hidden), heads)
    kinds = 1 + sum(kind in own.pos_att_type for kind in ("c2p", "p2c"))
    scores = torch.bmm(query, key.transpose(-1, -2) / math.sqrt(query.size(-1) * kinds))
    if own.relative_attention:
        # The first token's query is repeated for every place. The bias of a row depends on its own place and query
        # alone, so the first row is right.
        bias = own.disentangled_attention_bias(
            query.expand(-1, key.size(-2), -1), key, relative_pos, own.pos_dropout(rel_embeddings), kinds
        )
        scores = scores + bias[:, :1]
    scores = scores.view(-1, heads, 1, scores.size(-1))
    scores = scores.masked_fill(~attention_mask[..., :1, :].bool(), torch.finfo(query.dtype).min)
    weights = own.dropout(torch.softmax(scores, dim=-1)).view(-1, 1, scores.size(-1))
    context = torch.bmm(weights, value).view(-1, heads, 1, value.size(-1)).permute(0, 2, 1, 3)
    attended = layer.attention.output(context.reshape(*first.shape[:2], -1), first)
    return layer.output(layer.intermediate(attended), attended), None


def _attend(
    module: Any,
    query_key_value: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    mask: torch.Tensor | None,
    *,
    size: int,
    dropout: float,
) -> torch.Tensor:
    """Attend as the module does, with fewer queries than keys. Returns (examples, queries, hidden)."""
    heads = [each.view(*each.shape[:-1], -1, size).transpose(1, 2) for each in query_key_value]
    if mask is not None and mask.ndim == 4:
        mask = mask[:, :, :1]
    attend = ALL_ATTENTION_FUNCTIONS[module.config._attn_implementation]
    context, _ = attend(
        module, *heads, mask, dropout=dropout if module.training else 0.0, scaling=module.scaling, is_causal=False
    )
    return context.reshape(*query_key_value[0].shape[:-1], -1)
