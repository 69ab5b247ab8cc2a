"""Draws the pictures of the documentation anew, or checks that they are current with `--check`.

They are drawn from the events of a search that is always the same, so that a picture changes only with the view.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console, Group
from rich.terminal_theme import MONOKAI

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests"))

from live_states import state  # noqa: E402

from tuner.reporting.live.screen import screen  # noqa: E402

PICTURES = DOCS / "pictures"
#: Columns and lines of the terminals whose pictures are drawn.
SIZES = ((80, 24), (200, 50))
#: Rich's frame without the fonts that it fetches from a server: a picture needs no network.
FRAME = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def live_picture(width: int, height: int) -> str:
    """Return an SVG of the live view at a terminal of a width and a height."""
    console = Console(record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor", width=width)
    console.print(Group(*screen(state(), width, height)), soft_wrap=True)
    return console.export_svg(
        title="tuner start rotten-tomatoes.yaml", theme=MONOKAI, code_format=FRAME, unique_id=f"live-{width}"
    )


def main() -> int:
    """Write or check the pictures."""
    pictures = {PICTURES / f"live-{width}.svg": live_picture(width, height) for width, height in SIZES}
    stale = [path for path, text in pictures.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"docs/pictures/{path.name} is out of date: run `make screenshots`")
        return bool(stale)
    PICTURES.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(pictures[path], encoding="utf-8")
        print(f"wrote docs/pictures/{path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
