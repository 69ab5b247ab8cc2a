from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.delimited import read_delimited
from tuner.training.data.files.file_rows import FileRows, PlaceKind, Wanted
from tuner.training.progress import silent

WANTED = Wanted({"text": ("text",), "label": ("label",)})


def read(
    folder: Path, content: str | bytes, name: str = "reviews.csv", wanted: Wanted = WANTED, **form: Any
) -> FileRows:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_delimited(path, name, wanted, DataConfig(source=name, format=form), silent)


def pairs(rows: FileRows, columns: tuple[str, str] = ("text", "label")) -> list[tuple[str, ...]]:
    return list(zip(*(rows.table.column(name).to_pylist() for name in columns), strict=True))


def test_cells_are_strings_as_they_are_written(tmp_path: Path) -> None:
    cells = ["None", "N/A", "null", "0010", "1E5", " blanks ", "TRUE", "1.0", "nan", "=1+1", "it's", '5" disk']
    rows = read(tmp_path, "text,label\n" + "".join(f"{cell},x\n" for cell in cells))
    assert [text for text, _ in pairs(rows)] == cells
    assert rows.kind is PlaceKind.LINE


def test_only_wanted_columns_are_kept(tmp_path: Path) -> None:
    rows = read(tmp_path, "id,text,label,note\n1,a,x,\n2,b,y,\n")
    assert rows.table.column_names == ["text", "label"]


def test_rows_have_the_line_on_which_they_begin(tmp_path: Path) -> None:
    rows = read(tmp_path, 'text,label\na,x\n"two\nlines, one cell",y\n\n,\nb,x\n')
    assert rows.numbers.tolist() == [2, 3, 7]
    assert rows.numbers.dtype == "int64"
    assert rows.blank == 2
    assert rows.reading == '7 lines, separated by comma, quoted by ", utf-8'


def test_rows_of_many_pieces_are_in_order(tmp_path: Path) -> None:
    rows = read(tmp_path, "text,label\n" + "".join(f"text {at},{at % 2}\n" for at in range(20_000)))
    assert pairs(rows) == [(f"text {at}", str(at % 2)) for at in range(20_000)]
    assert rows.numbers.tolist() == list(range(2, 20_002))


@pytest.mark.parametrize(("separator", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")])
def test_separator_is_found(tmp_path: Path, separator: str, word: str) -> None:
    content = f"text{separator}label\n" + f"good. really{separator}x\nbad{separator}y\n" * 3
    rows = read(tmp_path, content)
    assert rows.reading == f"7 lines, separated by {word}, no quoting, utf-8"
    assert pairs(rows)[:2] == [("good. really", "x"), ("bad", "y")]


def test_header_settles_the_separator_where_texts_hold_another(tmp_path: Path) -> None:
    rows = read(tmp_path, "label;text\n" + "x;one, two\ny;three, four\n" * 20)
    assert pairs(rows)[0] == ("one, two", "x")


def test_line_ends_of_all_systems_are_read(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r", "\r\r\n"):
        rows = read(tmp_path, end.join(["text,label", '"a, b",x', "c,y", ""]))
        assert pairs(rows) == [("a, b", "x"), ("c", "y")]


def test_a_return_inside_a_line_belongs_to_its_cell(tmp_path: Path) -> None:
    assert pairs(read(tmp_path, 'text,label\na\r\rb,x\n"c, d",y\n'))[0] == ("a\r\rb", "x")


def test_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    assert pairs(read(tmp_path, "text,label\na\u2028b\x0b\x85c\0,x\n")) == [("a\u2028b\x0b\x85c\0", "x")]


def test_the_sep_line_of_excel_is_honoured(tmp_path: Path) -> None:
    rows = read(tmp_path, "sep=;\r\ntext;label\r\na, b;x\r\n")
    assert pairs(rows) == [("a, b", "x")]
    assert rows.numbers.tolist() == [3]
    assert "Excel's sep line" in rows.reading


@pytest.mark.parametrize("pack", [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_compressed_files_are_read(tmp_path: Path, pack: tuple[str, Any]) -> None:
    assert pairs(read(tmp_path, pack[1](b"text,label\na,x\n"), f"reviews.csv.{pack[0]}")) == [("a", "x")]


class TestQuoting:
    def test_tabs_need_no_quoting_where_every_line_is_a_row(self, tmp_path: Path) -> None:
        lines = ["text\tlabel", '" a bare quote\tx', "plain\ty", '"wrapped" here\tx', 'ends"\ty', "more\tx"]
        rows = read(tmp_path, "\n".join(lines) + "\n")
        assert pairs(rows)[0] == ('" a bare quote', "x")
        assert len(rows.numbers) == 5
        assert "no quoting" in rows.reading

    def test_quotes_around_some_texts_of_a_tsv_belong_to_them(self, tmp_path: Path) -> None:
        rows = read(tmp_path, 'text\tlabel\n"Wow"\tx\nplain\ty\n')
        assert pairs(rows) == [('"Wow"', "x"), ("plain", "y")]

    def test_doubled_quotes_in_a_tsv_are_a_writer_s(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "text\tlabel\n" + '"say ""hi"" now"\tx\nplain\ty\n' * 3)
        assert pairs(rows)[:2] == [('say "hi" now', "x"), ("plain", "y")]

    def test_quotes_by_hand_in_a_csv_do_not_belong_to_the_text(self, tmp_path: Path) -> None:
        assert pairs(read(tmp_path, 'text,label\n"good",x\nbad,y\n')) == [("good", "x"), ("bad", "y")]

    def test_single_quotes_are_found(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "label;text\n" + "x;'it''s; fine'\ny;plain\n" * 3)
        assert pairs(rows)[:2] == [("it's; fine", "x"), ("plain", "y")]

    def test_an_apostrophe_that_begins_a_text_quotes_nothing(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "text,label\n'tis fine,x\n\"a, b\",y\nthe boys',x\n")
        assert [text for text, _ in pairs(rows)] == ["'tis fine", "a, b", "the boys'"]

    def test_backslashes_that_escape_are_found(self, tmp_path: Path) -> None:
        rows = read(tmp_path, 'text,label\n"say \\"hi\\", then \\\\",x\nplain,y\n')
        assert pairs(rows) == [('say "hi", then \\', "x"), ("plain", "y")]
        assert "escaped by backslash" in rows.reading

    def test_backslashes_of_texts_are_kept(self, tmp_path: Path) -> None:
        rows = read(tmp_path, 'text,label\n"C:\\dir, a \\""b\\"" \\n",x\n')
        assert pairs(rows) == [('C:\\dir, a \\"b\\" \\n', "x")]

    def test_a_backslash_that_may_belong_to_the_text_is_refused(self, tmp_path: Path) -> None:
        content = 'text,label\n"say \\"hi\\", ok",x\n"C:\\dir, \\"q\\"",y\n'
        with pytest.raises(DataError, match="line 3 has a backslash that escapes nothing") as caught:
            read(tmp_path, content)
        assert caught.value.key == "data.format.escape"

    def test_what_nothing_decides_is_refused_with_its_line_and_the_key(self, tmp_path: Path) -> None:
        content = 'text,label\nplain,x\n" a,x\nb",y\n'
        with pytest.raises(
            DataError, match=r"reviews.csv, line 3 can be read as .*; write data.format.quote: "
        ) as caught:
            read(tmp_path, content)
        assert caught.value.key == "data.format.quote"
        assert pairs(read(tmp_path, content, quote="none"))[1:] == [('" a', "x"), ('b"', "y")]
        assert pairs(read(tmp_path, content, quote='"'))[1:] == [(" a,x\nb", "y")]

    def test_a_difference_in_columns_that_are_not_wanted_does_not_matter(self, tmp_path: Path) -> None:
        rows = read(tmp_path, 'text\tlabel\tnote\na\tx\t"n ""m"""\nb\ty\t\n')
        assert pairs(rows) == [("a", "x"), ("b", "y")]

    def test_a_quote_that_swallows_rows_is_refused(self, tmp_path: Path) -> None:
        content = 'text,label\n"a, b",x\n"c,y\nd,x\ne",x\nf,y\n'
        with pytest.raises(DataError, match=r"line 3: a quote opens and takes in lines that look like rows"):
            read(tmp_path, content)

    def test_a_quote_that_is_never_closed_is_refused_with_its_line(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r'reviews.csv, line 4: a " opens'):
            read(tmp_path, 'text,label\n"a, b",x\nc,y\n"d, e,x\n' + "f,y\n" * 100)

    def test_a_quote_inside_a_quoted_cell_is_refused_with_its_line(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r'reviews.csv, line 3: a " opens'):
            read(tmp_path, 'text,label\n"a, b",x\n"good" product, really,y\n')


class TestHeader:
    def test_blank_lines_in_front_of_the_header_are_counted(self, tmp_path: Path) -> None:
        rows = read(tmp_path, '\n\ntext\tlabel\n"Wow"\tx\nplain\ty\n')
        assert pairs(rows) == [('"Wow"', "x"), ("plain", "y")]
        assert (rows.blank, rows.numbers.tolist()) == (2, [4, 5])

    def test_a_file_without_header_is_refused_with_its_first_line(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no header: its line 1 is 'a, b', 'x'; name its 2 columns") as caught:
            read(tmp_path, '"a, b",x\nc,y\nd,x\n')
        assert caught.value.key == "data.format.header"

    def test_a_file_without_header_is_read_by_names_or_numbers(self, tmp_path: Path) -> None:
        content = '"a, b",x\nc,y\nd,x\n'
        rows = read(tmp_path, content, header=["text", "label"])
        assert pairs(rows) == [("a, b", "x"), ("c", "y"), ("d", "x")]
        assert rows.numbers.tolist() == [1, 2, 3]
        assert rows.reading.endswith(", no header")
        numbered = Wanted({"text": ("1",), "label": ("2",)})
        assert pairs(read(tmp_path, content, wanted=numbered, header=False), ("1", "2"))[0] == ("a, b", "x")

    def test_a_header_that_the_study_names_again_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="line 1 holds the names"):
            read(tmp_path, "text,label\na,x\n", header=["text", "label"])

    def test_too_few_names_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"line 1 .* has 3 cells where there are 2 columns"):
            read(tmp_path, "a,x,1\nb,y,2\n", header=["text", "label"])

    def test_a_column_of_other_capitals_is_suggested(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="did you mean 'Text'"):
            read(tmp_path, "Text;Label\na;x\n")

    def test_a_column_that_is_wanted_and_named_twice_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="names the column 'text' twice") as caught:
            read(tmp_path, "text,label,text\na,x,b\n")
        assert caught.value.key == "data.text"

    def test_another_column_may_be_named_twice(self, tmp_path: Path) -> None:
        assert pairs(read(tmp_path, "text,note,label,note\na,1,x,2\n")) == [("a", "x")]

    def test_an_index_without_name_is_left_out_with_a_note(self, tmp_path: Path) -> None:
        rows = read(tmp_path, ",text,label\n0,a,x\n1,b,y\n")
        assert pairs(rows) == [("a", "x"), ("b", "y")]
        assert "no name to column 1" in rows.reading
        assert rows.notes == ()

    def test_row_names_of_r_are_left_out_with_a_note(self, tmp_path: Path) -> None:
        rows = read(tmp_path, '"text","label"\n"1","a, b","x"\n"2","c","y"\n')
        assert pairs(rows) == [("a, b", "x"), ("c", "y")]
        assert rows.table.column_names == ["text", "label"]
        assert "a cell more than the header" in rows.reading
        assert rows.notes == ()

    def test_first_cells_that_repeat_are_no_names_of_rows(self, tmp_path: Path) -> None:
        content = "text,label\n" + "".join(f"{at},a,x\n" for at in range(1, 1500)) + "1,b,y\n"
        with pytest.raises(DataError, match=r"every record of reviews\.csv has 3 cells where the header names 2"):
            read(tmp_path, content)

    def test_separators_at_the_end_of_rows_are_left_out_with_a_note(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "text,label\na,x,\nb,y,\n")
        assert pairs(rows) == [("a", "x"), ("b", "y")]
        assert "a separator ends each record" in rows.reading
        assert rows.notes == ()

    def test_empty_cells_at_the_end_of_rows_are_left_out_with_a_note(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "text;label\na;x;;;\nb;y;;;\n")
        assert pairs(rows) == [("a", "x"), ("b", "y")]
        assert "3 empty cells end each record but the header" in rows.reading
        assert rows.notes == ()
        content = "text;label\n" + "a;x;;;\n" * 1500 + "b;y;;z;\n"
        with pytest.raises(DataError, match="line 1502 has 5 cells"):
            read(tmp_path, content)

    def test_cells_that_spill_into_columns_without_a_name_are_counted(self, tmp_path: Path) -> None:
        rows = read(tmp_path, "label,text,,\nx,a,,\ny,b, and c,\nx,d,, e\n")
        assert pairs(rows) == [("a", "x"), ("b", "y"), ("d", "x")]
        assert rows.table.column_names == ["text", "label"]
        assert rows.reading.endswith("utf-8; the header gives no name to columns 3, 4, which are not read")
        assert rows.notes == (
            "2 rows hold something in columns without a name, the first on line 3; is a text cut at a separator?",
        )

    @pytest.mark.parametrize("before", ["Reviews of 2024\n\n", "# by a tool, version 3\n# CC0\n", "Reviews,,\n,,\n"])
    def test_lines_in_front_of_the_header_are_an_error_that_names_it(self, before: str, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="seems to be line 3; remove the 2 lines in front of it") as caught:
            read(tmp_path, before + "text,label,\n" + "a,x,\nb,y,\n" * 3)
        assert caught.value.key == "data.format.header"

    def test_names_are_suggested_by_the_content_of_columns(self, tmp_path: Path) -> None:
        content = "".join(f'"{1 + at % 2}","title {at}","a long text of a review {at}"\n' for at in range(9))
        with pytest.raises(DataError, match=r"data\.format\.header: \[label, name2, text\]"):
            read(tmp_path, content)

    def test_lines_of_fasttext_are_an_error_that_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="line 1 begins with __label__, as in files of fastText"):
            read(tmp_path, "__label__pos good, really\n__label__neg bad\n", "reviews.txt")

    @pytest.mark.parametrize(("sign", "word"), [(":", ":"), ("~", "~"), (" ", "space")])
    def test_a_separator_that_is_not_tried_is_named(self, sign: str, word: str, tmp_path: Path) -> None:
        content = "".join(f"{text}{sign}{label}\n" for text, label in (("text", "label"), ("a", "x"), ("b", "y")))
        with pytest.raises(DataError, match=f"data.format.separator: '{word}'"):
            read(tmp_path, content)
        assert pairs(read(tmp_path, content, separator=word)) == [("a", "x"), ("b", "y")]

    def test_a_column_with_a_blank_behind_its_name_is_suggested_and_no_separator(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="there is no column 'text'; did you mean 'text '") as caught:
            read(tmp_path, "text ,label\na,x\n")
        assert caught.value.key == "data.text"

    @pytest.mark.parametrize("name", ["label\u00a0", "\u200blabel", "LABEL", "label "])
    def test_a_column_whose_name_looks_the_same_is_suggested(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(DataError) as caught:
            read(tmp_path, f"text,{name}\na,x\n")
        assert f"there is no column 'label'; did you mean {name!r}?" in caught.value.reason

    def test_a_column_of_two_lines_is_shown_in_one(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"there are text, 'two\\nlines'"):
            read(tmp_path, 'text,"two\nlines"\na,x\n')

    def test_a_column_whose_letters_are_coded_otherwise_is_shown_by_its_codes(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"did you mean 'e\\u0301tat'\?"):
            read(tmp_path, "text,e\u0301tat\na,x\n", wanted=Wanted({"text": ("text",), "label": ("\u00e9tat",)}))

    def test_an_empty_file_is_an_error(self, tmp_path: Path) -> None:
        for content in ("", "\n\n", "\ufeff"):
            with pytest.raises(DataError, match="holds no record"):
                read(tmp_path, content)

    def test_a_file_of_one_endless_line_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="line 1 has more than 16,000,000 characters"):
            read(tmp_path, b"{1,2}," * 3_000_000)

    def test_a_header_alone_has_no_rows(self, tmp_path: Path) -> None:
        assert read(tmp_path, "text,label\n").table.num_rows == 0


class TestBrokenRows:
    def test_a_row_of_another_number_of_cells_is_refused_with_its_line(self, tmp_path: Path) -> None:
        content = 'text,label\n"a, b",x\nc, d,y\ne\nf,x\n'
        with pytest.raises(
            DataError, match=r"reviews.csv, line 3 \(and 1 more: line 4\) has 3 cells .* 2 columns: 'c, d,y'"
        ):
            read(tmp_path, content)

    def test_the_first_row_may_be_the_broken_one(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="line 2 has 3 cells"):
            read(tmp_path, "text,label\n1,c,y\ne,x\nf,x\n")

    def test_a_row_is_broken_although_a_bare_quote_comes_before(self, tmp_path: Path) -> None:
        content = 'text\tlabel\n" a\tx\nb\ty\nc\ty\t1\n'
        with pytest.raises(DataError, match="line 4 has 3 cells"):
            read(tmp_path, content)


class TestGivenFormat:
    def test_all_characters_may_be_given(self, tmp_path: Path) -> None:
        rows = read(
            tmp_path, "text:label\n%a: ^%b%:x\n", separator=":", quote="%", escape="^", encoding="cp1252", header=True
        )
        assert pairs(rows) == [("a: %b", "x")]
        assert rows.reading == "2 lines, separated by :, quoted by %, escaped by ^, cp1252"

    def test_a_separator_that_hides_the_columns_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"with 'semicolon', .* no column 'text'; .* separated by comma") as caught:
            read(tmp_path, "text,label\na,x\n", separator=";")
        assert caught.value.key == "data.format.separator"

    def test_given_quote_is_believed_where_the_evidence_is_against_it(self, tmp_path: Path) -> None:
        assert pairs(read(tmp_path, 'text\tlabel\n"a"\tx\nb\ty\n', quote='"'))[0] == ("a", "x")

    def test_one_character_for_two_things_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="the same character"):
            read(tmp_path, "text,label\na,x\n", separator=",", quote=",")

    def test_half_a_character_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="half a character"):
            read(tmp_path, "text,label\n\\ud800,x\n", encoding="unicode_escape")


def test_progress_ends_with_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\n" + "a text,x\n" * 20_000)
    calls: list[tuple[str, int, int]] = []
    read_delimited(path, "reviews.csv", WANTED, DataConfig(source="x"), lambda *call: calls.append(call))
    size = path.stat().st_size
    assert len(calls) > 2
    assert calls[-1] == ("reading reviews.csv", size, size)
    assert [done for _, done, _ in calls] == sorted(done for _, done, _ in calls)
