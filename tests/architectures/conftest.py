"""Folders that tests of architectures share, and small data."""

from __future__ import annotations

import gc
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers and datasets are imported

import datasets
import pytest
import torch
import transformers

from architectures.product import write_pictures, write_texts
from architectures.sweep import Workplace

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
datasets.disable_progress_bars()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def _imports_are_not_collected() -> None:
    # The models' modules come after those that tests/conftest.py freezes.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """The folders of the sweep, with data in them."""
    folder = tmp_path_factory.mktemp("architectures")
    return Workplace(
        texts=write_texts(folder / "texts.csv"),
        pictures=write_pictures(folder / "pictures"),
        cache=folder / "cache",
        folder=folder / "models",
    )
