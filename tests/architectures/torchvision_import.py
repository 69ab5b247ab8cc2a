"""Lets torchvision be imported beside a torch for processors alone."""

from __future__ import annotations

import importlib
import importlib.util

import torch

#: Operators that importing torchvision looks up, whether it could load them or not.
_OPERATORS = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
#: The library lives for as long as its operators do.
_LIBRARIES: list[torch.library.Library] = []


def make_importable() -> None:
    """Declare the operators that torchvision lacks.

    PyPI's torchvision for x86-64 Linux is built for CUDA. Beside a torch for processors its operators do not load, and
    importing it fails. Image models of timm use none of them.
    """
    if _LIBRARIES or torch.version.cuda is not None or importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in _OPERATORS:
            library.define(f"{name}{_SIGNATURE}")
        _LIBRARIES.append(library)
