"""Which device these tests train on, how large their models are there, and what they look at from outside. No torch."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters
from tuner.errors import DeviceError
from tuner.machine.devices import CPU, Device, visible_gpus
from tuner.machine.nvml import DriverNvml
from tuner.processes.trainers import ForkServer
from tuner.trial.anatomy import Anatomy
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, TrialRun

#: `cpu` runs the bodies of these tests on the processor, with small models and without what only a GPU can do. It shows
#: that the tests themselves work; of GPUs it shows nothing.
SWITCH = "TUNER_GPU_TESTS_ON"
#: Files by which a process holds an NVIDIA GPU open: of the driver, and of its counterpart in WSL.
_DRIVER_FILES = ("/dev/nvidia", "/dev/dxg")
#: Deterministic cuBLAS needs a workspace of a fixed size, named before the process opens CUDA.
DETERMINISTIC = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def chosen_device() -> Device | str:
    """Return the device that these tests use, or the reason why they are skipped."""
    if os.environ.get(SWITCH) == "cpu":
        return CPU
    try:
        gpus = visible_gpus(os.environ, DriverNvml())
    except DeviceError as error:
        return str(error)
    if gpus:
        return gpus[0]
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "no GPU here: NVML shows none" + ("" if hidden is None else f" with CUDA_VISIBLE_DEVICES={hidden!r}")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large the models and texts of these tests are."""

    layers: int
    hidden: int
    #: Tokens of a text.
    length: int
    #: Texts in the training split and in the validation split.
    rows: int
    validation: int
    batch: int
    #: Optimiser steps before time is taken, and until it is.
    warm: int
    timed: int


#: The layers of MiniLM on a GPU: with smaller ones a step is all kernel launches, and memory is never short.
SIZES = {
    "cuda": Size(layers=6, hidden=384, length=128, rows=2048, validation=128, batch=32, warm=14, timed=64),
    "cpu": Size(layers=2, hidden=32, length=16, rows=64, validation=16, batch=8, warm=2, timed=8),
}


@dataclass(frozen=True, kw_only=True)
class Study:
    """A checkpoint and a prepared data set, both made for these tests."""

    model: Path
    #: Folder of `train.csv`, `validation.csv` and `test.csv`.
    source: Path
    #: Folder of the encoded splits.
    data: Path
    anatomy: Anatomy
    size: Size

    def run(self, **values: Any) -> TrialRun:
        """Return a trial; hyperparameters and fields of the run by name."""
        hyperparameters = {
            "learning_rate": 1e-4 if self.size.hidden > 100 else 1e-3,
            "batch_size": self.size.batch,
            "num_train_epochs": 1.0,
            "dropout": 0.0,
            "weight_decay": 0.01,
            "lr_scheduler_type": "linear",
            "frozen_layers": 0.0,
        }
        hyperparameters |= {key: values.pop(key) for key in (*hyperparameters, "warmup_ratio") if key in values}
        fields = {"metric": "loss", "direction": "minimize", "seed": 3, "looks": LOOKS[10], "threads": 1, **values}
        return TrialRun(
            number=0,
            hyperparameters=Hyperparameters(**hyperparameters),
            task="text-classification",
            model=ModelSource(location=str(self.model)),
            data=self.data,
            anatomy=self.anatomy,
            **fields,
        )


@dataclass(frozen=True, kw_only=True)
class Trainers:
    """Starts trainers on the device of these tests, as a supervisor does."""

    device: Device
    fork_server: ForkServer

    @property
    def on_gpu(self) -> bool:
        """Whether they train on a GPU."""
        return self.device.kind == "cuda"

    def call(self, function: str, /, environment: Mapping[str, str] | None = None, **arguments: Any) -> Any:
        """Call a function of `gpu_functions` in a trainer of its own; return what it sends."""
        environment = {**self.device.environment(), **(environment or {})}
        return self.fork_server.call(f"gpu_functions:{function}", arguments, environment)

    def train(self, run: TrialRun, *, deterministic: bool = False, **options: Any) -> dict[str, Any]:
        """Train a trial in a trainer of its own; see `gpu_functions.train`."""
        environment = DETERMINISTIC if deterministic else {}
        found: dict[str, Any] = self.call("train", environment, run=run, deterministic=deterministic, **options)
        return found


def opened_devices(pid: int) -> list[str]:
    """Return the device files of GPUs that a process holds open: none, as long as it has not opened CUDA."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            if (target := os.readlink(entry)).startswith(_DRIVER_FILES):
                found.add(target)
    return sorted(found)


def largest_difference(ours: Collection[float], theirs: Collection[float]) -> float:
    """Return by how much two lists of losses differ at most. Not relative to them: a loss moves as its logits do."""
    assert len(ours) == len(theirs) > 0
    return max(abs(one - other) for one, other in zip(ours, theirs, strict=True))


def table(rows: Collection[tuple[str, str]]) -> list[str]:
    """Return what was measured as a Markdown table."""
    return ["| on one GPU | measured |", "|---|---|", *(f"| {what} | {found} |" for what, found in rows)]
