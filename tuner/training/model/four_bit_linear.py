"""A linear layer whose weight is held in four bits.

Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", NeurIPS 2023, arXiv 2305.14314: values of NormalFloat
in blocks of 64, whose scales are quantised once more. bitsandbytes, which this module imports, computes them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from transformers.pytorch_utils import Conv1D

if TYPE_CHECKING:
    from torch import nn

# It tells a CPU that has a faster path of a package that is no dependency of its own.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)

import bitsandbytes  # noqa: E402
from bitsandbytes.functional import dequantize_4bit, quantize_4bit  # noqa: E402
from bitsandbytes.nn import Linear4bit, Params4bit  # noqa: E402
from bitsandbytes.nn.modules import fix_4bit_weight_quant_state_from_module  # noqa: E402

_TYPE: dict[str, Any] = {"quant_type": "nf4", "compress_statistics": True}


class FourBitLinear(Linear4bit):
    """Computes what a linear layer with the rounded weight would, in the precision that this one would use.

    The class that it extends keeps the precision of its first call, and on some CPUs rounds further where no gradient
    is asked for: a trial would be evaluated with other weights than it was trained with.
    """

    def __init__(self, linear: nn.Linear | Conv1D, device: torch.device) -> None:
        """Take over weight and bias of a layer.

        Args:
            linear: The layer.
            device: Where the weight is rounded, and stays.
        """
        weight = written_weight(linear)
        super().__init__(1, 1, bias=False, device="meta", **_TYPE)
        self.out_features, self.in_features = weight.shape
        self.bias = linear.bias
        self.weight = Params4bit(weight.detach().contiguous(), requires_grad=False, module=self, **_TYPE).to(device)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        fix_4bit_weight_quant_state_from_module(self)
        kind = x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        bias = None if self.bias is None else self.bias.to(dtype)
        found: torch.Tensor = bitsandbytes.matmul_4bit(
            x.to(dtype), self.weight, bias=bias, quant_state=self.weight.quant_state
        )
        return found


def rounded(weight: torch.Tensor) -> torch.Tensor:
    """Return the values that a weight has in four bits, in its own precision."""
    found, state = quantize_4bit(weight.detach().contiguous(), **{"blocksize": 64, **_TYPE})
    values: torch.Tensor = dequantize_4bit(found, state)
    return values.to(weight.dtype)


def written_weight(linear: nn.Linear | Conv1D) -> torch.Tensor:
    """Return a layer's weight by rows of outputs; those of GPT-2 are written the other way round."""
    weight: torch.Tensor = linear.weight
    return weight.T if isinstance(linear, Conv1D) else weight
