from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuner.study.fingerprints import READER, content_of, differences

FACTS: dict[str, Any] = {"data": "d", "tokenizer": "t", "weights": "w", "versions": {"torch": "2", "transformers": "5"}}


def test_the_same_files_have_the_same_content_wherever_they_lie(tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place / "below").mkdir(parents=True)
        (tmp_path / place / "rows.csv").write_text("a,b", encoding="utf-8")
        (tmp_path / place / "below" / "more.csv").write_text("c", encoding="utf-8")
    assert content_of(tmp_path / "here") == content_of(tmp_path / "there")
    assert content_of(tmp_path / "here" / "rows.csv") == content_of(tmp_path / "there" / "rows.csv")


def test_a_file_that_is_changed_moved_or_renamed_changes_a_folders_content(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b", encoding="utf-8")
    (tmp_path / "below").mkdir()
    contents = [content_of(tmp_path)]
    (tmp_path / "rows.csv").rename(tmp_path / "lines.csv")
    contents.append(content_of(tmp_path))
    (tmp_path / "lines.csv").rename(tmp_path / "below" / "lines.csv")
    contents.append(content_of(tmp_path))
    (tmp_path / "below" / "lines.csv").write_text("a,c", encoding="utf-8")
    contents.append(content_of(tmp_path))
    assert len(set(contents)) == 4


def test_what_is_not_there_has_no_content(tmp_path: Path) -> None:
    assert content_of(None) is None
    assert content_of(tmp_path / "nowhere") is None


@pytest.mark.parametrize("key", ["data", "tokenizer", "weights"])
def test_what_is_another_one_here_is_told_with_the_flag_that_mends_it(key: str) -> None:
    assert list(differences(FACTS, FACTS)) == []
    ((found, reason),) = differences(FACTS, {**FACTS, key: "another"})
    assert found == key
    assert f"--{'data' if key == 'data' else 'model'} names where" in reason
    assert [found for found, _ in differences(FACTS, {k: v for k, v in FACTS.items() if k != key})] == [key]


def test_another_version_of_a_library_is_told_unless_any_will_do() -> None:
    here = {**FACTS, "versions": {"torch": "2", "transformers": "6"}}
    ((key, reason),) = differences(FACTS, here)
    assert key == "versions"
    assert "created with transformers 5, here is 6" in reason
    assert reason.endswith("or go on with `tuner resume --any-versions`")
    assert list(differences(FACTS, here, any_versions=True)) == []
    ((_, reason),) = differences(FACTS, {**FACTS, "versions": {"torch": "2"}})
    assert "here is none" in reason


def test_a_study_of_before_there_were_fingerprints_is_not_compared() -> None:
    assert list(differences({"family": "bert"}, FACTS)) == []


def test_a_study_of_an_earlier_reader_whose_rows_come_out_otherwise_is_told_what_changed() -> None:
    earlier = {**FACTS, "sizes": {"train": 74, "test": 9}, "labels": ["0", "1"]}
    assert list(differences(earlier, {**FACTS, "sizes": {"train": 75, "test": 9}})) == []  # the rows are the same
    here = {**FACTS, "data": "another", "sizes": {"train": 75, "test": 9}, "labels": ["no", "yes"]}
    ((key, reason),) = differences(earlier, here)
    assert key == "data"
    assert "read its data otherwise: train has 75 rows (had 74); the classes are no, yes (were 0, 1)." in reason
    ((_, reason),) = differences(earlier, {**here, "sizes": earlier["sizes"], "labels": earlier["labels"]})
    assert "some rows have other values or are in another split" in reason
    ((_, reason),) = differences({**earlier, "reader": READER}, here)
    assert reason.startswith("these are not the rows")
