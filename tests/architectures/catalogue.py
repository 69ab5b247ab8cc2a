"""Every architecture of transformers' two mappings for classification."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A configuration class of one of the two mappings."""

    #: `text` or `image`.
    kind: str
    #: The name that a config.json has it by.
    model_type: str

    @property
    def name(self) -> str:
        """The name in tables and tests. Perceiver classifies both texts and images."""
        return f"{self.kind}/{self.model_type}"

    @property
    def task(self) -> str:
        """The study's task."""
        return f"{self.kind}-classification"

    @property
    def auto_model(self) -> Any:
        """The Auto class of its model."""
        import transformers

        if self.kind == "text":
            return transformers.AutoModelForSequenceClassification
        return transformers.AutoModelForImageClassification

    @property
    def config_class(self) -> Any:
        """The class of its configuration."""
        from transformers import CONFIG_MAPPING

        return CONFIG_MAPPING[self.model_type]


@cache
def catalogue() -> tuple[Architecture, ...]:
    """Return all architectures that this release of transformers has, texts first."""
    from transformers.models.auto import modeling_auto

    found = {}
    for kind, mapping in (
        ("text", modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING),
        ("image", modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING),
    ):
        for config_class in mapping:
            # A class that two names of the mapping lead to is there twice.
            found[kind, config_class.model_type] = Architecture(kind=kind, model_type=config_class.model_type)
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0] != "text", key[1])))
