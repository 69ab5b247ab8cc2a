"""The role of each parameter: which ones weight decay pulls towards zero."""

from __future__ import annotations

import re

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

#: A parameter's name in its own module, where it is a bias. Tables of position biases have other names and decay.
_BIAS = re.compile(r"(^|_)bias$")
_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, _NormBase)
_NORM_CLASS = re.compile(r"Norm|GRN")
_NORM_NAME = re.compile(r"(^|_)(layer|batch|group|rms)?norm\d*$")


def decaying(model: nn.Module) -> frozenset[str]:
    """Return the names of the parameters that weight decay applies to.

    It applies to all but vectors, scalars, biases and the parameters of norms. The role is told by the module that has
    the parameter, since biases and norms may have any shape: ConvNeXt V2 has norms of four dimensions, and experts
    keep their biases in a matrix.
    """
    found = set()
    for name, parameter in model.named_parameters():
        path, _, own = name.rpartition(".")
        if parameter.ndim > 1 and not _BIAS.search(own) and not _is_norm(path, model.get_submodule(path)):
            found.add(name)
    return frozenset(found)


def _is_norm(path: str, module: nn.Module) -> bool:
    if isinstance(module, _NORMS):
        return True
    # A module with parts may be named for one of them: RobertaPreLayerNormLayer is no norm.
    if any(True for _ in module.children()):
        return False
    return bool(_NORM_CLASS.search(type(module).__name__) or _NORM_NAME.search(path.rpartition(".")[2].lower()))
