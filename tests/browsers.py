"""Chromium, for tests of pages as a person sees them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the machine's Chromium; skip the test where there is none. Where CI runs, that is an error."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("CI"):
            raise RuntimeError("no Chromium; apt-get install chromium")
        pytest.skip("no Chromium; apt-get install chromium")
    from playwright.sync_api import sync_playwright

    # As root it has no sandbox, and what it shows here is ours.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*flags, "--disable-gpu"])
        yield browser
        browser.close()
