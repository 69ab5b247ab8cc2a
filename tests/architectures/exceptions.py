"""Settings of tiny configurations that general rules do not find, by model type."""

from __future__ import annotations

from typing import Any

#: Stages of most hierarchical image models.
_STAGES: dict[str, Any] = {"hidden_sizes": [16, 16, 16, 32], "depths": [1, 1, 2, 1], "image_size": 64}
_WINDOWS: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 2,
    "embed_dim": 8,
    "depths": [1, 1, 2, 1],
    "num_heads": [1, 2, 2, 4],
    "window_size": 2,
}
_RELATIVE: dict[str, Any] = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
#: One key and value head for each query head.
_NO_GROUPS: dict[str, Any] = {"num_key_value_heads": 4}
_MAMBA: dict[str, Any] = {"mamba_d_state": 4, "use_mamba_kernels": False, "attention_head_dim": 16}
_LINEAR: dict[str, Any] = {
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
_ROPE: dict[str, Any] = {"rope_type": "default", "rope_theta": 10000.0}
#: Layers that are not made small by their size alone.
_VISION: dict[str, Any] = {"num_hidden_layers": 4, "image_size": 32, "patch_size": 8}

TEXT: dict[str, dict[str, Any]] = {
    "axk1": _NO_GROUPS,
    "axk2": _NO_GROUPS,
    "albert": {"embedding_size": 16},
    "big_bird": {"block_size": 4, "num_random_blocks": 1},
    "bigbird_pegasus": {"block_size": 4, "num_random_blocks": 1},
    "bloom": {"hidden_size": 32, "n_head": 4, "n_layer": 4},
    "canine": {"downsampling_rate": 4, "num_hash_buckets": 64, "local_transformer_stride": 8, "type_vocab_size": 2},
    "cohere_compass_text": {"rope_parameters": {"full_attention": _ROPE, "sliding_attention": _ROPE}},
    "convbert": {"num_attention_heads": 4, "conv_kernel_size": 3},
    "ctrl": {"dff": 48, "n_embd": 32},
    "deberta": _RELATIVE,
    "deberta-v2": {
        **_RELATIVE,
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_biased_input": False,
        "conv_kernel_size": 3,
    },
    "deepseek_v2": {**_NO_GROUPS, "num_experts_per_tok": 2, "qk_head_dim": 16, "first_k_dense_replace": 1},
    "deepseek_v3": _NO_GROUPS,
    "electra": {"embedding_size": 16},
    "esm": {"vocab_size": 96, "mask_token_id": 5, "pad_token_id": 1},
    "esmc": {"num_key_value_heads": 4, "vocab_size": 96},
    "falcon": {"num_kv_heads": 2},
    "flaubert": {"emb_dim": 32, "n_heads": 4, "n_layers": 4},
    "funnel": {"block_sizes": [1, 1, 2], "block_repeats": None, "n_head": 4},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]], "window_size": 8},
    "gptj": {"rotary_dim": 4},
    "hunyuan_v1_dense": {"head_dim": 8, "num_key_value_heads": 2},
    "hunyuan_v1_moe": {"head_dim": 8, "num_key_value_heads": 2},
    "ibert": {"quant_mode": False},
    "jamba": {
        **_MAMBA,
        "num_hidden_layers": 4,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "mamba_dt_rank": 4,
    },
    "layoutlm": {"coordinate_size": 6, "shape_size": 4},
    "layoutlmv2": {"coordinate_size": 6, "shape_size": 4},
    "layoutlmv3": {"coordinate_size": 6, "shape_size": 4, "input_size": 32, "patch_size": 16},
    "lilt": {"hidden_size": 48, "channel_shrink_ratio": 4, "num_attention_heads": 4},
    "longformer": {"attention_window": 8},
    "luke": {"entity_vocab_size": 32, "entity_emb_size": 16},
    "markuplm": {"xpath_unit_hidden_size": 4, "max_depth": 5},
    "minicpm3": _NO_GROUPS,
    "ministral": {"head_dim": 8, "num_key_value_heads": 2},
    "mistral4": {
        **_NO_GROUPS,
        "qk_head_dim": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "head_dim": 8,
        "rope_parameters": _ROPE
        | {"partial_rotary_factor": 1.0, "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 64},
    },
    "mobilebert": {"true_hidden_size": 32, "intra_bottleneck_size": 32, "embedding_size": 32, "hidden_size": 32},
    "modernbert": {"local_attention": 8, "global_attn_every_n_layers": 2},
    "modernbert-decoder": {"local_attention": 8, "global_attn_every_n_layers": 2},
    "mpt": {"d_model": 32, "n_heads": 4},
    "nemotron": {"num_key_value_heads": 2, "head_dim": 8},
    "nystromformer": {"segment_means_seq_len": 64, "num_landmarks": 64},
    "qwen3_5": _LINEAR,
    "qwen3_5_text": _LINEAR,
    "qwen3_next": _LINEAR,
    "qwen3_5_vision": {"depth": 1},
    "reformer": {
        "attn_layers": ["local", "lsh", "local", "lsh"],
        "attention_head_size": 8,
        "axial_pos_embds": False,
        "hidden_size": 32,
        "num_hashes": 1,
        "num_buckets": 2,
        "lsh_attn_chunk_length": 4,
        "local_attn_chunk_length": 4,
        "feed_forward_size": 48,
    },
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 16},
    "roc_bert": {
        "pronunciation_embed_dim": 16,
        "shape_embed_dim": 16,
        "pronunciation_vocab_size": 96,
        "shape_vocab_size": 96,
    },
    "roformer": {"embedding_size": 32},
    "squeezebert": {"embedding_size": 32},
    "t5": {"decoder_start_token_id": 0},
    "tapas": {"type_vocab_sizes": [3, 256, 256, 2, 256, 256, 10]},
    "xlm": {"emb_dim": 32, "n_heads": 4, "n_layers": 4},
    "xlnet": {"d_inner": 48},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "zamba": {
        **_MAMBA,
        "num_hidden_layers": 6,
        "mamba_dt_rank": 4,
        "n_mamba_heads": 2,
        "attention_hidden_size": 64,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "layers_block_type": ["mamba", "mamba", "hybrid"] * 2,
    },
    "zamba2": {
        **_MAMBA,
        "num_hidden_layers": 4,
        "layer_types": ["mamba", "hybrid"] * 2,
        "mamba_expand": 2,
        "mamba_headdim": 16,
        "n_mamba_heads": 4,
        "mamba_ngroups": 1,
        "hybrid_layer_ids": [1, 3],
        "num_mem_blocks": 1,
        "chunk_size": 8,
    },
}

IMAGE: dict[str, dict[str, Any]] = {
    "beit": {**_VISION, "use_mask_token": False, "out_indices": [1, 2, 3, 4]},
    "bit": {"embedding_size": 16, "hidden_sizes": [16, 32, 32, 64], "depths": [1, 1, 2, 1], "num_groups": 8},
    "convnext": _STAGES,
    "convnextv2": _STAGES,
    "cvt": {"embed_dim": [16, 16, 32], "num_heads": [1, 2, 2], "depth": [1, 2, 4], "image_size": 64},
    "data2vec-vision": {**_VISION, "out_indices": [1, 2, 3, 4]},
    "donut-swin": _WINDOWS,
    "efficientnet": {
        "image_size": 64,
        "width_coefficient": 0.25,
        "depth_coefficient": 0.3,
        "hidden_dim": 320,
        "dropout_rate": 0.5,
    },
    "focalnet": {"image_size": 64, "embed_dim": 8, "depths": [1, 1, 2, 1], "hidden_sizes": [8, 16, 32, 64]},
    "hgnet_v2": {
        "embedding_size": 8,
        "depths": [1, 1, 2, 1],
        "hidden_sizes": [16, 16, 32, 32],
        "stem_channels": [3, 8, 8],
        "stage_in_channels": [8, 16, 16, 32],
        "stage_mid_channels": [8, 8, 8, 8],
        "stage_out_channels": [16, 16, 32, 32],
        "stage_num_blocks": [1, 1, 2, 1],
        "stage_numb_of_layers": [2, 2, 2, 2],
    },
    "hiera": {
        "image_size": [32, 32],
        "embed_dim": 8,
        "depths": [1, 1, 2, 1],
        "num_heads": [1, 2, 2, 4],
        "patch_kernel": [7, 7],
        "patch_stride": [4, 4],
        "masked_unit_size": [8, 8],
        "masked_unit_attention": [True, True, False, False],
    },
    "ijepa": _VISION,
    "imagegpt": {"vocab_size": 96, "n_positions": 70},
    "levit": {
        "image_size": 64,
        "hidden_sizes": [16, 32, 32],
        "num_attention_heads": [2, 2, 2],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
        "drop_path_rate": 0,
        "patch_size": 16,
    },
    "mobilenet_v1": {"image_size": 32, "depth_multiplier": 0.25},
    "mobilenet_v2": {"image_size": 32, "depth_multiplier": 0.25},
    "mobilevit": {
        "image_size": 64,
        "hidden_sizes": [16, 16, 16],
        "neck_hidden_sizes": [8, 8, 8, 8, 8, 8, 16],
        "num_attention_heads": 2,
        "patch_size": 2,
    },
    "mobilevitv2": {"image_size": 64, "width_multiplier": 0.25, "patch_size": 2},
    "perceiver": {"num_self_attends_per_block": 4, "num_blocks": 1, "image_size": 16},
    "poolformer": {"hidden_sizes": [16, 16, 16, 32], "depths": [1, 1, 2, 1]},
    "pp_lcnet": {"scale": 0.25},
    "pvt": {**_STAGES, "num_attention_heads": [1, 2, 2, 4], "sequence_reduction_ratios": [8, 4, 2, 1]},
    "pvt_v2": {**_STAGES, "num_attention_heads": [1, 2, 2, 4]},
    "regnet": {"embedding_size": 16, "hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 2, 1], "groups_width": 8},
    "resnet": {"embedding_size": 16, "hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 2, 1], "layer_type": "basic"},
    "segformer": {
        "hidden_sizes": [16, 16, 16, 32],
        "depths": [1, 1, 2, 1],
        "num_attention_heads": [1, 2, 2, 4],
        "decoder_hidden_size": 16,
    },
    "swiftformer": {"embed_dims": [16, 16, 32, 32], "depths": [1, 1, 2, 1], "image_size": 64},
    "swin": _WINDOWS,
    "swinv2": _WINDOWS,
    "textnet": {
        "depths": [3, 4, 4, 4],
        "stem_out_channels": 16,
        "hidden_sizes": [16, 16, 16, 32, 32],
        "image_size": [64, 64],
    },
}
#: The architecture of timm that stands for all.
IMAGE["timm_wrapper"] = {
    "architecture": "test_vit",
    "model_args": {"img_size": 64},
    "pretrained_cfg": {
        "input_size": [3, 64, 64],
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "num_classes": 3,
        "first_conv": "patch_embed.proj",
        "classifier": "head",
    },
}
#: Perceiver is in both mappings with one configuration class.
TEXT["perceiver"] = {
    "num_self_attends_per_block": 4,
    "num_blocks": 1,
    "num_self_attention_heads": 4,
    "num_cross_attention_heads": 4,
}
IMAGE["perceiver"] |= {"num_self_attention_heads": 4, "num_cross_attention_heads": 1}
#: Model types whose Auto class has several models to choose from, and reads the choice from the configuration.
CHOSEN = {
    "deit": "DeiTForImageClassification",
    "levit": "LevitForImageClassification",
    "perceiver": "PerceiverForImageClassificationLearned",
}
