"""How a study that exists is searched once its file is given again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage import StudyRecord
from tuner.errors import StudyChanged
from tuner.service.merge import StudyFile, merge
from tuner.study.config import StudyConfig
from tuner.study.study_file import parse_config, parse_stored

BUILT_IN: dict[str, Any] = {"name": "s", "model": "m/m", "data": {"source": "d/d"}}
OWN: dict[str, Any] = {"name": "s", "train": "own:train", "metric": "score"}
#: A study file, and the parts of its configuration that version 0.1 stored otherwise, as the upgrade leaves them.
EARLIER = [
    (BUILT_IN, {}),
    (OWN, {}),
    ({**BUILT_IN, "pruner": "auto"}, {}),
    ({**BUILT_IN, "pruner": "median"}, {"pruner": "median"}),
    ({**BUILT_IN, "early_stopping": "none"}, {"early_stopping": None}),
    ({**BUILT_IN, "evaluations": 5}, {"evaluations": 5}),
]


def parse(document: dict[str, Any]) -> StudyConfig:
    return parse_config(document, source="s.yaml", folder=Path("/nowhere"))


def stored_by_0_1(document: dict[str, Any], changes: dict[str, Any]) -> StudyConfig:
    """Return the configuration that a study of version 0.1 has after the upgrade."""
    usual = {"pruner": "percentile", "early_stopping": {"patience": 3}, "evaluations": "auto"}
    neutral = {key: value for key, value in document.items() if key not in usual}
    stored = parse({**neutral, **usual, **changes, "search": "plain"}).to_dict()
    return parse_stored({**stored, "search": "plain"}, source="study 's'")


def merged(document: dict[str, Any], stored: StudyConfig) -> StudyConfig:
    """Return the configuration with which a study goes on whose file is given again."""
    config, written = parse(document), stored.to_dict()
    file = StudyFile(source="s.yaml", config=config, budget=written["budget"], budget_given=False)
    record = StudyRecord(
        id=1, name="s", config=written, facts={"file_budget": written["budget"]}, state="open", wall_s=0.0
    )
    found, _ = merge(file, record, stored)
    return found


@pytest.mark.parametrize(("document", "changes"), EARLIER, ids=str)
def test_a_study_of_version_0_1_whose_file_is_as_it_was_goes_on_as_it_was_searched(
    document: dict[str, Any], changes: dict[str, Any]
) -> None:
    stored = stored_by_0_1(document, changes)
    found = merged(document, stored)
    assert found.to_dict() == stored.to_dict()
    assert not found.has_rungs


@pytest.mark.parametrize("document", [BUILT_IN, OWN])
def test_a_study_of_version_0_1_is_not_searched_otherwise_because_its_file_now_asks_for_it(
    document: dict[str, Any],
) -> None:
    with pytest.raises(StudyChanged, match=r"study 's' exists with another .*search\.name"):
        merged({**document, "search": "auto"}, stored_by_0_1(document, {}))


def test_another_pruner_than_a_study_of_version_0_1_has_is_a_change_of_the_file() -> None:
    with pytest.raises(StudyChanged, match=r"exists with another pruner\.name"):
        merged({**BUILT_IN, "pruner": "median"}, stored_by_0_1(BUILT_IN, {}))


@pytest.mark.parametrize(
    "document", [BUILT_IN, {**BUILT_IN, "search": "auto"}, {**OWN, "search": "auto"}, {**BUILT_IN, "search": "plain"}]
)
def test_a_study_of_this_version_goes_on_as_its_file_says(document: dict[str, Any]) -> None:
    config = parse(document)
    stored = parse_stored(config.to_dict(), source="study 's'")
    assert merged(document, stored) == config


def test_a_study_with_rungs_goes_on_with_them_though_its_file_says_so_now_or_no_longer() -> None:
    stored = parse_stored(parse(BUILT_IN).to_dict(), source="study 's'")
    assert merged({**BUILT_IN, "search": "auto"}, stored).has_rungs
    stored = parse_stored(parse({**BUILT_IN, "search": "auto"}).to_dict(), source="study 's'")
    assert merged(BUILT_IN, stored).has_rungs


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({**BUILT_IN, "search": "plain"}, r"search\.name"),
        ({**BUILT_IN, "pruner": "median"}, r"search\.name"),
        ({**BUILT_IN, "search": {"eta": 3}}, r"search\.eta"),
        ({**BUILT_IN, "search": {"promotion": "none"}}, r"search\.promotion"),
    ],
    ids=str,
)
def test_another_search_than_a_study_has_is_a_change_of_the_file(document: dict[str, Any], key: str) -> None:
    stored = parse_stored(parse(BUILT_IN).to_dict(), source="study 's'")
    with pytest.raises(StudyChanged, match=rf"exists with another .*{key}"):
        merged(document, stored)


def test_training_of_ones_own_with_rungs_goes_on_with_them_where_its_file_no_longer_says_so() -> None:
    stored = parse_stored(parse({**OWN, "search": "auto"}).to_dict(), source="study 's'")
    with pytest.raises(StudyChanged, match=r"exists with another .*search\.name"):
        merged(OWN, stored)


def test_a_file_that_no_longer_names_the_settings_of_its_search_has_changed() -> None:
    stored = parse_stored(parse({**BUILT_IN, "search": {"eta": 3}}).to_dict(), source="study 's'")
    with pytest.raises(StudyChanged, match=r"exists with another search\.eta"):
        merged(BUILT_IN, stored)
