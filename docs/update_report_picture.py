"""Takes the picture of a report for docs/how-to/report.md, with the Chromium of this machine.

`python docs/update_report_picture.py FILE.html` takes it of a report that `tuner report` has written. It needs the
extra `test`; `make screenshots` runs it on the quickstart's search.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browsers import chromium

PICTURE = Path(__file__).parent / "pictures" / "report.png"
#: Pixels of the part that is shown: from the begin of the page.
WIDTH, HEIGHT = 1000, 1250


def main() -> int:
    """Take the picture."""
    if len(sys.argv) != 2:
        print("usage: python docs/update_report_picture.py FILE.html")
        return 2
    PICTURE.parent.mkdir(exist_ok=True)
    size = {"width": WIDTH, "height": HEIGHT}
    with chromium() as browser, browser.new_context(offline=True, color_scheme="light", viewport=size) as context:
        page = context.new_page()
        page.goto(Path(sys.argv[1]).absolute().as_uri())
        page.screenshot(path=PICTURE)
    print(f"wrote docs/pictures/{PICTURE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
