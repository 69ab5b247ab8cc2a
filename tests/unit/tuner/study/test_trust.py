from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tuner.errors import ConfigError
from tuner.study.config import StudyConfig
from tuner.study.study_file import parse_config
from tuner.study.trust import check_remote_code, check_sampler, notice_of

COMMIT = "0123456789abcdef" * 2 + "01234567"
PINNED = {"trust_remote_code": True, "revision": COMMIT}


def config(**changes: Any) -> StudyConfig:
    document = {"name": "s", "model": "some/model", "data": {"source": "d/d"}, **changes}
    return parse_config(document, source="s.yaml", folder=Path("/nowhere"))


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "qmc"])
def test_a_sampler_that_unpickles_nothing_needs_no_consent(sampler: str) -> None:
    check_sampler(config(sampler=sampler), shared=True, allowed=False, source="s.yaml")


@pytest.mark.parametrize(
    ("allow_pickle", "shared", "allowed", "words"),
    [
        (False, False, False, None),
        (False, True, False, "choose tpe or gp, keep the study in a SQLite file, or write {name: cmaes, allow_pickle"),
        (False, True, True, "choose tpe or gp"),
        (True, True, False, "give --allow-pickle, or set TUNER_ALLOW_PICKLE=1, if you trust them all"),
        (True, True, True, None),
    ],
)
def test_cmaes_on_a_server_needs_the_word_of_the_study_and_that_of_the_machine(
    allow_pickle: bool, shared: bool, allowed: bool, words: str | None
) -> None:
    chosen = config(sampler={"name": "cmaes", "allow_pickle": allow_pickle})
    if words is None:
        check_sampler(chosen, shared=shared, allowed=allowed, source="s.yaml")
        return
    with pytest.raises(ConfigError, match=words) as caught:
        check_sampler(chosen, shared=shared, allowed=allowed, source="s.yaml")
    assert str(caught.value).startswith("s.yaml: sampler: cmaes unpickles its state from the database")
    assert "\n" not in str(caught.value)


def test_code_of_a_model_runs_where_somebody_on_the_machine_has_said_so() -> None:
    check_remote_code(config(), allowed=False, source="s.yaml")
    check_remote_code(config(**PINNED), allowed=True, source="s.yaml")
    with pytest.raises(ConfigError, match=f"some/model would run its own code here, of commit {COMMIT}; read"):
        check_remote_code(config(**PINNED), allowed=False, source="s.yaml")


def test_a_folder_that_takes_the_models_place_on_a_machine_is_not_what_was_trusted() -> None:
    overrides = config(**PINNED).model_copy(update={"model": "/folder"})
    with pytest.raises(ConfigError, match="trust_remote_code: is for a model of the hub"):
        check_remote_code(overrides, allowed=True, source="s.yaml")


def test_a_person_is_told_whose_code_runs() -> None:
    assert notice_of(config()) is None
    assert notice_of(config(**PINNED)) == f"the model's own code runs here: some/model, commit {COMMIT}"
