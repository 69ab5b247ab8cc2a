"""Tiny language models and rows for them, for several tiers of tests. Importing it imports no torch."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import transformers

#: A token each. A blank is a token too, as a tokenizer of words would lose it.
WORDS = [f"w{number}" for number in range(30)]
SPECIAL = ["<s>", "</s>", "<unk>", "<pad>"]
#: A template for chats of these words, in which `<unk>` stands for the roles.
CHAT_TEMPLATE = (
    "{{ '<s>' }}{% for each in messages %}{{ '<pad> ' if each.role == 'user' else '<unk> ' }}"
    "{{ each.content + ' </s>' }}{% endfor %}{% if add_generation_prompt %}{{ '<unk> ' }}{% endif %}"
)
#: The same template, with marks around what the assistant writes.
MARKED_TEMPLATE = (
    "{{ '<s>' }}{% for each in messages %}{{ '<pad> ' if each.role == 'user' else '<unk> ' }}"
    "{% if each.role == 'assistant' %}{% generation %}{{ each.content + ' </s>' }}{% endgeneration %}"
    "{% else %}{{ each.content + ' </s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<unk> ' }}{% endif %}"
)


def words_tokenizer(**more: Any) -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer of the words above, which adds nothing to a text."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate([*SPECIAL, *WORDS])}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>", **more
    )


def write_language_model(
    folder: Path, kind: str = "llama", *, chat_template: str | None = None, **changes: Any
) -> Path:
    """Write a tiny checkpoint of four layers, and its tokenizer."""
    import torch
    import transformers

    kinds = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "gpt2": (transformers.GPT2Config, transformers.GPT2LMHeadModel),
        "gemma2": (transformers.Gemma2Config, transformers.Gemma2ForCausalLM),
    }
    shape: dict[str, Any] = {
        "vocab_size": len(SPECIAL) + len(WORDS),
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "intermediate_size": 64,
        "head_dim": 16,
        "max_position_embeddings": 64,
        # Wider than usual, so that something is learnt in a few steps.
        "initializer_range": 0.2,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 3,
    }
    if kind == "gpt2":
        shape = {"vocab_size": 34, "n_embd": 32, "n_layer": 4, "n_head": 2, "n_positions": 64, "initializer_range": 0.2}
        shape |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 3}
    configuration, model = kinds[kind]
    torch.manual_seed(0)
    model(configuration(**{**shape, **changes})).save_pretrained(folder)
    words_tokenizer(chat_template=chat_template).save_pretrained(folder)
    return folder


def write_pairs(path: Path, rows: int = 96, *, seed: int = 0) -> Path:
    """Write a csv of prompts and completions: the words of the prompt, backwards."""
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(["question", "answer"])
        for _ in range(rows):
            words = [draw.choice(WORDS) for _ in range(draw.randint(2, 6))]
            written.writerow([" ".join(words), f" {' '.join(reversed(words))}"])
    return path


def write_chats(path: Path, rows: int = 96, *, seed: int = 0) -> Path:
    """Write chats of one or two turns, one a line: the assistant turns the words round."""
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(rows):
            messages = []
            for _ in range(draw.randint(1, 2)):
                words = [draw.choice(WORDS) for _ in range(draw.randint(2, 5))]
                messages.append({"role": "user", "content": " ".join(words)})
                messages.append({"role": "assistant", "content": " ".join(reversed(words))})
            file.write(json.dumps({"messages": messages}) + "\n")
    return path


def write_gguf(path: Path) -> Path:
    """Write a tiny Llama as a GGUF file, with weights of 8 bits and a vocabulary of bytes."""
    import gguf
    import numpy as np

    hidden, layers, heads, inner = 32, 2, 2, 64
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", *WORDS]
    kinds = [2, 3, 3, *[6] * 256, 1, *[1] * len(WORDS)]
    draw = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(hidden)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(hidden // heads)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)

    def add(name: str, *shape: int) -> None:
        values = draw.normal(0, 0.2, shape).astype(np.float32)
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)

    add("token_embd.weight", len(tokens), hidden)
    add("output.weight", len(tokens), hidden)
    writer.add_tensor("output_norm.weight", np.ones(hidden, dtype=np.float32))
    for number in range(layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{number}.{name}.weight", hidden, hidden)
        add(f"blk.{number}.ffn_gate.weight", inner, hidden)
        add(f"blk.{number}.ffn_up.weight", inner, hidden)
        add(f"blk.{number}.ffn_down.weight", hidden, inner)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{number}.{name}.weight", np.ones(hidden, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
