from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import tuner.machine.devices
from tuner.errors import DeviceError, DevicesBusy
from tuner.machine.device_locks import DeviceLocks
from tuner.machine.devices import CPU, Device, lanes, select_devices, visible_gpus
from tuner.machine.nvml import DriverNvml, Nvml

GIB = 1024**3
A = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
B = "GPU-8932aaaa-0000-4106-c12f-20bd9faed9f6"
C = "GPU-18ef14e9-dec6-1d7e-1284-3010c6ce98b1"
C_SMALL = "MIG-d184f67c-c95f-5ef2-a935-195bd0094fbd"
C_LARGE = "MIG-37b51284-1df4-5451-979d-3231ccb0822e"


@dataclass(frozen=True, kw_only=True)
class StandInGpu:
    uuid: str
    name: str = "Stand-in"
    memory_bytes: int | None = 16 * GIB
    instance: tuple[int, int] = (0, 0)
    #: None: not divided.
    mig_devices: tuple[StandInGpu, ...] | None = None


@dataclass(kw_only=True)
class StandInNvml:
    """A machine with these GPUs; a handle is the GPU itself, and dead outside of init and shutdown."""

    gpus: tuple[StandInGpu, ...] = ()
    driver: bool = True
    running: bool = field(default=False, init=False)
    starts: int = field(default=0, init=False)

    def init(self) -> bool:
        self.starts += 1
        self.running = self.driver
        return self.driver

    def shutdown(self) -> None:
        assert self.running
        self.running = False

    def handles(self) -> tuple[StandInGpu, ...]:
        assert self.running
        return self.gpus

    def uuid(self, handle: StandInGpu) -> str:
        assert self.running
        return handle.uuid

    def name(self, handle: StandInGpu) -> str:
        assert self.running
        return handle.name

    def memory_bytes(self, handle: StandInGpu) -> int | None:
        assert self.running
        return handle.memory_bytes

    def mig_enabled(self, handle: StandInGpu) -> bool:
        assert self.running
        return handle.mig_devices is not None

    def mig_handles(self, handle: StandInGpu) -> tuple[StandInGpu, ...]:
        assert self.running
        return handle.mig_devices or ()

    def mig_instance(self, handle: StandInGpu) -> tuple[int, int]:
        assert self.running
        return handle.instance


DIVIDED = StandInGpu(
    uuid=C,
    mig_devices=(
        StandInGpu(uuid=C_SMALL, name="Stand-in MIG 1g.5gb", memory_bytes=5 * GIB, instance=(13, 0)),
        StandInGpu(uuid=C_LARGE, name="Stand-in MIG 3g.20gb", memory_bytes=20 * GIB, instance=(2, 0)),
    ),
)


def machine(*gpus: StandInGpu | str) -> StandInNvml:
    return StandInNvml(gpus=tuple(StandInGpu(uuid=gpu) if isinstance(gpu, str) else gpu for gpu in gpus))


def gpu(index: int) -> Device:
    return Device(kind="cuda", id=f"GPU-{index}", label=f"cuda:{index}", name="Stand-in", memory_bytes=None)


def ids(devices: tuple[Device, ...]) -> list[str]:
    return [device.id for device in devices]


def visible(value: str | None, nvml: Nvml) -> list[str]:
    return ids(visible_gpus({} if value is None else {"CUDA_VISIBLE_DEVICES": value}, nvml))


# ---- which GPUs are visible


def test_without_cuda_visible_devices_all_gpus_are_visible_and_numbered():
    assert visible_gpus({}, machine(A, B)) == (
        Device(kind="cuda", id=A, label="cuda:0", name="Stand-in", memory_bytes=16 * GIB),
        Device(kind="cuda", id=B, label="cuda:1", name="Stand-in", memory_bytes=16 * GIB),
    )


def test_a_divided_gpu_shows_its_mig_devices_and_not_itself():
    devices = visible_gpus({}, machine(A, DIVIDED))

    assert ids(devices) == [A, C_SMALL, C_LARGE]
    assert [device.label for device in devices] == ["cuda:0", "cuda:1", "cuda:2"]
    assert devices[2].name == "Stand-in MIG 3g.20gb"
    assert devices[2].memory_bytes == 20 * GIB


def test_a_divided_gpu_without_mig_devices_shows_nothing_and_keeps_its_index():
    nvml = machine(StandInGpu(uuid=C, mig_devices=()), A)

    assert visible(None, nvml) == [A]
    assert visible("0,1", nvml) == [A]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        (" ", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("0", [A]),
        ("2,0", [C_SMALL, C_LARGE, A]),
        ("1, 0", [B, A]),
        ("0,-1,1", [A]),
        ("1,3,0", [B]),
        ("1,,0", [B]),
        ("1gpu0,0ampere", [B, A]),
        (f"0,{B}", [A]),
        (A, [A]),
        (f"{B},{A}", [B, A]),
        ("GPU-8932f937", [A]),
        ("GPU-8932f", [A]),
        ("GPU-8932", []),
        ("GPU-0000", []),
        (f"{B},GPU-8932,{A}", [B]),
        (f"{A},1", [A]),
        (C, [C_SMALL, C_LARGE]),
        (C_LARGE, [C_LARGE]),
        (f"{C_LARGE},{C_SMALL}", [C_LARGE, C_SMALL]),
        (f"{A},{C_LARGE}", [A, C_LARGE]),
        ("MIG-37b51284", []),
        (f"MIG-{C}/2/0", [C_LARGE]),
        (f"MIG-{C}/13/0", [C_SMALL]),
        ("MIG-GPU-18ef14e9/13/0", [C_SMALL]),
        (f"MIG-{C}/7/0", []),
        (f"MIG-{C}", []),
        (f"MIG-{A}/0/0", []),
        (f"{C}/13/0", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(value, expected):
    assert visible(value, machine(A, B, DIVIDED)) == expected


def test_mig_names_of_old_drivers_are_found_by_what_they_say():
    old = f"MIG-{C}/13/0"
    nvml = machine(StandInGpu(uuid=C, mig_devices=(StandInGpu(uuid=old, instance=(13, 0)),)))

    assert visible(None, nvml) == [old]
    assert visible(old, nvml) == [old]


@pytest.mark.parametrize("value", ["0,0", f"{A},GPU-8932f937", f"{C},{C_SMALL}"])
def test_a_gpu_named_twice_is_an_error(value):
    with pytest.raises(DeviceError, match=rf"^CUDA_VISIBLE_DEVICES={value}: names \S+ twice"):
        visible(value, machine(A, B, DIVIDED))


def test_a_repetition_behind_the_first_invalid_entry_does_not_count():
    assert visible("0,-1,0", machine(A, B)) == [A]


def test_labels_count_the_visible_gpus_only():
    (device,) = visible_gpus({"CUDA_VISIBLE_DEVICES": "1"}, machine(A, B))

    assert (device.id, device.label) == (B, "cuda:0")


def test_without_a_driver_there_are_no_gpus():
    nvml = StandInNvml(gpus=(StandInGpu(uuid=A),), driver=False)

    assert visible(None, nvml) == []
    assert visible("0", nvml) == []


def test_the_driver_is_shut_down_even_where_the_environment_is_wrong():
    nvml = machine(A)
    with pytest.raises(DeviceError):
        visible("0,0", nvml)

    assert nvml.starts == 1
    assert not nvml.running


def test_the_driver_of_this_machine_answers_with_or_without_gpus():
    assert all(device.id.startswith(("GPU-", "MIG-")) for device in visible_gpus({}, DriverNvml()))


# ---- what --devices asks for


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("auto", [A, B]), ("cuda", [A, B]), ("cuda:1", [B]), ("cuda:1,0", [B, A]), ("cpu", ["cpu"])],
)
def test_devices_are_selected_by_specification(spec, expected):
    assert ids(select_devices(spec, {}, machine(A, B))) == expected


def test_positions_count_among_the_visible_gpus():
    (device,) = select_devices("cuda:0", {"CUDA_VISIBLE_DEVICES": "1"}, machine(A, B))

    assert device.id == B


@pytest.mark.parametrize("nvml", [machine(), StandInNvml(driver=False)])
def test_auto_is_one_cpu_where_there_is_no_gpu(nvml):
    assert select_devices("auto", {}, nvml) == (CPU,)


def test_auto_is_the_cpu_where_the_gpus_are_hidden():
    assert select_devices("auto", {"CUDA_VISIBLE_DEVICES": ""}, machine(A)) == (CPU,)


def test_cpu_leaves_the_driver_alone():
    nvml = machine(A)
    select_devices("cpu", {"CUDA_VISIBLE_DEVICES": "0,0"}, nvml)

    assert nvml.starts == 0


@pytest.mark.parametrize(
    ("spec", "environ", "message"),
    [
        ("cuda:3", {}, "--devices cuda:3: this machine shows 2 GPUs (cuda:0, cuda:1)"),
        (
            "cuda:1",
            {"CUDA_VISIBLE_DEVICES": "1"},
            "--devices cuda:1: this machine shows 1 GPU (cuda:0) with CUDA_VISIBLE_DEVICES=1",
        ),
        (
            "cuda",
            {"CUDA_VISIBLE_DEVICES": ""},
            "--devices cuda: this machine shows no GPU with CUDA_VISIBLE_DEVICES=''",
        ),
        ("cuda:0,1,0", {}, "--devices cuda:0,1,0: names cuda:0 more than once"),
        ("gpu", {}, "--devices gpu: not one of auto, cpu, cuda, or GPUs such as cuda:0,1"),
        ("cuda:", {}, "--devices cuda:: not one of auto, cpu, cuda, or GPUs such as cuda:0,1"),
        ("cuda:-1", {}, "--devices cuda:-1: not one of auto, cpu, cuda, or GPUs such as cuda:0,1"),
        ("cuda:0,", {}, "--devices cuda:0,: not one of auto, cpu, cuda, or GPUs such as cuda:0,1"),
        ("", {}, "--devices : not one of auto, cpu, cuda, or GPUs such as cuda:0,1"),
    ],
)
def test_a_specification_that_cannot_be_met_says_what_there_is(spec, environ, message):
    with pytest.raises(DeviceError, match=f"^{re.escape(message)}$"):
        select_devices(spec, environ, machine(A, B))


def test_cuda_without_any_gpu_is_an_error():
    with pytest.raises(DeviceError, match=r"^--devices cuda:0: this machine shows no GPU$"):
        select_devices("cuda:0", {}, machine())


# ---- lanes


def test_each_gpu_is_a_lane_and_the_first_get_the_remaining_cores():
    made = lanes((gpu(0), gpu(1), gpu(2)), cores=8)

    assert [(lane.index, lane.device.label, lane.threads) for lane in made] == [
        (0, "cuda:0", 3),
        (1, "cuda:1", 3),
        (2, "cuda:2", 2),
    ]


def test_fewer_workers_than_gpus_leave_the_last_gpus_alone():
    assert [lane.device.label for lane in lanes((gpu(0), gpu(1)), 1)] == ["cuda:0"]


def test_more_workers_than_gpus_is_an_error():
    message = "--workers 3: one trial runs on a GPU, and there are 2 GPUs (cuda:0, cuda:1) to use"
    with pytest.raises(DeviceError, match=re.escape(message)):
        lanes((gpu(0), gpu(1)), 3)


@pytest.fixture(autouse=True)
def _threads_are_left_to_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_the_cpu_is_one_lane_with_all_cores_that_this_process_may_use():
    (lane,) = lanes((CPU,))

    assert lane.device == CPU
    assert lane.threads == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "threads"),
    [("1", [1, 1]), ("2,1", [2, 2]), (" 2 ", [2, 2]), ("8", [3, 2]), ("", [3, 2]), ("0", [3, 2]), ("many", [3, 2])],
)
def test_no_lane_has_more_threads_than_the_user_asks_of_openmp(text, threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", text)

    assert [lane.threads for lane in lanes((CPU,), 2, cores=5)] == threads


@pytest.mark.parametrize(
    ("workers", "cores", "threads"), [(1, 5, [5]), (2, 5, [3, 2]), (4, 7, [2, 2, 2, 1]), (3, 2, [1, 1, 1])]
)
def test_workers_on_the_cpu_share_its_cores(workers, cores, threads):
    assert [lane.threads for lane in lanes((CPU,), workers, cores=cores)] == threads


@pytest.mark.parametrize("workers", [0, -1])
def test_at_least_one_worker_is_needed(workers):
    with pytest.raises(DeviceError, match=f"--workers {workers}: at least 1"):
        lanes((CPU,), workers)


def test_lanes_need_a_device():
    with pytest.raises(DeviceError, match="no device"):
        lanes(())


# ---- isolation, in real processes


def in_process(function: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Run a function of this file in a new interpreter, with text pipes on stdin and stdout."""
    code = "import runpy, sys; runpy.run_path(sys.argv[1])[sys.argv[2]](*sys.argv[3:])"
    root = str(Path(tuner.machine.devices.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", code, __file__, function, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root, **(env or {})},
        text=True,
    )


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tell_what_a_trainer_sees() -> None:
    named = {key: value for key, value in os.environ.items() if key.startswith("CUDA_")}
    tell(json.dumps({"named": named, "visible": ids(visible_gpus(os.environ, machine(A, B, DIVIDED)))}))


def test_each_trainer_process_sees_its_own_device_and_no_other():
    gpus = select_devices("auto", {}, machine(A, B, DIVIDED))
    made = (*lanes(gpus), *lanes((CPU,)))
    parent = {"CUDA_VISIBLE_DEVICES": "0,1,2", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}

    with ExitStack() as stack:
        trainers = [
            stack.enter_context(in_process("tell_what_a_trainer_sees", env={**parent, **lane.device.environment()}))
            for lane in made
        ]
        seen = [json.loads(trainer.communicate()[0]) for trainer in trainers]

    assert [each["named"]["CUDA_VISIBLE_DEVICES"] for each in seen] == [A, B, C_SMALL, C_LARGE, ""]
    assert [each["visible"] for each in seen] == [[A], [B], [C_SMALL], [C_LARGE], []]
    assert {each["named"]["CUDA_DEVICE_ORDER"] for each in seen} == {"PCI_BUS_ID"}


# ---- locks


def hold_devices_on_command(folder: str, count: str, wanted: str) -> None:
    """Per line on stdin: take what is free of `count` GPUs, tell it, and let go at the next line."""
    devices = tuple(gpu(index) for index in range(int(count)))
    tell("ready")
    while sys.stdin.readline():
        with closing(DeviceLocks(Path(folder))) as locks:
            try:
                taken = ids(locks.acquire_free(devices, int(wanted) or None))
            except DevicesBusy:
                taken = []
            tell(json.dumps(taken))
            sys.stdin.readline()
        tell("released")


class Command:
    """Another command on this machine, which holds devices when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdin
        assert process.stdout
        self._stdin, self._stdout = process.stdin, process.stdout
        assert self._stdout.readline() == "ready\n"

    def go(self) -> None:
        self._stdin.write("go\n")
        self._stdin.flush()

    def taken(self) -> list[str]:
        taken: list[str] = json.loads(self._stdout.readline())
        return taken

    def released(self) -> None:
        assert self._stdout.readline() == "released\n"


def race(folder: Path, *, gpus: int, wanted: int, rounds: int = 25) -> list[list[list[str]]]:
    with ExitStack() as stack:
        processes = [
            stack.enter_context(in_process("hold_devices_on_command", str(folder), str(gpus), str(wanted)))
            for _ in range(2)
        ]
        commands = [Command(process) for process in processes]
        results = []
        for _ in range(rounds):
            for command in commands:
                command.go()
            results.append([command.taken() for command in commands])
            for command in commands:
                command.go()
            for command in commands:
                command.released()
    return results


def test_two_processes_that_race_for_two_gpus_never_share_one(tmp_path):
    for first, second in race(tmp_path, gpus=2, wanted=1):
        assert sorted(first + second) == ["GPU-0", "GPU-1"]
        assert len(first) == len(second) == 1


def test_of_two_processes_that_each_take_all_that_is_free_one_gets_all(tmp_path):
    for taken in race(tmp_path, gpus=2, wanted=0):
        assert sorted(taken) == [[], ["GPU-0", "GPU-1"]]


def test_of_two_processes_that_each_want_most_gpus_exactly_one_gets_them(tmp_path):
    for taken in race(tmp_path, gpus=4, wanted=3):
        assert sorted(len(each) for each in taken) == [0, 3]


def test_a_killed_process_holds_nothing(tmp_path):
    with (
        in_process("hold_devices_on_command", str(tmp_path), "1", "1") as process,
        DeviceLocks(tmp_path) as locks,
    ):
        other = Command(process)
        other.go()
        assert other.taken() == ["GPU-0"]
        with pytest.raises(DevicesBusy) as raised:
            locks.acquire_free([gpu(0)])
        assert str(raised.value) == (
            f"no GPU is free: cuda:0 is held by process {process.pid} on {os.uname().nodename}"
        )
        assert raised.value.labels == ("cuda:0",)

        process.send_signal(signal.SIGKILL)
        process.wait()

        assert ids(locks.acquire_free([gpu(0)])) == ["GPU-0"]


def test_what_is_free_is_taken_and_what_is_held_is_left(tmp_path):
    with DeviceLocks(tmp_path) as one, DeviceLocks(tmp_path) as two:
        one.acquire_free([gpu(1)])

        assert ids(two.acquire_free([gpu(0), gpu(1), gpu(2)])) == ["GPU-0", "GPU-2"]


def test_fewer_free_than_wanted_takes_none(tmp_path):
    with DeviceLocks(tmp_path) as one, DeviceLocks(tmp_path) as two, DeviceLocks(tmp_path) as three:
        one.acquire_free([gpu(1)])
        with pytest.raises(DevicesBusy, match=f"^2 GPUs are wanted and 1 free: cuda:1 .* {os.getpid()} "):
            two.acquire_free([gpu(0), gpu(1)], 2)

        assert ids(three.acquire_free([gpu(0)], 1)) == ["GPU-0"]


def test_no_more_than_wanted_is_taken(tmp_path):
    with DeviceLocks(tmp_path) as one, DeviceLocks(tmp_path) as two:
        assert ids(one.acquire_free([gpu(0), gpu(1)], 1)) == ["GPU-0"]
        assert ids(two.acquire_free([gpu(0), gpu(1)], 1)) == ["GPU-1"]


def test_closing_lets_go_and_may_be_repeated(tmp_path):
    locks = DeviceLocks(tmp_path)
    locks.acquire_free([gpu(0)])
    locks.close()
    locks.close()

    with DeviceLocks(tmp_path) as others:
        assert ids(others.acquire_free([gpu(0)])) == ["GPU-0"]


def test_a_holder_without_a_readable_name_is_another_command(tmp_path):
    with DeviceLocks(tmp_path) as one, DeviceLocks(tmp_path) as two:
        one.acquire_free([gpu(0)])
        (tmp_path / "GPU-0.holder").write_text("[]")

        with pytest.raises(DevicesBusy, match=r"held by another command$"):
            two.acquire_free([gpu(0)])


def test_the_cpu_is_never_locked(tmp_path):
    with DeviceLocks(tmp_path / "locks") as one, DeviceLocks(tmp_path / "locks") as two:
        assert one.acquire_free((CPU,), 4) == (CPU,)
        assert two.acquire_free((CPU,)) == (CPU,)

    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize("wanted", [0, 3])
def test_wanting_what_was_not_given_is_an_error(tmp_path, wanted):
    with DeviceLocks(tmp_path) as locks, pytest.raises(DeviceError, match=f"^{wanted} GPUs wanted of 2 GPUs"):
        locks.acquire_free([gpu(0), gpu(1)], wanted)


def test_every_user_may_lock_in_the_folder_whatever_the_umask_of_its_maker(tmp_path):
    folder = tmp_path / "locks"
    umask = os.umask(0o077)
    try:
        with DeviceLocks(folder) as locks:
            locks.acquire_free([gpu(0)])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    finally:
        os.umask(umask)

    assert modes == {"locks": 0o1777, "choosing.lock": 0o666, "GPU-0.lock": 0o666, "GPU-0.holder": 0o666}


def test_a_folder_in_use_is_flocked_so_that_nothing_clears_it(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with DeviceLocks(tmp_path) as locks:
            locks.acquire_free([gpu(0)])
            with pytest.raises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def test_a_link_in_the_shared_folder_does_not_lead_out_of_it(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep")
    folder = tmp_path / "locks"
    folder.mkdir()
    (folder / "GPU-0.holder").symlink_to(precious)

    with DeviceLocks(folder) as locks:
        locks.acquire_free([gpu(0)])

    assert precious.read_text() == "keep"


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        DeviceLocks(tmp_path / "file") as locks,
        pytest.raises(DeviceError, match="GPUs cannot be locked in"),
    ):
        locks.acquire_free([gpu(0)])


def test_mig_names_with_slashes_are_locked_too(tmp_path):
    old = Device(kind="cuda", id=f"MIG-{C}/13/0", label="cuda:0", name="Stand-in", memory_bytes=None)
    with DeviceLocks(tmp_path) as one, DeviceLocks(tmp_path) as two:
        one.acquire_free([old])
        with pytest.raises(DevicesBusy):
            two.acquire_free([old])
