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
        told = self.micro_batches.start(attempt).get("micro_batch")
        self.micro_batches.take(attempt, {**recorded, "micro_batch": (told if heeds else None) or 8})
        return told, self.micro_batches.halve(attempt, crash) is not None


@pytest.mark.parametrize("recorded", [{}, {"device": "cuda"}, {"device": "cpu"}])
def test_half_is_told_to_the_next_attempt_whatever_device_training_says_it_is_on(recorded: dict[str, str]) -> None:
    trial = Trial()
    assert [trial.attempt(**recorded) for _ in range(4)] == [(None, True), (4, True), (2, True), (1, False)]
    assert trial.database.fits == {}, "the host's memory says nothing of what fits on a GPU"


@pytest.mark.parametrize("device", [GPU, CPU])
@pytest.mark.parametrize("recorded", [{}, {"device": "cuda"}, {"device": "cpu"}])
@pytest.mark.parametrize("crash", [HOST, replace(HOST, memory="device")])
def test_half_that_is_not_heeded_is_not_halved_again(device: Device, recorded: dict[str, str], crash: Crash) -> None:
    trial = Trial(device)
    halved = [trial.attempt(heeds=False, crash=crash, **recorded)[1] for _ in range(3)]
    assert halved == [True, False, False]
