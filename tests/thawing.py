"""A recipe and a search space with several depths, for tests of the search over depths."""

from __future__ import annotations

from typing import Any

from search_spaces import Categorical, Float, Int

RECIPE: dict[str, Any] = {
    "learning_rate": 5e-5,
    "batch_size": 32,
    "num_train_epochs": 5,
    "dropout": 0.1,
    "weight_decay": 0.01,
    "lr_scheduler_type": "linear",
    "frozen_layers": 0.0,
}
SPACE: dict[str, Any] = {
    "learning_rate": Float(low=5e-6, high=1.2e-4, log=True),
    "batch_size": Categorical(choices=(8, 16, 32)),
    "num_train_epochs": Int(low=1, high=3),
    "dropout": Float(low=0, high=0.3),
    "weight_decay": Categorical(choices=(0.0, 0.01)),
    "lr_scheduler_type": Categorical(choices=("linear", "cosine")),
    "frozen_layers": Categorical(choices=(0.0, 0.5, 1.0)),
    "head_init": Categorical(choices=("random", "fitted")),
}
