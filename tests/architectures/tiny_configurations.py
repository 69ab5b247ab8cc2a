"""Tiny configurations of any architecture, made from the defaults of its configuration class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from architectures.exceptions import CHOSEN, IMAGE, TEXT

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

#: Rows of the table of token embeddings.
VOCABULARY = 96

_HEADS = "num_attention_heads n_head n_heads encoder_attention_heads decoder_attention_heads num_heads attention_heads"
_WIDTH = "hidden_size d_model n_embd emb_dim d_embed embedding_size entity_emb_size hidden_dim_size dim embed_dim"
_INNER = "intermediate_size ffn_dim encoder_ffn_dim decoder_ffn_dim d_ff n_inner hidden_dim dff d_inner mlp_dim"
_LENGTH = "max_position_embeddings n_positions n_ctx max_seq_len max_sequence_length seq_length sequence_length"
#: Sizes by the names that settings have in any configuration.
_SIZES = {
    name: size
    for names, size in (
        ("num_hidden_layers n_layer n_layers num_layers encoder_layers num_encoder_layers", 4),
        # Half of all layers then ends inside the encoder.
        ("decoder_layers num_decoder_layers", 2),
        (f"{_WIDTH} d_latents cross_attention_hidden_size decoder_hidden_size encoder_hidden_size", 32),
        ("true_hidden_size backbone_hidden_size bottleneck", 32),
        (f"{_HEADS} swa_num_attention_heads", 4),
        ("num_key_value_heads n_kv_heads multi_query_num_kv num_kv_heads swa_num_key_value_heads", 2),
        ("head_dim d_kv global_head_dim d_head kv_channels attention_head_dim swa_head_dim", 8),
        (f"{_INNER} feed_forward_size expert_dim moe_intermediate_size shared_expert_intermediate_size", 48),
        ("decoder_intermediate_size dense_intermediate_size ffn_hidden_size", 48),
        (f"{_LENGTH} max_seq_length original_max_position_embeddings", 64),
        ("max_2d_position_embeddings", 1024),
        ("num_experts num_local_experts n_routed_experts num_routed_experts moe_num_experts", 4),
        ("num_experts_per_tok moe_topk moe_k", 2),
        ("n_shared_experts n_group topk_group first_k_dense_replace", 1),
        ("q_lora_rank kv_lora_rank sliding_window sliding_window_size", 16),
        ("qk_rope_head_dim qk_nope_head_dim v_head_dim num_latents", 8),
        ("vocab_size", VOCABULARY),
    )
    for name in names.split()
}
#: Sizes of each stage, where a setting is a list.
_STAGES = {"depths": 1, "hidden_sizes": 16, "embed_dims": 16, "neck_hidden_sizes": 16} | dict.fromkeys(
    _HEADS.split(), 2
)
#: Ids for tokens whose own id is beyond the vocabulary.
_TOKENS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
_OTHER_TOKEN = 4


def tiny(kind: str, config_class: type[PreTrainedConfig], /, **more: Any) -> PreTrainedConfig:
    """Return a configuration of a few thousand parameters.

    Args:
        kind: `text` or `image`.
        config_class: The configuration's class.
        **more: Settings that are to have another value.
    """
    plain = config_class()
    defaults = _settings(plain)
    made: dict[str, Any] = {}
    for name, value in defaults.items():
        size = _size(name, value)
        if size is not None:
            made[name] = size
    for name in getattr(config_class, "sub_configs", None) or {}:
        inner = getattr(plain, name, None)
        if inner is not None and type(inner).model_type:
            made[name] = tiny("text" if "text" in name or "coder" in name else "image", type(inner)).to_dict()
    layers = made.get("num_hidden_layers", 4)
    if defaults.get("layer_types") is not None:
        kinds = [*dict.fromkeys(defaults["layer_types"])]
        made["layer_types"] = [kinds[index % len(kinds)] for index in range(layers)]
    if isinstance(defaults.get("mlp_layer_types"), list | tuple):
        kinds = [*dict.fromkeys(defaults["mlp_layer_types"])]
        made["mlp_layer_types"] = [kinds[min(index, len(kinds) - 1)] for index in range(layers)]
    made |= (TEXT if kind == "text" else IMAGE).get(config_class.model_type, {})
    made |= more
    # Of two names for one setting, the configuration's own counts.
    for alias, real in (getattr(config_class, "attribute_map", None) or {}).items():
        if alias != real and real in made:
            made.pop(alias, None)
    config = config_class(**made)
    if kind == "image" and config_class.model_type in CHOSEN:
        config.architectures = [CHOSEN[config_class.model_type]]
    return config


def _settings(config: PreTrainedConfig) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (*config.to_dict(), *getattr(type(config), "__dataclass_fields__", {})):
        try:
            found[name] = getattr(config, name)
        except (AttributeError, ImportError, NotImplementedError, ValueError):
            continue  # a property that this configuration refuses
    return found


def _size(name: str, value: Any) -> Any:
    """Return the tiny value of a setting; None leaves the default."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number and name in _SIZES:
        return _SIZES[name]
    if name == "image_size":
        return 32 if is_number else [32, 32] if isinstance(value, list | tuple) else None
    if name == "patch_size" and is_number:
        return 8
    if name in _STAGES and isinstance(value, list | tuple):
        return [_STAGES[name]] * len(value)
    if name.endswith("token_id"):
        if is_number and value >= VOCABULARY:
            return _TOKENS.get(name, _OTHER_TOKEN)
        if isinstance(value, list):
            return [_TOKENS.get(name, _OTHER_TOKEN)]
    return None
