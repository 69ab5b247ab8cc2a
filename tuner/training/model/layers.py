"""The layers of a model's encoder, found by name and type."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from tuner.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class LayerMap:
    """The layers of a model's encoder, by the names of its modules.

    Depth counts from the input: modules below the first layer (embeddings) have depth 0, the layers 1 to n. Modules
    above the last layer (a pooler, a last norm, the classifier) are the head and have no depth.
    """

    #: Name of each layer's module, from the input up.
    layers: tuple[str, ...]
    #: Name of the model's encoder, such as `bert`.
    encoder: str
    #: Names of the encoder's own modules above the layers.
    above: tuple[str, ...]

    def depth(self, name: str) -> int | None:
        """Return the depth of a parameter or module; None for the head and for modules that contain the layers."""
        for number, layer in enumerate(self.layers, start=1):
            if name == layer or name.startswith(f"{layer}."):
                return number
        contains_layers = self.layers[0].startswith(f"{name}.") or name == ""
        inside = name.startswith(f"{self.encoder}.")
        in_head = any(name == module or name.startswith(f"{module}.") for module in self.above)
        return None if contains_layers or not inside or in_head else 0


def map_layers(model: nn.Module) -> LayerMap:
    """Find the layers of a transformers model.

    Raises:
        ModelError: The model has no list of as many equal layers as its configuration says.
    """
    encoder = str(getattr(model, "base_model_prefix", ""))
    base = getattr(model, encoder, None)
    if base is None:
        raise ModelError("", "model", f"{type(model).__name__} has no encoder named {encoder!r}")
    count = getattr(model.config, "num_hidden_layers", None)
    for name, module in base.named_modules():
        equal = isinstance(module, nn.ModuleList) and len({type(layer) for layer in module}) == 1
        if equal and len(module) == count:
            children = [child for child, _ in base.named_children()]
            position = children.index(name.split(".")[0])
            return LayerMap(
                layers=tuple(f"{encoder}.{name}.{index}" for index in range(len(module))),
                encoder=encoder,
                above=tuple(f"{encoder}.{child}" for child in children[position + 1 :]),
            )
    raise ModelError(
        "",
        "model",
        f"{type(model).__name__} has no list of {count} equal layers, so its layers cannot be frozen",
    )
