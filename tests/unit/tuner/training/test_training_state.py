"""What is read back is what was written, and what is not ours is refused."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from storage import CheckpointStore
from tuner.errors import ModelError
from tuner.training.loop import train
from tuner.training.training_state import (
    STATE,
    TRAINED,
    LiveTraining,
    Progress,
    TrainingState,
    random_state,
    set_random_state,
)
from tuner.trial.anatomy import Anatomy
from tuner.trial.looks import LOOKS
from tuner.trial.runner import run_trial

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

TRIAL = {"seed": 1, "rows": 32}
#: No name of the model below is a layer's: all of it is head.
ANATOMY = Anatomy(layers=(("encoder.layer.0",),))


class Parts:
    """A training of a tiny model, built anew."""

    def __init__(self, rate: float = 0.1) -> None:
        self.model = nn.Linear(3, 2)
        self.optimizer = torch.optim.AdamW([{"params": [*self.model.parameters()], "name": "head"}], lr=rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: 1 / (1 + step))
        self.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.scaler.scale(self.model(torch.ones(3)).sum()).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()

    def checkpoint(self, **changed: Any) -> TrainingState:
        values: dict[str, Any] = {
            "weights": {name: value.clone() for name, value in self.model.state_dict().items()},
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "progress": Progress(
                optimiser_steps=5, losses=0.1 + 0.2, loss_terms=7, best=0.3, since_best=2, learning_rate=1e-5
            ),
            "trial": TRIAL,
            "device": "cpu",
            "threads": 1,
            "micro_batch": 8,
            "random": random_state(),
            **changed,
        }
        return TrainingState(**values)

    def restore(self, saved: TrainingState, **changed: Any) -> Progress:
        arguments: dict[str, Any] = {
            "trial": TRIAL,
            "model": self.model,
            "anatomy": ANATOMY,
            "frozen_layers": 0,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
            **changed,
        }
        return saved.restore(LiveTraining(**arguments))


def draws() -> list[Any]:
    return [torch.rand(3).tolist(), random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn()]


# ---- there and back


def test_a_training_goes_on_as_the_one_that_was_saved(tmp_path: Path) -> None:
    one, other = Parts(), Parts(rate=0.5)
    for _ in range(5):
        one.step()
    one.checkpoint().write(tmp_path)
    progress = other.restore(TrainingState.read(tmp_path))
    assert progress == one.checkpoint().progress
    for _ in range(4):
        for parts in (one, other):
            parts.step()
        assert torch.equal(one.model.weight, other.model.weight)
        assert torch.equal(one.model.bias, other.model.bias)
        assert one.schedule.get_last_lr() == other.schedule.get_last_lr()
        assert one.scaler.state_dict() == other.scaler.state_dict()
    assert one.scaler.get_scale() == 1024.0 * 2**3, "it grew before the save and after it"


@pytest.mark.parametrize("there", [True, False])
def test_a_scaler_that_only_one_of_two_devices_needs_is_left_as_it_is(there: bool, tmp_path: Path) -> None:
    one, other = Parts(), Parts()
    one.step()
    one.checkpoint(**({} if there else {"scaler": None})).write(tmp_path)
    before = other.scaler.state_dict()
    other.restore(TrainingState.read(tmp_path), **({"scaler": None} if there else {}))
    assert other.scaler.state_dict() == before


def test_every_generator_of_random_numbers_goes_on(tmp_path: Path) -> None:
    for module, seed in ((torch.manual_seed, 1), (random.seed, 2), (np.random.seed, 3)):
        module(seed)
    draws()  # an odd number of normal draws leaves one over, which is part of the state
    Parts().checkpoint().write(tmp_path)
    expected = draws()
    assert draws() != expected
    Parts().restore(TrainingState.read(tmp_path))
    assert draws() == expected


def test_a_state_of_more_gpus_than_there_are_is_no_obstacle() -> None:
    state = random_state()
    expected = draws()
    set_random_state({**state, "cuda": [torch.zeros(16, dtype=torch.uint8)] * (torch.cuda.device_count() + 1)})
    if not torch.cuda.is_available():
        assert draws() == expected


#: A checkpoint that version 0.1 wrote of `Parts` after two optimiser steps.
OF_VERSION_0_1 = Path(__file__).with_name("checkpoint-0.1")


def test_a_checkpoint_of_version_0_1_is_read_and_goes_on() -> None:
    parts = Parts(rate=0.5)
    progress = parts.restore(TrainingState.read(OF_VERSION_0_1), scaler=None)
    assert progress == Progress(
        optimiser_steps=2,
        evaluation_due=True,
        losses=1.25,
        loss_terms=7,
        learning_rate=0.05,
        best=0.75,
        since_best=1,
        evaluation_batch=16,
    )
    # The numbers that version 0.1 printed as it went on.
    assert parts.model.bias.tolist() == [0.34930023550987244, -0.6492002606391907]
    parts.optimizer.zero_grad()
    parts.model(torch.ones(3)).sum().backward()
    parts.optimizer.step()
    parts.schedule.step()
    assert parts.model.bias.tolist() == pytest.approx([0.31585046648979187, -0.6823172569274902])
    assert parts.schedule.get_last_lr() == [0.025]


def test_a_checkpoint_keeps_the_names_of_version_0_1(tmp_path: Path) -> None:
    Parts().checkpoint().write(tmp_path)
    ours, theirs = (torch.load(folder / STATE, weights_only=True) for folder in (tmp_path, OF_VERSION_0_1))
    assert ours.keys() == theirs.keys()
    assert ours["progress"].keys() == theirs["progress"].keys()


# ---- what is refused


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    Parts().checkpoint().write(tmp_path)
    for name in (STATE, TRAINED):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        with pytest.raises(ModelError, match=rf"{name}: training cannot go on from it: .*No such file"):
            TrainingState.read(tmp_path)
        (tmp_path / name).write_bytes(content)
    TrainingState.read(tmp_path)


@pytest.mark.parametrize("name", [STATE, TRAINED])
@pytest.mark.parametrize("content", [b"", b"no file of ours", None])
def test_a_file_that_is_none_of_ours_is_refused(name: str, content: bytes | None, tmp_path: Path) -> None:
    Parts().checkpoint().write(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    with pytest.raises(ModelError, match=rf"{name}: training cannot go on from it") as caught:
        TrainingState.read(tmp_path)
    assert "\n" not in str(caught.value)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("save", [lambda value, path: path.write_bytes(pickle.dumps(value)), torch.save])
def test_nothing_in_a_checkpoint_runs(save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    Parts().checkpoint().write(tmp_path)
    save(Evil(tmp_path / "evil"), tmp_path / STATE)
    with pytest.raises(ModelError, match=rf"{STATE}: training cannot go on from it"):
        TrainingState.read(tmp_path)
    assert not (tmp_path / "evil").exists()


def test_nothing_in_a_checkpoint_runs_though_its_manifest_and_digest_match(tmp_path: Path) -> None:
    store = CheckpointStore(str(tmp_path / "store"), "one", scratch=tmp_path)
    staged = store.stage(0, 1)
    Parts().checkpoint().write(staged)
    (staged / STATE).write_bytes(pickle.dumps(Evil(tmp_path / "evil")))
    published = store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=5, facts={})
    folder, _ = store.fetch(published.key, published.sha256)
    with pytest.raises(ModelError, match=rf"{STATE}: training cannot go on from it"):
        TrainingState.read(folder)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: [], "it is not of format 1"),
        (lambda state: {**state, "format": 2}, "it is not of format 1"),
        (lambda state: {key: value for key, value in state.items() if key != "format"}, "it is not of format 1"),
        (lambda state: {key: value for key, value in state.items() if key != "random"}, "random"),
        (lambda state: {key: value for key, value in state.items() if key != "progress"}, "progress"),
        (lambda state: {key: value for key, value in state.items() if key != "optimizer"}, "optimizer"),
        (lambda state: {**state, "progress": {"steps": 3}}, "steps"),
        (lambda state: {**state, "more": 1}, "more"),
    ],
)
def test_a_state_with_other_contents_is_refused(
    change: Callable[[dict[str, Any]], Any], reason: str, tmp_path: Path
) -> None:
    Parts().checkpoint().write(tmp_path)
    torch.save(change(torch.load(tmp_path / STATE, weights_only=True)), tmp_path / STATE)
    with pytest.raises(ModelError, match=reason):
        TrainingState.read(tmp_path)


def test_a_checkpoint_of_another_trial_is_refused() -> None:
    with pytest.raises(ModelError, match=r"of another trial: \{'seed': 1, 'rows': 32\} there, \{'seed': 2\} here"):
        Parts().restore(Parts().checkpoint(), trial={"seed": 2})


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ({"weight": torch.zeros(2, 3)}, "bias was not trained by the version that wrote it"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(3)}, "its weights are of another model: bias differs"),
        (
            {"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "more": torch.zeros(1)},
            "its weights are of another model: more differs",
        ),
    ],
    ids=["too few", "of another shape", "too many"],
)
def test_weights_of_another_model_are_refused_before_anything_is_changed(
    weights: dict[str, torch.Tensor], reason: str
) -> None:
    parts = Parts()
    before = parts.model.weight.clone()
    with pytest.raises(ModelError, match=reason):
        parts.restore(Parts().checkpoint(weights=weights))
    assert torch.equal(parts.model.weight, before)


def test_an_optimiser_of_other_groups_is_refused() -> None:
    other = Parts()
    other.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "name": "more"})
    with pytest.raises(ModelError, match="trained 1 parameters in the group more, and this version trains 0"):
        Parts().restore(Parts().checkpoint(optimizer=other.optimizer.state_dict()))


@pytest.mark.parametrize("wrong", ["nothing there", "another seed", "another model"])
def test_a_trial_that_cannot_go_on_fails_with_a_label(
    wrong: str, make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run("bert", 2, looks=LOOKS[1])
    saved = attempt(run, tmp_path, at=[2], leave=True).step(2)
    if wrong == "nothing there":
        saved = tmp_path / "nowhere"
    if wrong == "another seed":
        run = replace(run, seed=run.seed + 1)
    if wrong == "another model":
        weights = load_file(saved / TRAINED)
        save_file({name.replace("bert", "other"): value for name, value in weights.items()}, saved / TRAINED)
    result = run_trial(replace(run, restored=saved), train, lambda _: True)
    assert result.state == "failed"
    assert result.reason is not None
    assert result.reason.startswith("ModelError: ")
    assert "training cannot go on from it" in result.reason


# ---- what cannot be written


#: Writes where no file may be longer than 10 kB, as on a full disk, and prints what is raised.
ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import torch
from tuner.training.training_state import LiveTraining, TrainingState, Progress
from tuner.training.model.weights import save_weights

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
large, small = {"weight": torch.zeros(10_000)}, {"weight": torch.zeros(1)}
rest = dict(schedule={}, scaler=None, progress=Progress(), trial={}, device="cpu", threads=1, micro_batch=1, random={})
folder = Path(sys.argv[1])
for write in (
    lambda: TrainingState(weights=large, optimizer={}, **rest).write(folder),
    lambda: TrainingState(weights=small, optimizer=large, **rest).write(folder),
    lambda: save_weights(large, folder),
):
    try:
        write()
    except OSError as error:
        print(error)
"""


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    first, second, third = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path / TRAINED} cannot be written: ")
    assert second.startswith(f"{tmp_path / STATE} cannot be written: ")
    assert third.startswith(f"{tmp_path / 'model.safetensors'} cannot be written: ")
