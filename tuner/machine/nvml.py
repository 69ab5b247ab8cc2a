"""The GPUs of this machine, as the NVIDIA driver reports them through its management library NVML.

NVML does not start CUDA. Once started, CUDA cannot be stopped in a process and does not work in its forked children.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tuner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Nvml(Protocol):
    """The part of NVML that is needed to find devices.

    A handle is opaque. `handles` and `mig_handles` return handles, the other methods take them, and they are valid
    between `init` and `shutdown` only. Every method raises `DeviceError` where there is a driver and it fails.
    """

    def init(self) -> bool:
        """Start the library.

        Returns:
            False on a machine without an NVIDIA driver; then there is nothing to shut down.
        """

    def shutdown(self) -> None:
        """Shut the library down, once for each `init` that returned True."""

    def handles(self) -> tuple[Any, ...]:
        """Return the physical GPUs that this process may use, in the order of their PCI bus ids."""

    def uuid(self, handle: Any) -> str:
        """Return the UUID that CUDA_VISIBLE_DEVICES accepts: `GPU-…`, or `MIG-…` for a MIG device."""

    def name(self, handle: Any) -> str:
        """Return the product name, such as `NVIDIA A100-SXM4-80GB MIG 1g.10gb`."""

    def memory_bytes(self, handle: Any) -> int | None:
        """Return the total memory in bytes; None for a device that shares the host's memory."""

    def mig_enabled(self, handle: Any) -> bool:
        """Return whether a physical GPU is in MIG mode now. CUDA then runs on its MIG devices only."""

    def mig_handles(self, handle: Any) -> tuple[Any, ...]:
        """Return the MIG devices of a divided GPU in the order of their MIG index; there may be none."""

    def mig_instance(self, handle: Any) -> tuple[int, int]:
        """Return the ids of a MIG device's GPU instance and of the compute instance in it."""


class DriverNvml:
    """The `Nvml` of this machine's driver, called through pynvml, which is imported on first use."""

    def init(self) -> bool:
        """Load the library and start it."""
        pynvml = _pynvml()
        with _reported():
            try:
                pynvml.nvmlInit()
            # Any other failure, such as a library newer than the loaded driver, means that the GPUs of this machine are
            # out of order. It is raised: training on the CPU instead, without a message, would cost the user days.
            except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
                return False
        return True

    def shutdown(self) -> None:
        """Shut down; the library stays loaded."""
        with _reported():
            _pynvml().nvmlShutdown()

    def handles(self) -> tuple[Any, ...]:
        """Sort the handles by PCI bus id, as the driver does not promise an order."""
        pynvml = _pynvml()
        found = []
        with _reported():
            for index in range(pynvml.nvmlDeviceGetCount()):
                # The count includes GPUs that a batch system has not granted to this job. CUDA's indices skip them.
                with suppress(pynvml.NVMLError_NoPermission):
                    found.append(pynvml.nvmlDeviceGetHandleByIndex(index))
            return tuple(sorted(found, key=lambda handle: pynvml.nvmlDeviceGetPciInfo(handle).busId))

    def uuid(self, handle: Any) -> str:
        """Read the UUID of a GPU or a MIG device."""
        with _reported():
            return str(_pynvml().nvmlDeviceGetUUID(handle))

    def name(self, handle: Any) -> str:
        """Read the product name of a GPU or a MIG device."""
        with _reported():
            return str(_pynvml().nvmlDeviceGetName(handle))

    def memory_bytes(self, handle: Any) -> int | None:
        """Read the memory size; None where the driver does not support the query (memory shared with the host)."""
        pynvml = _pynvml()
        with _reported(), suppress(pynvml.NVMLError_NotSupported):
            return int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
        return None

    def mig_enabled(self, handle: Any) -> bool:
        """Read the current mode. A mode that takes effect at the next reset of the GPU does not count."""
        pynvml = _pynvml()
        # NotSupported: a GPU without MIG. FunctionNotFound: a driver older than MIG.
        with _reported(), suppress(pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
            current, _after_reset = pynvml.nvmlDeviceGetMigMode(handle)
            return bool(current == pynvml.NVML_DEVICE_MIG_ENABLE)
        return False

    def mig_handles(self, handle: Any) -> tuple[Any, ...]:
        """Read the MIG device at each MIG index; there may be gaps between the indices in use."""
        pynvml = _pynvml()
        found = []
        with _reported():
            for index in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
                with suppress(pynvml.NVMLError_NotFound, pynvml.NVMLError_NoPermission):
                    found.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
        return tuple(found)

    def mig_instance(self, handle: Any) -> tuple[int, int]:
        """Read the two ids."""
        pynvml = _pynvml()
        with _reported():
            return pynvml.nvmlDeviceGetGpuInstanceId(handle), pynvml.nvmlDeviceGetComputeInstanceId(handle)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A device that one CUDA process can use: an undivided GPU, or one MIG device."""

    #: CUDA's UUID, `GPU-…` or `MIG-…`.
    id: str
    #: Product name.
    name: str
    #: Total memory in bytes; None for a device that shares the host's memory.
    memory_bytes: int | None
    #: `<GPU instance>/<compute instance>` of a MIG device, else empty.
    instance: str


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One physical GPU."""

    uuid: str
    #: The GPU itself, or the MIG devices of a divided GPU, which may be none.
    units: tuple[Unit, ...]


def installed_gpus(nvml: Nvml) -> tuple[Gpu, ...]:
    """Return the physical GPUs that the driver lets this process use, in PCI order; none without a driver.

    Raises:
        DeviceError: There is a driver, and it fails.
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
    """Turn an NVML error into a `DeviceError` that says how to work around it."""
    try:
        yield
    except _pynvml().NVMLError as error:
        message = f"the NVIDIA driver does not answer ({error}): repair it, or train with --devices cpu"
        raise DeviceError(message) from error
