"""Tests of one GPU: skipped, with the reason, where there is none. What they measure is printed at the end."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parents[1] / "acceptance"))
sys.path.insert(0, str(Path(__file__).parent))

from gpu_support import SIZES, SWITCH, Study, Trainers, chosen_device, table

from tuner.errors import DevicesBusy
from tuner.machine.device_locks import DeviceLocks
from tuner.processes.trainers import PRELOAD, ForkServer

HERE = Path(__file__).parent
_PROPERTY = "measured on one GPU"

Measured = Callable[[str, str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [item for item in items if HERE in item.path.parents]
    device = chosen_device() if mine else ""
    for item in mine:
        item.add_marker("gpu")
        if isinstance(device, str):
            item.add_marker(pytest.mark.skip(reason=device))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [value for report in reports for name, value in report.user_properties if name == _PROPERTY]
    if rows:
        where = " (on the CPU: says nothing of GPUs)" if os.environ.get(SWITCH) == "cpu" else ""
        terminalreporter.section(f"measured{where}")
        for line in table([(what, found) for what, found in rows]):
            terminalreporter.write_line(line)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Returns a function that takes a row of the table at the end: what was measured, and what was found."""

    def add(what: str, found: str) -> None:
        request.node.user_properties.append((_PROPERTY, [what, found]))

    return add


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    """The fork server of the session; its trainers find the functions of these tests."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as logs:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parent)]), prepend=os.pathsep)
        patch.setenv("HF_HUB_OFFLINE", "1")
        with ForkServer(Path(logs, "trainers.log"), preload=(*PRELOAD, "gpu_functions")) as started:
            yield started


@pytest.fixture(scope="module")
def trainers(server: ForkServer) -> Iterator[Trainers]:
    """Trainers on a GPU that no other command of this machine uses."""
    device = chosen_device()
    assert not isinstance(device, str)
    # Of several pytest workers each waits for the one before: on a GPU that others use, no time means anything.
    with FileLock(Path(tempfile.gettempdir(), "shichimi-gpu-tests.lock"), mode=0o666), DeviceLocks() as locks:
        try:
            locks.acquire_free((device,))
        except DevicesBusy as busy:
            pytest.skip(str(busy))
        usable = server.call("tuner.training.calls:has_cuda", {}, device.environment())
        if device.kind == "cuda" and not usable:
            pytest.skip(f"{device.label} ({device.name}) is there, but this torch is no CUDA build that can use it")
        yield Trainers(device=device, fork_server=server)


@pytest.fixture(scope="session")
def make_study(server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Study]:
    """Returns a function that gives a model and data of the size for a device; each is made once."""
    made: dict[tuple[object, ...], Study] = {}

    def build(kind: str, *, mixed: bool = False, layers: int | None = None, hidden: int | None = None) -> Study:
        key = (kind, mixed, layers, hidden)
        if key not in made:
            size = SIZES[kind]
            size = replace(size, layers=layers or size.layers, hidden=hidden or size.hidden)
            arguments = {"folder": tmp_path_factory.mktemp("study"), "size": size, "mixed": mixed}
            # On the processor: data and checkpoint are the same for every device.
            made[key] = server.call("gpu_functions:make_study", arguments, {"CUDA_VISIBLE_DEVICES": ""})
        return made[key]

    return build


@pytest.fixture
def study(trainers: Trainers, make_study: Callable[..., Study]) -> Study:
    """A model and texts of one length."""
    return make_study(trainers.device.kind)
