"""Entry point of the command. It handles Ctrl-C before it imports the rest, so that Ctrl-C never prints a traceback."""

from __future__ import annotations

import os
import signal
import sys

#: What is said where trials cannot run: leases of devices and trainers use Linux's file locks, forks and signals.
ELSEWHERE = (
    "Error: tuner runs on Linux only, and this is {}; run it in WSL or in a container, or on a machine with Linux"
)


def main() -> None:
    """Run the command line."""
    if not sys.platform.startswith("linux"):
        sys.exit(ELSEWHERE.format(sys.platform))
    # Importing takes a moment, and no work has begun: until then, Ctrl-C ends the process without a message.
    default = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from tuner.cli.main import main as run

    signal.signal(signal.SIGINT, default)
    run()
