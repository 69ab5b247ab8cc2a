"""The processor of this machine, as its maker calls it."""

from __future__ import annotations

import platform
from pathlib import Path


def processor_name() -> str:
    """Return the product name of the processor; `a processor` where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or "a processor"
