"""Dropout: the places of a model that hold a dropout probability, and how all of them are set.

A place is a module of torch's dropout family, an attribute of a module that passes it to a function, or an entry of a
configuration. Places are found by rule, since architectures have some forty names for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from huggingface_hub.errors import StrictDataclassError
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Names with "drop" in them that are no dropout: layers, paths and tokens are dropped whole.
_DROPS_LAYERS = re.compile(r"layer_?drop")
_DROPS_OTHERS = re.compile(r"drop_?path|path_?drop|drop_?connect|drop_?block|token_?drop")
#: Classes whose only probability is that of dropping a path, by any name.
_PATH_CLASSES = re.compile(r"DropPath|DropBlock|StochasticDepth|LevitResidualLayer")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place where a dropout probability is kept."""

    #: Name of the module, followed by a colon and the path of the attribute unless the module is itself a dropout:
    #: `classifier.dropout`, `model.layers.0.self_attn:attention_dropout`, `:config.hidden_dropout`.
    name: str
    #: The module or configuration that has the attribute.
    owner: Any
    attribute: str

    @property
    def value(self) -> Any:
        """The probability, a list or tuple of one probability for each stage of the model, or None."""
        return getattr(self.owner, self.attribute)

    def put(self, value: Any) -> None:
        """Replace the value."""
        try:
            setattr(self.owner, self.attribute, value)
        except StrictDataclassError:
            # MPT's configuration declares its dropout as an integer. The model's modules are set nonetheless, and the
            # configuration stays one that can be stored and read again.
            return

    def set(self, probability: float) -> None:
        """Set the probability; a list or tuple keeps its kind and length."""
        old = self.value
        self.put(type(old)(probability for _ in old) if isinstance(old, list | tuple) else probability)


def config_dropouts(config: Any) -> list[str]:
    """Return the names of a configuration's dropout probabilities, those of its parts as in `text_config.dropout`."""
    return sorted(path for path, _, _ in _config_places(config, _names_dropout))


def set_config_dropouts(config: Any, probability: float) -> None:
    """Set every dropout probability of a configuration and of its parts."""
    for path, owner, attribute in _config_places(config, _names_dropout):
        Place(name=path, owner=owner, attribute=attribute).set(probability)


def set_dropouts(model: nn.Module, probability: float) -> None:
    """Set every dropout probability of a built model, in its modules and in their configurations."""
    for place in places(model):
        place.set(probability)


def module_dropouts(
    model: nn.Module, names: Iterable[str], *, skip: Callable[[str], bool] = lambda _: False
) -> Mapping[str, float]:
    """Return the dropout probabilities of a built model, by place.

    Args:
        model: The model.
        names: Names of the places to read, such as those that were seen to draw. A place that the model was built
            without is left out: some architectures build no dropout where the probability is 0.
        skip: Takes a module's name; returns whether to leave its places out, because the module is frozen for example.
    """
    found: dict[str, float] = {}
    for name in names:
        module, _, path = name.partition(":")
        if skip(module):
            continue
        try:
            found[name] = float(attrgetter(path or "p")(model.get_submodule(module)))
        except AttributeError:
            continue
    return found


def places(model: nn.Module) -> list[Place]:
    """Return the places of a model that hold a dropout probability."""
    modules = [
        Place(name=name, owner=module, attribute="p")
        for name, module in model.named_modules()
        if isinstance(module, _DropoutNd)
    ]
    return modules + _attribute_places(model, _names_dropout)


def layerdrop_places(model: nn.Module) -> list[Place]:
    """Return the places of a model that hold the probability that a layer is left out in training."""
    return _attribute_places(model, lambda name: bool(_DROPS_LAYERS.search(name)))


def _names_dropout(name: str) -> bool:
    return "drop" in name and not (_DROPS_LAYERS.search(name) or _DROPS_OTHERS.search(name))


def _attribute_places(model: nn.Module, named: Callable[[str], bool]) -> list[Place]:
    found: list[Place] = []
    seen: set[int] = set()
    for name, module in model.named_modules():
        config = getattr(module, "config", None)
        for path, owner, attribute in () if config is None else _config_places(config, named, seen):
            found.append(Place(name=f"{name}:config.{path}", owner=owner, attribute=attribute))
        if not _PATH_CLASSES.search(type(module).__name__):
            attributes = [each for each, value in vars(module).items() if named(each) and _is_probability(value)]
            found += [Place(name=f"{name}:{each}", owner=module, attribute=each) for each in attributes]
    return found


def _config_places(
    config: Any, named: Callable[[str], bool], seen: set[int] | None = None
) -> Iterator[tuple[str, Any, str]]:
    """Yield path, owner and attribute of each probability of a configuration and of its parts.

    Args:
        config: The configuration.
        named: Takes the name of an attribute; returns whether it is looked for.
        seen: Identities of the configurations that were yielded before. Modules share them.
    """
    seen = set() if seen is None else seen
    if id(config) in seen:
        return
    seen.add(id(config))
    for attribute, value in vars(config).items():
        if hasattr(value, "model_type"):
            for path, owner, inner in _config_places(value, named, seen):
                yield f"{attribute}.{path}", owner, inner
        # A configuration may leave a probability open, to take that of another entry.
        elif named(attribute) and (value is None or _is_probability(value) or _are_probabilities(value)):
            yield attribute, config, attribute


def _is_probability(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value <= 1


def _are_probabilities(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_probability, value))
