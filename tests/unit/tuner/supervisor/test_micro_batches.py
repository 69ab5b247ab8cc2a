"""What trainers are told of memory on a GPU, which a machine that runs tests may not have."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from storage import Checkpoints, Footprint, Lease, SlotRecord
from tuner.machine.devices import CPU, Device, Lane
from tuner.search.optuna_trials import OpenTrial
from tuner.supervisor.attempt import Attempt
from tuner.supervisor.crash import Crash
from tuner.supervisor.micro_batches import MicroBatches

GPU = Device(kind="cuda", id="GPU-1", label="cuda:0", name="NVIDIA A2", memory_bytes=16 << 30)
SLOT = SlotRecord(
    slot=0,
    state="running",
    trial_id=1,
    trial_number=0,
    owner="me",
    attempt=1,
    held=True,
    crashes=0,
    device_s=0.0,
    checkpoints=Checkpoints(),
    reason=None,
)
HOST = Crash(reason="out of memory: the kernel killed its trainer after optimiser step 3", own=True, memory="host")


class Remembered:
    """A database of one trial, and of what fits by device."""

    def __init__(self) -> None:
        self.effective: dict[str, Any] | None = None
        self.fits: dict[str, int] = {}

    def footprint(self, _: object, device: Device) -> Footprint:
        return Footprint(model="m", frozen=0.0, max_length=8, precision="auto", device=device.memory_class)

    def fitting(self, footprint: Footprint) -> int | None:
        return self.fits.get(footprint.device)

    def lower(self, footprint: Footprint, micro_batch: int) -> None:
        self.fits[footprint.device] = micro_batch

    def record(self, _: Lease, __: OpenTrial, effective: dict[str, Any]) -> None:
        self.effective = effective


class Trial:
    """A trial that the host has no memory for, attempt after attempt."""

    def __init__(self, device: Device = GPU) -> None:
        self.database = Remembered()
        self.micro_batches = MicroBatches(
            *(cast(Any, self.database),) * 3, retrying=cast(Any, lambda call, *arguments: call(*arguments))
        )
        self.lane = Lane(index=0, device=device, threads=2)

    def attempt(self, *, heeds: bool = True, crash: Crash = HOST, **recorded: Any) -> tuple[int | None, bool]:
        """Return what the trainer was told, and whether the trial goes on with half."""
        open_trial = OpenTrial(
            trial=cast(Any, SimpleNamespace(number=0)),
            hyperparameters=cast(Any, object()),
            complaint=None,
            reported={},
            curve={},
            effective=self.database.effective,
        )
        lease = Lease(study_id=1, slot=0, owner="me", attempt=1)
        attempt = Attempt(lane=self.lane, lease=lease, slot=SLOT, open_trial=open_trial)
        self.given = self.micro_batches.start(attempt)
        told = self.given.get("micro_batch")
        if heeds and "gradient_checkpointing" in self.given:
            recorded = {**recorded, "gradient_checkpointing": self.given["gradient_checkpointing"]}
        self.micro_batches.take(attempt, {**recorded, "micro_batch": (told if heeds else None) or 8})
        return told, self.micro_batches.halve(attempt, crash) is not None


@pytest.mark.parametrize("recorded", [{}, {"device": "cuda"}, {"device": "cpu"}])
def test_half_is_told_to_the_next_attempt_whatever_device_training_says_it_is_on(recorded: dict[str, str]) -> None:
    trial = Trial()
    assert [trial.attempt(**recorded) for _ in range(4)] == [(None, True), (4, True), (2, True), (1, False)]
    assert trial.database.fits == {}, "the host's memory says nothing of what fits on a GPU"


@pytest.mark.parametrize("device", [GPU, CPU])
def test_half_of_one_is_one_with_gradient_checkpointing_where_the_model_has_that(device: Device) -> None:
    trial = Trial(device)
    has = {"gradient_checkpointing": False}
    assert [trial.attempt(**has) for _ in range(5)] == [(None, True), (4, True), (2, True), (1, True), (1, False)]
    assert trial.given["gradient_checkpointing"] is True
    assert trial.database.effective is not None
    assert trial.database.effective["micro_batch"] == 1
    assert trial.database.fits == ({} if device is GPU else {device.memory_class: 0})
    # The next trial begins so.
    trial.database.effective = None
    assert trial.attempt(**has) == ((None, True) if device is GPU else (1, False))


def test_gradient_checkpointing_that_is_not_heeded_is_not_told_again() -> None:
    trial = Trial(CPU)
    trial.database.fits = {CPU.memory_class: 0}
    assert trial.attempt(heeds=False, gradient_checkpointing=False)[1] is False


@pytest.mark.parametrize("device", [GPU, CPU])
@pytest.mark.parametrize("recorded", [{}, {"device": "cuda"}, {"device": "cpu"}])
@pytest.mark.parametrize("crash", [HOST, replace(HOST, memory="device")])
def test_half_that_is_not_heeded_is_not_halved_again(device: Device, recorded: dict[str, str], crash: Crash) -> None:
    trial = Trial(device)
    halved = [trial.attempt(heeds=False, crash=crash, **recorded)[1] for _ in range(3)]
    assert halved == [True, False, False]
