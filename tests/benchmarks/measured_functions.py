"""Functions that are called in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from measuring import section


def burn(seconds: float) -> dict[str, Any]:
    """Keep the processor busy."""
    with section() as spent:
        while time.process_time() < seconds:
            pass
    return {"cpu_s": spent.cpu_s, "argument": seconds}


def burn_below(seconds: float) -> dict[str, Any]:
    """Leave the work to a process that nobody waits for."""
    code = f"import time\nwhile time.process_time() < {seconds}: pass"
    subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True)
    return {}


def fail() -> dict[str, Any]:
    raise ValueError("no such thing")
