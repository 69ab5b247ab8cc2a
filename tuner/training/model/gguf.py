"""Reading GGUF files, whose weights are quantised, into folders that transformers reads."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from tuner.errors import ModelError, first_line


def dequantise(file: Path, folder: Path) -> None:
    """Write the model of a GGUF file, with weights of 32 bits, and its tokenizer into a folder, unless it is there.

    Other precisions would not hold the weights: a scale of 16 bits times a number of four has more digits than one of
    16 bits can.

    Args:
        file: The file.
        folder: The folder. It is complete where it exists.

    Raises:
        ModelError: The file cannot be read, or its architecture is unknown.
    """
    from transformers import AutoTokenizer

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            return
        scratch = folder.with_name(f".{folder.name}")
        shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
        try:
            model = _plain_model(file)
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        except Exception as error:  # the reader of the format raises what it comes across
            raise ModelError("", "model", f"{file} cannot be read as a GGUF model: {first_line(error)}") from error
        model.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        scratch.rename(folder)


def _plain_model(file: Path) -> Any:
    """Return the model of a GGUF file as one that was never quantised."""
    import transformers

    # With kernels for quantised weights installed, transformers would leave them as they are.
    kind = getattr(transformers, "GgufConfig", None)
    more = {} if kind is None else {"quantization_config": kind(dequantize=True)}
    auto_model = transformers.AutoModelForCausalLM
    read = auto_model.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32, **more)
    config = copy.deepcopy(read.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        plain = auto_model.from_config(config, dtype=torch.float32)
    plain.load_state_dict(read.state_dict(), assign=True)
    plain.tie_weights()
    return plain
