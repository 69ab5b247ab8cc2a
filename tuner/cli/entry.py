"""Where the command begins: before anything is imported, so that Ctrl-C is never answered with a traceback."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line."""
    # Nothing has begun yet, and importing takes a moment: until then a signal ends the process without a word.
    default = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from tuner.cli.main import main as run

    signal.signal(signal.SIGINT, default)
    run()
