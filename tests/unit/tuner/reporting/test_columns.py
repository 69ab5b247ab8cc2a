from __future__ import annotations

import io
import sys

import pytest

from tuner.reporting.columns import Column, console, print_lines, printable, table, width_of

NUMBERS = Column(title="n", cells=["1", "20"], right=True)
ONE = Column(title=" n", cells=["1"], right=True)
WORDS = Column(title="word", cells=["a", "bcdefghij"], least=4)


def plain(*columns: Column, width: int) -> list[str]:
    return [line.plain for line in table(columns, width)]


def test_numbers_end_and_words_begin_at_the_same_place_without_spaces_at_the_end() -> None:
    assert plain(NUMBERS, WORDS, width=80) == [" n  word", " 1  a", "20  bcdefghij"]


def test_a_column_that_may_be_cut_takes_what_the_others_leave() -> None:
    assert plain(NUMBERS, WORDS, width=10) == [" n  word", " 1  a", "20  bcdef…"]
    assert plain(NUMBERS, WORDS, width=1) == [" n  word", " 1  a", "20  bcd…"]
    assert width_of([NUMBERS, WORDS]) == 8


def test_the_column_of_the_highest_rank_is_left_out_first_where_the_table_is_too_wide() -> None:
    first, last = Column(title="aa", cells=["1"], rank=1), Column(title="bb", cells=["2"], rank=2)
    assert plain(ONE, first, last, width=10) == [" n  aa  bb", " 1  1   2"]
    assert plain(ONE, first, last, width=9) == [" n  aa", " 1  1"]
    assert plain(ONE, first, last, width=1) == [" n", " 1"]
    assert [line.plain for line in table([ONE, first], 7, indent=1)] == ["  n  aa", "  1  1"]


def test_wide_characters_count_as_the_two_places_that_they_take() -> None:
    assert plain(Column(title="名前", cells=["東京都"]), Column(title="n", cells=["1"], right=True), width=80) == [
        "名前    n",
        "東京都  1",
    ]


def test_a_text_of_others_stays_in_its_line_and_leaves_the_terminal_alone() -> None:
    assert printable("a\nb\x1b[31mc\udce9") == "a b\ufffd[31mc\ufffd"
    assert plain(Column(title="t", cells=["\x1b]0;x\x07"]), width=80)[1] == "\ufffd]0;x\ufffd"


@pytest.mark.parametrize(("columns", "width"), [(None, 120), ("60", 60), ("0", 120), ("many", 120)])
def test_a_pipe_is_as_wide_as_COLUMNS_says_or_120(
    columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert console().width == width


def test_no_line_is_wider_than_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "9")
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    print_lines(["123456789", "1234567890", "[bold]x", ""])
    assert output.getvalue() == "123456789\n12345678…\n[bold]x\n\n"
