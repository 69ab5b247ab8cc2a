"""The device of a trainer, as it is recorded."""

from __future__ import annotations

import pytest
import torch

from tuner.training.precision import device_kind, device_name


def test_a_gpu_is_named_as_torch_names_it_and_the_processor_is_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert (device_kind(), device_name()) == ("cuda", "NVIDIA H200")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (device_kind(), device_name()) == ("cpu", "cpu")
