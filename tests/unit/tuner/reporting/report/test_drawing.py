from __future__ import annotations

import builtins
from typing import Any

import pytest

from tuner.errors import TunerError
from tuner.reporting.report.drawing import Colour, draw, words


def drawn(title: str = "t", description: str = "d", label: str = "l", *, name: str = "one") -> str:
    def paint(canvas: Any) -> None:
        axes = canvas.subplots()
        axes.plot([1, 2], [3, 4], "o-", color=Colour.BEST)
        axes.set_xlabel(label)

    return draw(name, title, description, paint, height=2).svg


def test_texts_stay_texts_and_no_formula_is_read_in_them() -> None:
    svg = drawn(label="$\\frac{1}{0}$ <b>")
    assert "$\\frac{1}{0}$ &lt;b&gt;</text>" in svg


def test_title_and_description_are_escaped() -> None:
    svg = drawn("<script>", "a & b")
    assert "&lt;script&gt;</title>" in svg
    assert "a &amp; b</desc>" in svg
    assert "<script>" not in svg


def test_colours_are_those_of_the_page() -> None:
    svg = drawn()
    assert "stroke: var(--best)" in svg
    assert "var(--ink)" in svg
    assert "#0" not in svg.replace('href="#', "").replace("url(#", "")


def test_the_same_drawing_is_the_same_text_and_ids_are_of_their_drawing() -> None:
    assert drawn() == drawn()
    assert drawn().replace("one-", "") == drawn(name="two").replace("two-", "")
    assert 'id="two-' in drawn(name="two")
    assert 'id="one-' not in drawn(name="two")


def test_no_moment_and_no_size_is_in_a_drawing() -> None:
    svg = drawn()
    assert "metadata" not in svg
    assert svg.startswith('<svg role="img" aria-labelledby="one-title one-about" viewBox="0 0 ')


def test_words_of_users_are_one_line_that_fits() -> None:
    assert words("a\nb\x00c") == "a?b?c"
    assert words("x" * 100) == "x" * 27 + "…"


def test_without_matplotlib_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    imports = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return imports(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(TunerError, match=r"pip install 'shichimi\[report\]', or give a FILE that ends in \.md or"):
        drawn()
