"""Which search a study file asks for, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import ConfigError
from tuner.study.config import StudyConfig
from tuner.study.study_file import parse_config, parse_stored

MINIMAL: Mapping[str, Any] = {"name": "s", "model": "some/model", "data": {"source": "some/data"}}
OWN: Mapping[str, Any] = {"name": "s", "train": "own:train", "metric": "score"}


def parse(document: Mapping[str, Any] = MINIMAL, **changes: Any) -> StudyConfig:
    return parse_config({**document, **changes}, source="s.yaml", folder=Path("/nowhere"))


def complaint(document: Mapping[str, Any] = MINIMAL, **changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(document, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("s.yaml: ")


# ---- which search


def test_a_built_in_task_is_searched_with_rungs_and_training_of_ones_own_without() -> None:
    assert parse().has_rungs
    assert not parse(OWN).has_rungs
    assert parse(OWN, search="auto").has_rungs
    assert not parse(search="plain").has_rungs


@pytest.mark.parametrize(
    "plain",
    [
        {"pruner": "median"},
        {"pruner": "percentile"},
        {"pruner": "none"},
        {"pruner": None},
        {"pruner": {"percentile": 50}},
        {"pruner": {"name": "auto", "n_warmup_steps": 30}},
        {"evaluations": 5},
        {"early_stopping": {"patience": 3}},
        {"early_stopping": {}},
    ],
    ids=str,
)
def test_a_key_of_the_plain_search_asks_for_it_and_does_not_go_with_rungs(plain: dict[str, Any]) -> None:
    (key,) = plain
    config = parse(**plain)
    assert config.search.name == "plain"
    assert not config.says_search
    said = complaint(**plain, search="auto")
    assert f"`search: auto` judges every trial at the same rungs; {key} belongs to `search: plain`" in said
    assert parse(**plain, search="plain").search.name == "plain"


@pytest.mark.parametrize(
    "neutral",
    [
        {"pruner": "auto"},
        {"pruner": {"name": "auto"}},
        {"pruner": {}},
        {"pruner": {"name": "auto", "percentile": 75}},
        {"evaluations": "auto"},
        {"early_stopping": "none"},
        {"early_stopping": None},
    ],
    ids=str,
)
def test_a_key_of_the_plain_search_with_its_usual_value_asks_for_nothing(neutral: dict[str, Any]) -> None:
    assert parse(**neutral).has_rungs
    assert parse(**neutral, search="auto").early_stopping is None


def test_two_keys_of_the_plain_search_are_both_named() -> None:
    said = complaint(search="auto", pruner="median", evaluations=5)
    assert "pruner and evaluations belong to `search: plain`" in said


def test_a_study_with_rungs_stops_no_trial_early_and_a_plain_one_does() -> None:
    assert parse().early_stopping is None
    assert parse(OWN, search="auto").early_stopping is None
    stopping = parse(search="plain").early_stopping
    assert stopping is not None
    assert stopping.patience == 3


def test_a_search_is_written_as_a_word_or_with_its_settings() -> None:
    assert parse(search="auto").search == parse(search={"name": "auto"}).search == parse(search={}).search
    search = parse(search={"promotion": "percentile", "eta": 3}).search
    assert (search.name, search.promotion, search.eta) == ("auto", "percentile", 3)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("fast", "search.name: is 'fast': "),
        ({"eta": 5}, "search.eta: "),
        ({"promotion": "asha"}, "search.promotion: is 'asha': "),
        ({"eat": 3}, "search.eat: is no key here; did you mean 'eta'?"),
        ({"name": "plain", "eta": 3}, "promotion and eta belong to auto; with plain, `pruner` says which"),
        ({"name": "plain", "promotion": "none"}, "promotion and eta belong to auto"),
        (None, "search: is None: write `key: value` lines below it"),
        (7, "search: is 7: write `key: value` lines below it"),
        (["auto"], "search: is ['auto']: write `key: value` lines below it"),
    ],
    ids=str,
)
def test_a_search_that_there_is_not_is_refused_with_the_key(search: Any, words: str) -> None:
    assert words in complaint(search=search)


@pytest.mark.parametrize(("limit", "size"), [("20GB", 20 << 30), ("1.5 kb", 1536), (500, 500), (None, None)])
def test_the_limit_of_the_checkpoints_is_a_size(limit: Any, size: int | None) -> None:
    assert parse(checkpoint_limit=limit).checkpoint_limit == size


@pytest.mark.parametrize("limit", ["much", "20XB", True, -1])
def test_a_limit_that_is_no_size_is_refused(limit: Any) -> None:
    assert "is no size; write 500MB or 20GB" in complaint(checkpoint_limit=limit)


# ---- what is stored


@pytest.mark.parametrize(
    ("document", "changes"),
    [
        (MINIMAL, {}),
        (MINIMAL, {"search": "auto"}),
        (MINIMAL, {"search": {"promotion": "none", "eta": 4}, "keep_shelved": True, "checkpoint_limit": "2GB"}),
        (MINIMAL, {"search": "plain"}),
        (MINIMAL, {"search": "plain", "early_stopping": "none", "pruner": "none", "evaluations": 2}),
        (MINIMAL, {"pruner": {"name": "median", "n_warmup_steps": 10}}),
        (MINIMAL, {"early_stopping": {"patience": 7}}),
        (OWN, {}),
        (OWN, {"search": "auto"}),
        (OWN, {"pruner": "hyperband"}),
    ],
    ids=str,
)
def test_a_study_that_is_read_back_is_searched_as_it_was(document: Mapping[str, Any], changes: dict[str, Any]) -> None:
    config = parse(document, **changes)
    stored = config.to_dict()
    again = parse_stored(stored, source="study 's'")
    assert again == config
    assert again.to_dict() == stored
    assert again.has_rungs is config.has_rungs
    assert again.says_search, "what is stored says it"


def test_a_copy_with_another_budget_is_searched_as_it_was() -> None:
    for config in (parse(), parse(search="plain"), parse(pruner="median")):
        copy = config.with_budget({"trials": 7})
        assert (copy.search, copy.says_search, copy.has_rungs) == (
            config.search,
            config.says_search,
            config.has_rungs,
        )


def test_what_is_kept_of_shelved_trials_may_be_edited_and_the_search_may_not() -> None:
    config = parse(keep_shelved=True, checkpoint_limit="2GB", search={"eta": 3})
    edited = parse().edited(config)
    assert (edited.keep_shelved, edited.checkpoint_limit, edited.search.eta) == (True, 2 << 30, 2)
