from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tuner.config import parse_config
from tuner.errors import ConfigError
from tuner.setup import resolve


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": 768}))
    (folder / "model.safetensors").write_bytes(b"")
    (tmp_path / "data.csv").write_text("text,label\n")
    return folder


def space(model: Path, written: dict[str, Any], **more: Any) -> Any:
    document = {"name": "s", "model": str(model), "data": {"source": "data.csv"}, "search_space": written, **more}
    config = parse_config(document, source="s.yaml", folder=model.parent)
    return resolve(config, source="s.yaml")[2]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (
            {"lr_scheduler_type": ["linear", "constant"], "warmup_ratio": {"low": 0.0, "high": 0.2}},
            "search_space.warmup_ratio: changes nothing where lr_scheduler_type is 'constant'",
        ),
        (
            {"layerwise_lr_decay": {"low": 0.7, "high": 1.0}},
            "search_space.layerwise_lr_decay: changes nothing where frozen_layers is 1.0",
        ),
    ],
)
def test_what_would_be_drawn_without_effect_is_refused(model: Path, written: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        space(model, written)
    assert str(caught.value).startswith(f"s.yaml: {reason}")


@pytest.mark.parametrize(
    "written",
    [
        {"lr_scheduler_type": ["linear", "constant"]},
        {"lr_scheduler_type": "constant"},
        {"layerwise_lr_decay": {"low": 0.7, "high": 1.0, "when": {"frozen_layers": [0, 0.5]}}},
        {"layerwise_lr_decay": {"low": 0.7, "high": 1.0}, "frozen_layers": [0, 0.5]},
        {"layerwise_lr_decay": 0.9},
    ],
)
def test_what_is_drawn_only_where_it_has_an_effect_is_taken(model: Path, written: dict[str, Any]) -> None:
    assert set(written) <= set(space(model, written).parameters)


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"polynomial": {"powr": 2}}, "'polynomial' takes no 'powr'; did you mean 'power'?; it takes lr_end, power"),
        ({"linear": {"power": 2}}, "'linear' takes no 'power'; it takes none"),
    ],
)
def test_an_argument_that_a_schedule_does_not_take_is_refused(
    model: Path, kwargs: dict[str, dict[str, float]], reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        space(model, {"lr_scheduler_type": ["linear", "polynomial"]}, lr_scheduler_kwargs=kwargs)
    assert caught.value.reason == reason
