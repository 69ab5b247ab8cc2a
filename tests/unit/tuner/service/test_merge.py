from __future__ import annotations

from pathlib import Path
from typing import Any

from storage import StudyRecord
from tuner.service.merge import StudyFile, merge
from tuner.study.study_file import parse_config, parse_stored

DOCUMENT: dict[str, Any] = {"name": "s", "train": "own:train", "budget": {"trials": 20}}


def test_a_budget_given_by_flag_stays_where_the_file_is_as_it_was_written_before_a_part_of_it_was_known() -> None:
    config = parse_config(DOCUMENT, source="s.yaml", folder=Path())
    written = config.to_dict()
    before = {key: value for key, value in written["budget"].items() if key != "trial_time"}
    stored = {**written, "budget": {**before, "trials": 40}}
    record = StudyRecord(id=1, name="s", config=stored, facts={"file_budget": before}, state="open", wall_s=0.0)
    for file, explicit, trials in ((20, False, 40), (30, False, 30), (20, True, 20)):
        now = config.model_copy(update={"budget": config.budget.model_copy(update={"trials": file})})
        given = StudyFile(source="s.yaml", config=now, budget=now.to_dict()["budget"], trials_given=explicit)
        merged, facts = merge(given, record, parse_stored(stored, source="s"))
        assert merged.budget.trials == trials
        assert facts == {"file_budget": given.budget}
