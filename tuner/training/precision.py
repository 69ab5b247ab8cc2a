"""The device of this process and the precision that it trains with."""

from __future__ import annotations

import torch


def device_kind() -> str:
    """Return `cuda` or `cpu`: the kind of device that this process trains on."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name() -> str:
    """Return the name that torch gives the device that this process trains on, such as `NVIDIA H200`, or `cpu`."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def mixed_precision(wanted: str) -> str:
    """Return accelerate's name (no, bf16 or fp16) for a study's `precision`; `auto` is bf16 on GPUs that have it."""
    if wanted == "auto":
        # GPUs before Ampere emulate bf16, which is slower than fp32.
        has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if has_bf16 else "no"
    return "no" if wanted == "fp32" else wanted


def forbid_tf32() -> None:
    """Have a GPU compute fp32 convolutions in fp32: by default torch lets cuDNN round their inputs to TF32."""
    torch.backends.cudnn.allow_tf32 = False
