"""Entry point of the command. It handles Ctrl-C before it imports the rest, so that Ctrl-C never prints a traceback."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line."""
    # Importing takes a moment, and no work has begun: until then, Ctrl-C ends the process without a message.
    default = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from tuner.cli.main import main as run

    signal.signal(signal.SIGINT, default)
    run()
