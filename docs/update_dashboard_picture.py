"""Takes docs/pictures/dashboard.png: the page of a study in the dashboard, as Chromium shows it.

.venv/bin/python docs/update_dashboard_picture.py sqlite:///tuner.db rotten-tomatoes
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PICTURE = Path(__file__).parent / "pictures" / "dashboard.png"
_TUNER = Path(sys.executable).with_name("tuner")
_ADDRESS = re.compile(r"Dashboard on (http://\S+)")
#: Pixels.
_WIDTH, _HEIGHT = 1200, 900
#: Ids of the graphs that have to be there before the picture is taken.
_GRAPHS = ("learning-curves", "score-against-cost", "hyperparameters", "timeline")


def take_dashboard_picture(storage: str, study: str, path: Path = PICTURE) -> None:
    """Take the picture of a study's page.

    Args:
        storage: URL of the database.
        study: Name of a study in it with at least two complete trials.
        path: The file to write, as PNG.

    Raises:
        RuntimeError: There is no Chromium, or the dashboard does not start.
    """
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise RuntimeError("no Chromium; apt-get install chromium")
    command = [str(_TUNER), "dashboard", "--port", "0", "--storage", storage]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as dashboard:
        try:
            assert dashboard.stderr is not None
            found = next(filter(None, map(_ADDRESS.search, dashboard.stderr)), None)
            if found is None:
                raise RuntimeError("the dashboard has not started")
            flags = ["--no-sandbox"] if os.geteuid() == 0 else []
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=[*flags, "--disable-gpu"])
                page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
                page.goto(f"{found[1]}/dashboard")
                page.get_by_text(study).first.click()
                for graph in _GRAPHS:
                    page.locator(f'[id="user-defined-plot:{graph}"] .main-svg').first.wait_for()
                path.parent.mkdir(exist_ok=True)
                page.screenshot(path=path, full_page=True)
                browser.close()
        finally:
            dashboard.terminate()


if __name__ == "__main__":
    take_dashboard_picture(*sys.argv[1:3])
