"""What is asked of the NVIDIA driver, through its management library NVML.

NVML answers without starting CUDA, which could neither be undone in this process nor survive a fork.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tuner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Nvml(Protocol):
    """The part of NVML that finding devices needs.

    A handle is opaque: it comes from `handles` or `mig_handles`, goes back into the other methods, and is
    good from `init` to `shutdown` only. Every method raises `DeviceError` where a driver is there and fails.
    """

    def init(self) -> bool:
        """Start the library; False, and nothing to shut down, on a machine without an NVIDIA driver."""

    def shutdown(self) -> None:
        """End what one `init` that returned True began."""

    def handles(self) -> tuple[Any, ...]:
        """Return the physical GPUs that this process may use, in the order of their PCI bus ids."""

    def uuid(self, handle: Any) -> str:
        """Return what CUDA_VISIBLE_DEVICES accepts: `GPU-…`, or `MIG-…` for a MIG device."""

    def name(self, handle: Any) -> str:
        """Return the product name, such as `NVIDIA A100-SXM4-80GB MIG 1g.10gb`."""

    def memory_bytes(self, handle: Any) -> int | None:
        """Return the total memory in bytes; None where it is the host's and has no size of its own."""

    def mig_enabled(self, handle: Any) -> bool:
        """Return whether a physical GPU is divided now: CUDA then runs on its MIG devices only."""

    def mig_handles(self, handle: Any) -> tuple[Any, ...]:
        """Return the MIG devices that exist on a divided GPU, perhaps none, by their MIG index."""

    def mig_instance(self, handle: Any) -> tuple[int, int]:
        """Return the ids of a MIG device's GPU instance and of the compute instance in it."""


class DriverNvml:
    """`Nvml` of this machine's driver, through pynvml (imported when it is first needed)."""

    def init(self) -> bool:
        """Load the library and start it."""
        pynvml = _pynvml()
        with _reported():
            try:
                pynvml.nvmlInit()
            # Any other failure, such as a library newer than the loaded driver, is a GPU machine out of
            # order: to train on its CPU without a word would cost its owner days.
            except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
                return False
        return True

    def shutdown(self) -> None:
        """Shut down; the library stays loaded."""
        with _reported():
            _pynvml().nvmlShutdown()

    def handles(self) -> tuple[Any, ...]:
        """Sort what the driver gives us: it does not promise an order."""
        pynvml = _pynvml()
        found = []
        with _reported():
            for index in range(pynvml.nvmlDeviceGetCount()):
                # The count includes GPUs that a batch system keeps from us; CUDA numbers without them.
                with suppress(pynvml.NVMLError_NoPermission):
                    found.append(pynvml.nvmlDeviceGetHandleByIndex(index))
            return tuple(sorted(found, key=lambda handle: pynvml.nvmlDeviceGetPciInfo(handle).busId))

    def uuid(self, handle: Any) -> str:
        """Answer for a GPU and for a MIG device."""
        with _reported():
            return str(_pynvml().nvmlDeviceGetUUID(handle))

    def name(self, handle: Any) -> str:
        """Answer for a GPU and for a MIG device."""
        with _reported():
            return str(_pynvml().nvmlDeviceGetName(handle))

    def memory_bytes(self, handle: Any) -> int | None:
        """Answer None where the driver does not support the question (memory shared with the host)."""
        pynvml = _pynvml()
        with _reported(), suppress(pynvml.NVMLError_NotSupported):
            return int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
        return None

    def mig_enabled(self, handle: Any) -> bool:
        """Answer for now; a mode that waits for a reset of the GPU does not count."""
        pynvml = _pynvml()
        # Not supported: a GPU without MIG. Function not found: a driver from before MIG.
        with _reported(), suppress(pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
            current, _after_reset = pynvml.nvmlDeviceGetMigMode(handle)
            return bool(current == pynvml.NVML_DEVICE_MIG_ENABLE)
        return False

    def mig_handles(self, handle: Any) -> tuple[Any, ...]:
        """Ask each place for a MIG device, of which some may be empty."""
        pynvml = _pynvml()
        found = []
        with _reported():
            for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
                with suppress(pynvml.NVMLError_NotFound, pynvml.NVMLError_NoPermission):
                    found.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
        return tuple(found)

    def mig_instance(self, handle: Any) -> tuple[int, int]:
        """Ask for the two ids."""
        pynvml = _pynvml()
        with _reported():
            return pynvml.nvmlDeviceGetGpuInstanceId(handle), pynvml.nvmlDeviceGetComputeInstanceId(handle)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What one CUDA process can use: an undivided GPU or one MIG device."""

    #: CUDA's UUID, `GPU-…` or `MIG-…`.
    id: str
    #: Product name.
    name: str
    #: Total memory in bytes; None where it has no size of its own.
    memory_bytes: int | None
    #: `<GPU instance>/<compute instance>` of a MIG device, else empty.
    instance: str


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One physical GPU."""

    uuid: str
    #: The GPU itself, or the MIG devices that it is divided into, perhaps none.
    units: tuple[Unit, ...]


def installed_gpus(nvml: Nvml) -> tuple[Gpu, ...]:
    """Return the physical GPUs that the driver lets this process use, in PCI order; none without a driver.

    Raises:
        DeviceError: The driver is there and fails.
    """
    if not nvml.init():
        return ()
    try:
        return tuple(Gpu(uuid=nvml.uuid(handle), units=_units(nvml, handle)) for handle in nvml.handles())
    finally:
        nvml.shutdown()


def _units(nvml: Nvml, gpu: Any) -> tuple[Unit, ...]:
    divided = nvml.mig_enabled(gpu)
    return tuple(
        Unit(
            id=nvml.uuid(handle),
            name=nvml.name(handle),
            memory_bytes=nvml.memory_bytes(handle),
            instance="{}/{}".format(*nvml.mig_instance(handle)) if divided else "",
        )
        for handle in (nvml.mig_handles(gpu) if divided else (gpu,))
    )


def _pynvml() -> Any:
    import pynvml

    return pynvml


@contextmanager
def _reported() -> Iterator[None]:
    """Turn an error of NVML into a `DeviceError` with the way around it."""
    try:
        yield
    except _pynvml().NVMLError as error:
        message = f"the NVIDIA driver does not answer ({error}): repair it, or train with --devices cpu"
        raise DeviceError(message) from error
