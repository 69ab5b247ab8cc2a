# ruff: noqa: RUF001 - the letters of other alphabets are meant
from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tuner.errors import DataError
from tuner.training.data.files.encodings import find_encoding, undecodable_line

GERMAN = "text,label\n" + "Die Tür schließt nicht,neg\nSehr schöne Größe,pos\n" * 20
FRENCH = "text,label\n" + "Un cœur déçu, où est l’été ?;neg\nTrès bien, ça marche…;pos\n" * 20
#: Texts of languages that Western encodings do not have, and an encoding of each.
OTHERS = {
    "cp1250": "Gorąco polecam wszystkim, źle nie będzie\nCena jest zbyt wysoka jak na taką jakość\n",
    "iso8859-2": "Dlaczego nikt nie odpowiada na moje pytania? Łóżko skrzypi całą noc\n",
    "cp1254": "Teslimat hızlıydı ve ürün çok güzel, teşekkürler\nMaalesef iki gün sonra bozuldu, üzgünüm\n",
    "cp1257": "Kodėl niekas neatsako į mano klausimus?\nRekomenduoju visiems, žmonėms patiks\n",
    "cp1251": "Почему никто не отвечает на мои вопросы?\nДоставка была быстрой\n",
    "koi8-r": "Почему никто не отвечает на мои вопросы?\nДоставка была быстрой\n",
    "cp1253": "Η παράδοση ήταν γρήγορη και το προϊόν είναι πολύ καλό\n",
    "gbk": "送货很快，产品质量非常好\n可惜两天后就坏了，很失望\n",
    "big5": "送貨很快，產品品質非常好\n可惜兩天後就壞了，很失望\n",
    "shift_jis": "配達はとても早くて、商品も素晴らしいです\n",
    "euc-kr": "배송이 빠르고 제품이 아주 좋습니다\n",
    "mac-roman": "Très bon produit, je le recommande à tous\nLe colis était abîmé\n",
}


def write(folder: Path, content: bytes, name: str = "reviews.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"", "utf-8"),
        (b"text,label\nplain,pos\n", "utf-8"),
        ("text,label\ncafé 😀,pos\n".encode(), "utf-8"),
        (GERMAN.encode("utf-8-sig"), "utf-8-sig"),
        (GERMAN.encode("utf-16"), "utf-16"),
        (GERMAN.encode("utf-16-be"), "utf-16-be"),
        (GERMAN.encode("utf-16-le"), "utf-16-le"),
        (GERMAN.encode("utf-32"), "utf-32"),
        (GERMAN.encode("utf-32-be"), "utf-32-be"),
        (GERMAN.encode("latin-1"), "latin-1"),
        (FRENCH.encode("cp1252"), "cp1252"),
        (b"text,label\na\0b,pos\n", "utf-8"),
    ],
)
def test_encoding_is_found(tmp_path: Path, content: bytes, encoding: str) -> None:
    assert find_encoding(write(tmp_path, content), None) == encoding


def test_a_byte_far_into_the_file_is_seen(tmp_path: Path) -> None:
    content = b"plain,pos\n" * 300_000 + "schön,pos\n".encode("latin-1")
    assert find_encoding(write(tmp_path, content), None) == "latin-1"


def test_a_character_across_two_pieces_is_whole(tmp_path: Path) -> None:
    content = b"x" * ((1 << 20) - 1) + "é\n".encode() + b"y" * 10
    assert find_encoding(write(tmp_path, content), None) == "utf-8"


@pytest.mark.parametrize("encoding", OTHERS)
def test_text_that_is_not_western_is_refused_with_its_line_and_the_key(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, ("text,label\n" + OTHERS[encoding] * 20).encode(encoding))
    with pytest.raises(DataError, match=r"reviews.csv is not utf-8, and line [23] is no Western") as caught:
        find_encoding(path, None, "reviews.csv")
    assert caught.value.key == "data.format.encoding"
    assert "\n" not in str(caught.value)
    assert find_encoding(path, encoding) == encoding


def test_the_line_is_shown_in_the_encoding_that_it_may_be_in(tmp_path: Path) -> None:
    path = write(tmp_path, ("text,label\n" + OTHERS["cp1251"] * 20).encode("cp1251"))
    with pytest.raises(DataError, match="it may be cp1251, in which the line is 'Почему никто"):
        find_encoding(path, None)


def test_bytes_that_are_not_utf_8_in_a_file_that_is_are_damage(tmp_path: Path) -> None:
    content = GERMAN.encode() + b"caf\xe9,pos\n" + b"na\xefve,neg\n"
    with pytest.raises(DataError, match=r"reviews.csv, line 42 \(and 1 more: line 43\) is not utf-8 while the rest"):
        find_encoding(write(tmp_path, content), None, "reviews.csv")


def test_a_line_of_utf_8_in_a_latin_1_file_is_a_mixture(tmp_path: Path) -> None:
    content = GERMAN.encode("latin-1") + "schön,pos\n".encode()
    with pytest.raises(DataError, match="line 42 is utf-8 while the rest of the file is not"):
        find_encoding(write(tmp_path, content), None)


def test_a_file_that_ends_inside_a_character_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3 is not utf-8"):
        find_encoding(write(tmp_path, "text,label\nüber,pos\nschö".encode()[:-1]), None)


def test_given_encoding_overrules(tmp_path: Path) -> None:
    assert find_encoding(write(tmp_path, GERMAN.encode()), "cp1252") == "cp1252"


def test_a_mark_in_front_of_the_given_utf_8_is_no_text(tmp_path: Path) -> None:
    assert find_encoding(write(tmp_path, GERMAN.encode("utf-8-sig")), "utf-8") == "utf-8-sig"


def test_a_byte_that_the_given_encoding_lacks_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2 is not ascii, as data\.format\.encoding says"):
        find_encoding(write(tmp_path, GERMAN.encode()), "ascii")


@pytest.mark.parametrize("encoding", ["rot13", "base64", "punycode", "idna"])
def test_codecs_that_are_no_encodings_of_files_are_an_error(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DataError):
        find_encoding(write(tmp_path, GERMAN.encode()), encoding)


def test_the_line_that_cannot_be_decoded_is_counted_across_pieces(tmp_path: Path) -> None:
    path = write(tmp_path, b"plain,pos\n" * 300_000 + b"\xff\n")
    assert undecodable_line(path, "utf-8") == 300_001
    assert undecodable_line(path, "latin-1") is None


def test_lines_of_utf_16_are_counted_by_character(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff੊\n੊\n".encode("utf-16-be") + b"\xd8\x00\x00\x41")
    assert undecodable_line(path, "utf-16") == 3


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"PK\x03\x04...", "Excel"), (b"\x1f\x8b...", r"\.gz"), (b"PAR1...", "parquet"), (b"%PDF-1.4", "PDF")],
)
def test_files_that_hold_no_text_are_named(tmp_path: Path, content: bytes, word: str) -> None:
    with pytest.raises(DataError, match=word):
        find_encoding(write(tmp_path, content), None)


def test_seven_bit_japanese_is_no_utf_8(tmp_path: Path) -> None:
    content = ("text,label\n" + OTHERS["shift_jis"]).encode("iso2022_jp")
    with pytest.raises(DataError, match="iso2022_jp"):
        find_encoding(write(tmp_path, content), None)
    assert find_encoding(write(tmp_path, content), "iso2022_jp") == "iso2022_jp"


def test_a_compressed_file_is_read_inside(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(GERMAN.encode("latin-1")), "reviews.csv.gz")
    assert find_encoding(path, None) == "latin-1"


def test_a_compressed_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(GERMAN.encode())[:-20], "reviews.csv.gz")
    with pytest.raises(DataError, match=r"reviews\.csv\.gz is cut off"):
        find_encoding(path, None, "reviews.csv.gz")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_header_in_ascii_shows_utf_16_without_a_mark(encoding: str, tmp_path: Path) -> None:
    content = "text,label\n" + "送货很快，产品质量非常好,好\n" * 20
    assert find_encoding(write(tmp_path, content.encode(encoding)), None) == encoding


def test_bytes_of_zero_are_a_hint_at_utf_16(tmp_path: Path) -> None:
    content = "文本,标签\n" + "送货很快，产品质量非常好,好\n" * 20
    with pytest.raises(DataError, match=r"if it is, write data\.format\.encoding: utf-16-le"):
        find_encoding(write(tmp_path, content.encode("utf-16-le")), None)


@pytest.mark.parametrize(
    ("content", "thing"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "git lfs pull"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", "an HTML page"),
        (b"<HTML><head>", "an HTML page"),
    ],
)
def test_a_text_that_stands_in_the_place_of_a_file_is_named(content: bytes, thing: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=thing) as caught:
        find_encoding(write(tmp_path, content), None)
    assert caught.value.key == "data.source"


def test_halves_of_characters_are_no_western_text(tmp_path: Path) -> None:
    content = b"text,label\n" + b"fine,pos\n" * 20 + b"nice \xed\xa0\xbd\xed\xb8\x80,pos\n"
    with pytest.raises(DataError, match="line 22 holds halves of characters"):
        find_encoding(write(tmp_path, content), None)
