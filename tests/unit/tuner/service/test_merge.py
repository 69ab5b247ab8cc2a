from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage import StudyRecord
from tuner.errors import StudyChanged
from tuner.service.merge import StudyFile, merge
from tuner.study.study_file import parse_config, parse_stored, read_config

DOCUMENT: dict[str, Any] = {"name": "s", "train": "own:train", "budget": {"trials": 20}}


def test_a_budget_given_by_flag_stays_where_the_file_is_as_it_was_written_before_a_part_of_it_was_known() -> None:
    config = parse_config(DOCUMENT, source="s.yaml", folder=Path())
    written = config.to_dict()
    before = {key: value for key, value in written["budget"].items() if key != "trial_time"}
    stored = {**written, "budget": {**before, "trials": 40}}
    record = StudyRecord(id=1, name="s", config=stored, facts={"file_budget": before}, state="open", wall_s=0.0)
    for file, explicit, trials in ((20, False, 40), (30, False, 30), (20, True, 20)):
        now = config.model_copy(update={"budget": config.budget.model_copy(update={"trials": file})})
        given = StudyFile(source="s.yaml", config=now, budget=now.to_dict()["budget"], budget_given=explicit)
        merged, facts = merge(given, record, parse_stored(stored, source="s"))
        assert merged.budget.trials == trials
        assert facts == {"file_budget": given.budget}


def test_a_file_with_words_in_place_of_the_numbers_that_version_0_1_stored_has_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    written = "where: {stars: 5, ok: true, lang: [1, en]}, labels: {0: bad, 1: good}"
    path.write_text(f"name: s\nmodel: m/m\ndata: {{source: d/d, {written}}}\n", encoding="utf-8")
    config = read_config(path)
    document = config.to_dict()
    stored = {**document, "data": {key: document["data"][key] for key in ("source", "text", "label", "splits")}}
    stored["data"] |= {"where": {"stars": 5, "ok": True, "lang": [1, "en"]}, "labels": {"0": "bad", "1": "good"}}
    facts = {"file_budget": document["budget"]}
    record = StudyRecord(id=1, name="s", config=stored, facts=facts, state="open", wall_s=0.0)
    file = StudyFile(source="s.yaml", config=config, budget=document["budget"], budget_given=False)
    merged, _ = merge(file, record, parse_stored(stored, source="s"))
    assert merged == config

    path.write_text(f"name: s\nmodel: m/m\ndata: {{source: d/d, {written.replace('5', '05')}}}\n", encoding="utf-8")
    with pytest.raises(StudyChanged, match=r"exists with another data\.where\.stars; give"):
        merge(replace(file, config=read_config(path)), record, parse_stored(stored, source="s"))
