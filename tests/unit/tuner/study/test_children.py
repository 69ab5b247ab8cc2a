from __future__ import annotations

from pathlib import Path

from storing import create_study

from storage import Database, Studies
from tuner.study.children import CONFIRMS, children_of, next_child


def test_a_child_that_was_deleted_hides_no_other_one_and_its_name_is_not_taken_again(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path}/tuner.db", create=True) as database:
        study = create_study(database, "s")
        for name in ("s.confirm-1", "s.confirm-2", "s.confirm-10", "s.confirm-x", "s2.confirm-3"):
            create_study(database, name)
        Studies(database).delete("s.confirm-1")
        assert [each.name for each in children_of(database, study, CONFIRMS)] == ["s.confirm-2", "s.confirm-10"]
        assert next_child(database, study, CONFIRMS) == "s.confirm-11"
