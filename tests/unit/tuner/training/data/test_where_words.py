from __future__ import annotations

from tuner.training.data.where_words import WhereWords


def test_words_that_no_file_has_are_said_with_those_that_there_are() -> None:
    words = WhereWords()
    words.add("lang", ["EN", None], {"de"})
    words.add("lang", ["de"], {"de"})
    where: dict[str, str | list[str]] = {"lang": ["en", "de", "fr"]}
    assert words.absent(where) == [
        "no row has 'en' in column 'lang', which data.where names; did you mean 'EN'?",
        "no row has 'fr' in column 'lang', which data.where names; there are 'EN', '', 'de'",
    ]
    assert words.hint(where) == f": {words.absent(where)[0]}"


def test_conditions_that_no_row_meets_at_once_are_said() -> None:
    words = WhereWords()
    words.add("lang", ["de"], {"de"})
    words.add("year", ["2020"], {"2020"})
    assert words.absent({"lang": "de", "year": "2020"}) == []
    assert words.hint({"lang": "de", "year": "2020"}) == ": no row meets all of the conditions"


def test_few_of_many_words_are_shown() -> None:
    words = WhereWords()
    words.add("id", [str(at) for at in range(5000)], ())
    assert words.absent({"id": "x"})[0].endswith("there are '0', '1', '2', '3', '4', '5', …")
