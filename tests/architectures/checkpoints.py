"""Checkpoints of tiny models: weights, configuration, and a tokenizer or image processor, as they are published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from tiny_models import BAD, GOOD, PLAIN

from architectures.tiny_configurations import VOCABULARY, tiny

if TYPE_CHECKING:
    import transformers

    from architectures.catalogue import Architecture

#: How far each weight is moved from where it is initialised, so that no bias is 0 and no norm the identity.
_SHAKEN = 0.05
#: Classes of the checkpoint's own head; data have two, so that a trial has a head of its own.
_CLASSES = 3
#: Architectures whose published tokenizers pad on the left.
_LEFT = ("xlnet",)
#: Tokens by the role that a configuration names their ids by.
_TOKENS = {"pad": "<pad>", "bos": "<s>", "eos": "</s>"}


def write_checkpoint(architecture: Architecture, folder: Path, /, **settings: Any) -> Path:
    """Write a checkpoint.

    Args:
        architecture: Which one.
        folder: Takes the files.
        **settings: Settings of the configuration that differ from the tiny ones.

    Returns:
        The folder.
    """
    torch.manual_seed(11)
    config = tiny(architecture.kind, architecture.config_class, num_labels=_CLASSES, **settings)
    try:
        model = architecture.auto_model.from_config(config)
    except ImportError:
        # A package is missing that the architecture needs. The product is to find that out by itself.
        config.save_pretrained(folder)
        save_file({"classifier.weight": torch.zeros(1)}, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += _SHAKEN * torch.randn_like(parameter)
        model.save_pretrained(folder)
    if architecture.kind == "text":
        tokenizer(config).save_pretrained(folder)
    elif architecture.model_type != "timm_wrapper":  # whose configuration has the image processor's settings
        image_processor(config).save_pretrained(folder)
    return folder


def tokenizer(config: Any) -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer with the ids that a configuration names, and no padding token where it names none."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    text = config.get_text_config()
    ids = {role: _first(getattr(text, f"{role}_token_id", None)) for role in _TOKENS}
    if not hasattr(text, "pad_token_id"):
        ids["pad"] = 0  # Perceiver's tokenizer pads without a word of it in the configuration
    words: list[str | None] = [None] * VOCABULARY
    for role, number in ids.items():
        if number is not None and words[number] is None:
            words[number] = _TOKENS[role]
    named = {role: words[number] for role, number in ids.items() if number is not None}
    others = iter(
        [
            "<unk>",
            "<cls>",
            "<sep>",
            "<|endoftext|>",
            *GOOD,
            *BAD,
            *PLAIN,
            *(f"word{number}" for number in range(VOCABULARY)),
        ]
    )
    vocabulary = {word or next(others): number for number, word in enumerate(words)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    before, after = _frame(config, named)
    template = [*before, "$A", *after]
    if len(template) > 1:
        special = {token: vocabulary[token] for token in (*before, *after)}
        backend.post_processor = processors.TemplateProcessing(
            single=" ".join(template),
            pair=" ".join([*before, "$A", *after, "$B", *after]),
            special_tokens=[*special.items()],
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="<unk>",
        **{f"{role}_token": token for role, token in named.items()},
        model_max_length=32,
        padding_side="left" if config.model_type in _LEFT else "right",
        model_input_names=["input_ids", "attention_mask"],
    )


def _first(value: Any) -> int | None:
    return value[0] if isinstance(value, list) else value


def _frame(config: Any, named: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the tokens before and after each text: decoders have no end, encoders and encoder-decoders have one."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    decodes = config.model_type in CAUSAL and config.model_type not in MASKED
    before, after = named.get("bos"), named.get("eos")
    if decodes and not config.is_encoder_decoder:
        after = None
    elif not config.is_encoder_decoder:
        before, after = before or "<cls>", after or "<sep>"
    return [before] if before else [], [after] if after else []


def image_processor(config: Any) -> Any:
    """Return a processor of images of the size that a configuration names."""
    from transformers import ImageGPTImageProcessorPil, Siglip2ImageProcessorPil, ViTImageProcessorPil

    height, width = image_size(config)
    if config.model_type == "imagegpt":
        clusters = torch.linspace(-1, 1, 95).repeat(3, 1).T.numpy()
        return ImageGPTImageProcessorPil(clusters=clusters, size={"height": 8, "width": 8})
    if config.model_type == "siglip2":
        return Siglip2ImageProcessorPil(patch_size=config.vision_config.patch_size, max_num_patches=16)
    return ViTImageProcessorPil(size={"height": height, "width": width})


def image_size(config: Any) -> tuple[int, int]:
    """Return height and width of an architecture's images."""
    size = getattr(getattr(config, "vision_config", config), "image_size", None) or 64
    return (size[0], size[1]) if isinstance(size, list | tuple) else (size, size)
