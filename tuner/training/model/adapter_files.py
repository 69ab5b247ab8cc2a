"""Writing the adapters of a trained model as peft reads them, without the pretrained weights."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from tuner.errors import ModelError
from tuner.training.model.adapters import NAME, adapter_config, has_adapters, is_adapter
from tuner.training.model.trial_model import least_frozen_of
from tuner.training.model.weights import write_weights

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from tuner.trial.run import TrialRun

#: What peft calls the file of the weights, and the model that it wraps.
_WEIGHTS, _WRAPPED = "adapter_model.safetensors", "base_model.model."
#: What peft calls our tasks; it has no name for others, and needs none.
_TASKS = {"text-classification": "SEQ_CLS", "causal-lm": "CAUSAL_LM"}


def write_adapter(run: TrialRun, model: nn.Module, folder: Path) -> None:
    """Write adapters, and the head that was trained beside them, into a folder.

    Args:
        run: The trial.
        model: Its trained model.
        folder: The folder to write to.

    Raises:
        ModelError: The model has no adapters, or other weights that are not the checkpoint's, which peft cannot hold.
        OSError: A file cannot be written.
    """
    assert run.model is not None
    assert run.anatomy is not None
    anatomy, parameters = run.anatomy, dict(model.named_parameters())
    heads = [] if anatomy.predicts_tokens else anatomy.head(parameters)
    if not has_adapters(model):
        raise ModelError("", "adapter", "no adapter was trained; leave --adapter out")
    if any(name in parameters for name in heads) or (anatomy.padding and anatomy.padding.embeddings is not None):
        reason = "weights beside its adapters are not the checkpoint's, and peft has no place for them"
        raise ModelError("", "adapter", f"{reason}; leave --adapter out, which writes the whole model")
    least = least_frozen_of(run)
    config: Any = adapter_config(model, anatomy, run.hyperparameters, frozen_layers=least)
    config.base_model_name_or_path = run.model.location
    config.revision = run.model.revision
    config.task_type = _TASKS.get(run.task)
    config.modules_to_save = heads or None
    config.inference_mode = True
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    state = {
        f"{_WRAPPED}{name.replace(f'.{NAME}.', '.')}": value.detach().contiguous()
        for name, value in model.state_dict().items()
        if is_adapter(name) or any(name.startswith(f"{head}.") for head in heads)
    }
    write_weights(state, folder / _WEIGHTS)


def read_adapter(model: nn.Module, folder: Path) -> nn.Module:
    """Return a pretrained model with the adapters of a folder, as peft puts them into it."""
    import peft

    with warnings.catch_warnings():
        # peft 0.21 asks transformers by a name that has become another one.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        read: Any = peft.PeftModel.from_pretrained(model, folder)
    inner: nn.Module = read.get_base_model()
    return inner
