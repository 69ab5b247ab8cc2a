"""Tiny checkpoints of six architectures, tiny data, and eyes on what training really does."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers and datasets are imported

import datasets
import pytest
import torch
import transformers
from tiny_models import BAD, GOOD, PLAIN, FolderSaver, wordpiece
from torch.nn import functional
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode

from search_spaces import NAMES, Hyperparameters
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest, Prepared
from tuner.training.loop import train
from tuner.training.preparation import prepare
from tuner.trial.evaluation import Evaluation
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, TrialRun
from tuner.trial.saver import TrialStopped

if TYPE_CHECKING:
    from torch import nn

TEXTS = ("bert", "roberta", "distilbert", "electra", "deberta-v2")
ARCHITECTURES = (*TEXTS, "vit")
SIZES: dict[str, int | float | str] = {"train": 32, "validation": 16, "test": 8}
DEFAULTS: dict[str, Any] = {
    "learning_rate": 1e-3,
    "batch_size": 8,
    "num_train_epochs": 1.0,
    "dropout": 0.0,
    "weight_decay": 0.01,
    "lr_scheduler_type": "linear",
    "frozen_layers": 0.0,
}

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
datasets.disable_progress_bars()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of every preparation of the session."""
    return tmp_path_factory.mktemp("cache")


# ---- checkpoints

#: The architectures that classify pictures.
PICTURES = ("vit", "resnet")


def _byte_pairs() -> transformers.PreTrainedTokenizerFast:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        [" ".join((*GOOD, *BAD, *PLAIN))] * 8,
        trainers.BpeTrainer(
            vocab_size=320, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False
        ),
    )
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=32,
        model_input_names=["input_ids", "attention_mask"],
    )


def _tiny(name: str, layers: int) -> transformers.PreTrainedModel:
    common: dict[str, Any] = {
        "vocab_size": 64,
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 40,
        "pad_token_id": 0,
        # Wider than usual: gradients that are clipped, and something learnt in a few steps.
        "initializer_range": 0.2,
    }
    if name == "bert":
        return transformers.BertModel(transformers.BertConfig(**common))
    if name == "roberta":
        return transformers.RobertaModel(
            transformers.RobertaConfig(**{**common, "vocab_size": 320, "pad_token_id": 1, "type_vocab_size": 1})
        )
    if name == "distilbert":
        return transformers.DistilBertModel(
            transformers.DistilBertConfig(
                vocab_size=64,
                dim=32,
                n_layers=layers,
                n_heads=4,
                hidden_dim=48,
                max_position_embeddings=40,
                pad_token_id=0,
                initializer_range=0.2,
            )
        )
    if name == "electra":
        # As published: embeddings narrower than the layers, so that a projection lies between them.
        return transformers.ElectraModel(transformers.ElectraConfig(**common, embedding_size=16))
    if name == "deberta-v2":
        return transformers.DebertaV2Model(
            transformers.DebertaV2Config(
                **common,
                relative_attention=True,
                pos_att_type=["p2c", "c2p"],
                position_buckets=8,
                norm_rel_ebd="layer_norm",
                share_att_key=True,
                position_biased_input=False,
                type_vocab_size=0,
                conv_kernel_size=3,
            )
        )
    if name == "resnet":  # its layers change the size of their states, so that they cannot be run apart
        return transformers.ResNetModel(
            transformers.ResNetConfig(
                embedding_size=8, hidden_sizes=[8, 16], depths=[1] * 2, layer_type="basic", image_size=16
            )
        )
    assert name == "vit"
    return transformers.ViTModel(
        transformers.ViTConfig(
            hidden_size=32,
            num_hidden_layers=layers,
            num_attention_heads=4,
            intermediate_size=48,
            image_size=16,
            patch_size=4,
        ),
        add_pooling_layer=False,
    )


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ModelSource]:
    """Returns the folder of a tiny pretrained model of an architecture."""
    made: dict[tuple[str, int], ModelSource] = {}

    def build(name: str, layers: int = 4) -> ModelSource:
        if (name, layers) not in made:
            folder = tmp_path_factory.mktemp(f"{name}-{layers}")
            torch.manual_seed(11)
            _tiny(name, layers).save_pretrained(folder)
            if name in PICTURES:
                transformers.ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(folder)
            elif name == "roberta":
                _byte_pairs().save_pretrained(folder)
            elif name == "distilbert":
                wordpiece(model_input_names=["input_ids", "attention_mask"]).save_pretrained(folder)
            else:
                wordpiece(model_input_names=["input_ids", "token_type_ids", "attention_mask"]).save_pretrained(folder)
            made[name, layers] = ModelSource(location=str(folder))
        return made[name, layers]

    return build


# ---- data


def sentences(count: int, seed: int = 0) -> list[tuple[str, int]]:
    """Return texts of several lengths, a third of whose words tell their class."""
    generator = torch.Generator().manual_seed(seed)

    def pick(words: tuple[str, ...]) -> str:
        return words[int(torch.randint(len(words), (1,), generator=generator))]

    rows = []
    for number in range(count):
        label = number % 2
        thirds = 1 + int(torch.randint(3, (1,), generator=generator))
        words = [word for _ in range(thirds) for word in (pick(PLAIN), pick(GOOD if label else BAD), pick(PLAIN))]
        rows.append((" ".join(words), label))
    return rows


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A csv of 64 sentences in two classes."""
    path = tmp_path_factory.mktemp("reviews") / "reviews.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *sentences(64)])
    return path


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of PNG images of written zeros and ones, a folder for each class."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(n_class=2, return_X_y=True)
    for number, (image, label) in enumerate(zip(images[:64], labels[:64], strict=True)):
        home = folder / "train" / ("zero", "one")[label]
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image.reshape(8, 8) * 15).astype(np.uint8)).save(home / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def preparation(
    checkpoint: Callable[..., ModelSource], reviews: Path, digits: Path, cache: Path
) -> Callable[..., Prepared]:
    """Returns the arguments of `prepare` for an architecture, changed as asked, already carried out."""

    def build(name: str, layers: int = 4, **changed: Any) -> Prepared:
        source = digits if name in PICTURES else reviews
        arguments: dict[str, Any] = {
            "task": "image-classification" if name in PICTURES else "text-classification",
            "model": checkpoint(name, layers),
            "data": DataConfig(source=str(source), splits=SIZES),
            "source": str(source),
            "max_length": 16,
            "seed": 0,
            "metric": "accuracy",
            "cache": cache,
        }
        return prepare(PreparationRequest(**{**arguments, **changed}))

    return build


@pytest.fixture(scope="session")
def make_run(checkpoint: Callable[..., ModelSource], preparation: Callable[..., Prepared]) -> Callable[..., TrialRun]:
    """Returns a trial of a tiny model; hyperparameters and fields of the run by name."""
    prepared: dict[tuple[str, int], Prepared] = {}

    def build(name: str = "bert", layers: int = 4, **values: Any) -> TrialRun:
        if (name, layers) not in prepared:
            prepared[name, layers] = preparation(name, layers)
        hyperparameters = {key: values.pop(key, value) for key, value in DEFAULTS.items()}
        for key in NAMES:
            if key in values:
                hyperparameters[key] = values.pop(key)
        fields = {
            "metric": "accuracy",
            "direction": "maximize",
            "seed": 3,
            "looks": LOOKS[1],
            "threads": 1,
            "micro_batch": 64,
            **values,
        }
        return TrialRun(
            number=0,
            hyperparameters=Hyperparameters(**hyperparameters),
            task="image-classification" if name in PICTURES else "text-classification",
            model=checkpoint(name, layers),
            data=prepared[name, layers].folder,
            anatomy=prepared[name, layers].anatomy,
            **fields,
        )

    return build


# ---- saving


@dataclass
class Attempt:
    """What came of one attempt at a trial."""

    evaluations: list[Evaluation]
    effective: Mapping[str, Any]
    saver: FolderSaver
    #: Every weight of the model, as the attempt left it.
    weights: dict[str, torch.Tensor]
    left: bool

    def step(self, step: int) -> Path:
        """Return where a step is saved."""
        return self.saver.step(step)

    def best(self) -> bytes:
        """Return the file of the best weights."""
        return (self.saver.best / "model.safetensors").read_bytes()


@pytest.fixture(scope="session")
def folder_saver() -> type[FolderSaver]:
    """The saver that writes into a folder."""
    return FolderSaver


@pytest.fixture(scope="session")
def attempt() -> Callable[..., Attempt]:
    """Returns what comes of an attempt at a trial that saves into a folder, as a `FolderSaver` is told."""

    def carry_out(run: TrialRun, folder: Path, **told: Any) -> Attempt:
        saver = FolderSaver(folder, **told)
        recorded: list[Mapping[str, Any]] = []
        models: dict[int, nn.Module] = {}

        def see(module: nn.Module, _: Any) -> None:
            if isinstance(module, transformers.PreTrainedModel) and hasattr(module, "classifier"):
                models[0] = module

        hook = register_module_forward_pre_hook(see)
        evaluations: list[Evaluation] = []
        left = False
        try:
            evaluations.extend(train(replace(run, saver=saver, record=recorded.append)))
            saver.write_best()
        except TrialStopped as stopped:
            left = stopped.state == "left"
        finally:
            hook.remove()
        weights = {name: value.clone() for name, value in models[0].state_dict().items()} if models else {}
        return Attempt(evaluations, recorded[0], saver, weights, left)

    return carry_out


# ---- eyes


@dataclass
class Step:
    """What was so when the optimiser was about to step."""

    #: Names of the parameters in each group, by the group's name.
    groups: dict[str, list[str]]
    rates: dict[str, float]
    decays: dict[str, float]
    #: The norm of all gradients, as the optimiser is given them.
    gradient_norm: float
    #: Names of the parameters that have a gradient.
    with_gradient: set[str]
    #: Every weight of the model, as the step finds it.
    weights: dict[str, torch.Tensor]
    #: By the names of the model's parameters and modules, in the forward pass of this step.
    requires_grad: dict[str, bool] = field(default_factory=dict)
    in_training_mode: dict[str, bool] = field(default_factory=dict)
    #: Probability of every call that really dropped something.
    dropped: list[float] = field(default_factory=list)


class _DropoutCalls(TorchFunctionMode):
    """Hears every dropout that a forward pass computes, as a module or inside of an attention."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[float] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.dropout:
            given = dict(zip(("input", "p", "training"), args, strict=False)) | kwargs
            if given.get("training", True):
                self.heard.append(float(given.get("p", 0.5)))
        # An attention hands 0 over where it is not in training mode.
        if func is functional.scaled_dot_product_attention and kwargs.get("dropout_p", 0.0):
            self.heard.append(float(kwargs["dropout_p"]))
        return func(*args, **kwargs)


class Watch:
    """What really happened in a training, step by step: seen through torch's own hooks, not through our objects."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.model: nn.Module | None = None
        self._calls = _DropoutCalls()
        self._forward: dict[str, dict[str, bool]] = {}

    @contextmanager
    def open(self) -> Iterator[Watch]:
        """Watch for as long as the context lasts."""
        hooks = [
            register_module_forward_pre_hook(self._see_forward),
            register_optimizer_step_pre_hook(self._see_step),
        ]
        try:
            with self._calls:
                yield self
        finally:
            for hook in hooks:
                hook.remove()

    def _see_forward(self, module: nn.Module, _: Any) -> None:
        whole = isinstance(module, transformers.PreTrainedModel) and hasattr(module, "classifier")
        if whole and torch.is_grad_enabled():
            self.model = module
            self._forward = {
                "requires_grad": {name: p.requires_grad for name, p in module.named_parameters()},
                "in_training_mode": {name: m.training for name, m in module.named_modules()},
            }

    def _see_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        assert self.model is not None
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in parameters if p.grad is not None]
        self.steps.append(
            Step(
                groups={g["name"]: [names[id(p)] for p in g["params"]] for g in optimizer.param_groups},
                rates={g["name"]: g["lr"] for g in optimizer.param_groups},
                decays={g["name"]: g["weight_decay"] for g in optimizer.param_groups},
                gradient_norm=float(torch.linalg.vector_norm(torch.cat([g.flatten() for g in gradients]))),
                weights={name: p.detach().clone() for name, p in self.model.named_parameters()},
                with_gradient={names[id(p)] for p in parameters if p.grad is not None},
                dropped=list(self._calls.heard),
                **self._forward,
            )
        )
        self._calls.heard.clear()


@dataclass
class Watched:
    """A training that was watched."""

    evaluations: list[Evaluation]
    effective: Mapping[str, Any]
    steps: list[Step]
    #: The model as it was after the last step.
    model: nn.Module


@pytest.fixture(scope="session")
def watch() -> Callable[[TrialRun], Watched]:
    """Returns what really happens when a trial is trained."""

    def carry_out(run: TrialRun) -> Watched:
        recorded: list[Mapping[str, Any]] = []
        with Watch().open() as watching:
            evaluations = list(train(replace(run, record=recorded.append)))
        assert watching.model is not None
        assert len(recorded) == 1, "the effective configuration is recorded once"
        return Watched(evaluations=evaluations, effective=recorded[0], steps=watching.steps, model=watching.model)

    return carry_out
