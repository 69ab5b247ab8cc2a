from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tuner.errors import DataError, HubAway, ModelError
from tuner.study.hub import hub_problem, model_problem


class DatasetNotFoundError(FileNotFoundError):
    """Has the name of the class in datasets, by which it is known."""


class Answered(OSError):
    """An error that carries an answer of the hub, as those of huggingface_hub do."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.response = SimpleNamespace(status_code=status)


def raised_beside(error: Exception, other: Exception) -> Exception:
    """Return an error as datasets raises it: while another one, of the cache, was being handled."""
    error.__context__ = other
    return error


NOT_CACHED = FileNotFoundError("Dataset some/data is not cached in None")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            raised_beside(ConnectionError("Couldn't reach 'some/data' on the Hub (OfflineModeIsEnabled)"), NOT_CACHED),
            "data set 'some/data' is not cached here, and the hub cannot be reached (or HF_HUB_OFFLINE=1 is set)",
        ),
        (
            raised_beside(FileNotFoundError("Couldn't find any data file"), Answered(503)),
            "answers with HTTP status 503",
        ),
        (TimeoutError(), "cannot be reached"),
        (Answered(429), "answers with HTTP status 429"),
        (ValueError("Couldn't find cache for some/data for config 'en'"), "is not cached here, and the hub"),
    ],
)
def test_a_hub_that_gives_no_answer_is_away(error: Exception, words: str) -> None:
    problem = hub_problem(error, "some/data")
    assert isinstance(problem, HubAway)
    assert words in str(problem)


@pytest.mark.parametrize(
    ("error", "key", "words"),
    [
        (DatasetNotFoundError("Dataset 'some/data' doesn't exist on the Hub"), "data.source", "no data set of the hub"),
        (DatasetNotFoundError("Dataset 'some/data' is a gated dataset"), "data.source", "ask for access on its page"),
        (DatasetNotFoundError("Revision 'x' doesn't exist for dataset"), "data.revision", "has no such revision"),
        (raised_beside(FileNotFoundError("no file"), Answered(403)), "data.source", "ask for access on its page"),
        (
            ValueError("BuilderConfig 'fr' not found. Available: ['de', 'en']"),
            "data.subset",
            "'some/data' has no subset 'fr'; there are ['de', 'en']",
        ),
        (
            RuntimeError("Dataset scripts are no longer supported, but found data.py"),
            "data.source",
            "is read by a script of its own, which is not run",
        ),
        (OSError("disk on fire\nsecond line"), "data.source", "'some/data' cannot be read: disk on fire"),
    ],
)
def test_a_data_set_that_the_hub_does_not_have_is_said_with_the_key_to_correct(
    error: Exception, key: str, words: str
) -> None:
    problem = hub_problem(error, "some/data", "fr")
    assert isinstance(problem, DataError)
    assert problem.key == key
    assert words in problem.reason
    assert "\n" not in problem.reason


def test_a_data_set_that_has_subsets_is_asked_for_one() -> None:
    error = ValueError("Config name is missing.\nPlease pick one among the available configs: ['de', 'en']\nExample:")
    problem = hub_problem(error, "some/data")
    assert str(problem) == "data.subset: 'some/data' needs a subset; there are ['de', 'en']"


class LocalEntryNotFoundError(FileNotFoundError):
    """Has the name of the class in huggingface_hub, by which it is known."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LocalEntryNotFoundError("we cannot find the requested files"), "the hub cannot be reached (or HF_HUB_OFFLINE"),
        (
            raised_beside(OSError("no file"), ConnectionError()),
            "the hub cannot be reached (or HF_HUB_OFFLINE=1 is set)",
        ),
        (Answered(503), "the hub answers with HTTP status 503"),
    ],
)
def test_a_model_that_is_not_cached_is_waited_for_where_the_hub_gives_no_answer(error: Exception, words: str) -> None:
    problem = model_problem(error, "some/model")
    assert isinstance(problem, HubAway)
    assert str(problem).startswith("model 'some/model' is not cached here, and ")
    assert words in str(problem)


def test_a_model_that_the_hub_does_not_have_is_said_with_the_key_to_correct() -> None:
    problem = model_problem(Answered(404), "some/model")
    assert isinstance(problem, ModelError)
    assert problem.key == "model"
    assert problem.reason == "'some/model' is no folder and no model of the hub: status 404"


def test_a_cached_model_that_is_spelt_nearly_so_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for folder in ("models--bert-base-uncased", "models--some--model"):
        (tmp_path / folder / "snapshots" / "0").mkdir(parents=True)
        (tmp_path / folder / "snapshots" / "0" / "config.json").touch()
    (tmp_path / "models--bert-base-uncase" / ".no_exist").mkdir(parents=True)
    said = {name: str(model_problem(ConnectionError(), name)) for name in ("bert-base-uncase", "some/modle", "bert")}
    assert said["bert-base-uncase"].endswith(" is set); did you mean 'bert-base-uncased', which is cached here?")
    assert said["some/modle"].endswith("; did you mean 'some/model', which is cached here?")
    assert "did you mean" not in said["bert"]
