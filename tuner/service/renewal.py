"""Keeps the lease of a part of a study's plan while long work is done under it."""

from __future__ import annotations

import contextlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage import PlanLease, Plans


@contextmanager
def renewed(plans: Plans, lease: PlanLease, lease_s: float) -> Iterator[None]:
    """Keep the lease while the body works."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(lease_s / 3):
            # Where the database is away for long, another machine does the work as well, and comes to the same result.
            with contextlib.suppress(Exception):
                plans.renew(lease, lease_s)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
