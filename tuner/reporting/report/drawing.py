"""Draws with matplotlib for a page: SVG whose texts stay texts, and whose colours follow the page's light or dark."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Any

from tuner.errors import TunerError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

#: Width of a drawing in inches, of which each is 72 units of the SVG.
WIDTH = 7.2
_NEEDS = "figures need matplotlib; pip install 'shichimi[report]', or give a FILE that ends in .md or .json"
_ID, _REFERENCE = re.compile(r' id="([^"]*)"'), re.compile(r'(url\(#|href="#)([^")]+)')
#: matplotlib names the font in each text. The page's own style says it once.
_FONT = re.compile(r'style="font: ([\d.]+px) [^";]*(;[^"]*)?"')
_SIZE = re.compile(r'(<svg [^>]*?)width="[^"]*"|height="[\d.]+pt" ')


class Colour(StrEnum):
    """The colours of a drawing. In the SVG each becomes a variable of the page's style.

    What they tell is told by the form of lines and marks, too.
    """

    #: Texts, axes and what counts.
    INK = "#010101"
    #: What stands behind: pruned trials, grids.
    FAINT = "#020202"
    #: The best trial.
    BEST = "#030303"
    #: Trial 0.
    RECIPE = "#040404"
    #: The paper, inside of hollow marks.
    PAPER = "#050505"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing with its words."""

    #: A word that is the figure's own in its page.
    name: str
    title: str
    #: What is seen, for people who do not see it.
    description: str
    #: An element `svg` for a page of HTML.
    svg: str


def draw(
    name: str,
    title: str,
    description: str,
    paint: Callable[[Canvas], None],
    *,
    height: float,
) -> Figure:
    """Return a drawing. The same content gives the same text.

    Args:
        name: A word that is the figure's own in its page.
        title: The title.
        description: What is seen.
        paint: Paints on an empty canvas.
        height: Height in inches.

    Raises:
        TunerError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise TunerError(_NEEDS) from error
    written = io.StringIO()
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # The browser draws the texts, with fonts that have signs which matplotlib's own lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(canvas)
        paint(canvas)
        canvas.savefig(written, format="svg", transparent=True, metadata=dict.fromkeys(_METADATA))
    svg = _inline(written.getvalue(), name, title, description)
    return Figure(name=name, title=title, description=description, svg=svg)


def plain(axes: Axes) -> Axes:
    """Give axes no frame, and faint lines at the values."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=Colour.FAINT, alpha=0.25, linewidth=0.5)
    return axes


def words(text: Any, most: int = 28) -> str:
    """Return a text of users that fits into a drawing: one line without control characters, cut where it is long."""
    shown = "".join(each if each.isprintable() else "?" for each in str(text))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _inline(svg: str, name: str, title: str, description: str) -> str:
    """Return an SVG file as an element of a page: with words, with ids of its own, and of any size."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    named = {found[2] for found in _REFERENCE.finditer(body)}
    body = _ID.sub(lambda found: f' id="{name}-{found[1]}"' if found[1] in named else "", body)
    body = _REFERENCE.sub(lambda found: f"{found[1]}{name}-{found[2]}", body)
    body = _FONT.sub(lambda found: f'style="font-size: {found[1]}{found[2] or ""}"', body)
    body = re.sub(r"(?<=<svg )[^>]*?(viewBox=\"[^\"]*\")[^>]*", r"\1", body, count=1)
    for colour in Colour:
        body = body.replace(colour.value, f"var(--{colour.name.lower()})")
    about = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-about">{escape(description)}</desc>'
    opening = f'<svg role="img" aria-labelledby="{name}-title {name}-about" '
    body = body.replace("<svg ", opening, 1)
    return body.replace(">", f">{about}", 1).strip()


_METADATA = ("Creator", "Date", "Format", "Type")
_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "shichimi",
    "text.parse_math": False,
    "font.size": 9,
    "text.color": Colour.INK.value,
    "axes.labelcolor": Colour.INK.value,
    "axes.edgecolor": Colour.INK.value,
    "axes.titlesize": 9,
    "xtick.color": Colour.INK.value,
    "ytick.color": Colour.INK.value,
    "legend.frameon": False,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
}
