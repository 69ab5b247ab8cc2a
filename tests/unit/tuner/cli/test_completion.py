from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from storage import LEASE_S, Database, Slots, Studies, fenced
from tuner.cli.command_list import COMMANDS
from tuner.cli.main import group
from tuner.study.study_file import parse_config


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with the studies `one`, with a trial, and `other`; commands find it by themselves."""
    found = f"sqlite:///{tmp_path}/t.db"
    with Database(found, create=True) as database:
        for name in ("one", "other"):
            document = {"name": name, "model": "m/m", "data": {"source": "d/d"}}
            config = parse_config(document, source="s.yaml", folder=tmp_path).to_dict()
            Studies(database).create(name, direction="maximize", config=config, facts={}, trials=2, first={})
        import optuna

        study = Studies(database).get("one")
        claimed = Slots(database, study.id).claim("me", LEASE_S)
        assert claimed is not None
        loaded = optuna.load_study(study_name="one", storage=database.optuna_storage)
        with fenced(claimed[0], asking=True):
            loaded.ask({"learning_rate": optuna.distributions.FloatDistribution(0.1, 1.0)})
    monkeypatch.setenv("TUNER_STORAGE", found)
    return found


def completed(*words: str, typed: str = "") -> list[str]:
    complete = ShellComplete(group, {}, "tuner", "_TUNER_COMPLETE")
    return [item.value for item in complete.get_completions(list(words), typed)]


def test_commands_are_completed() -> None:
    assert completed() == list(COMMANDS)
    assert completed(typed="st") == [name for name in COMMANDS if name.startswith("st")]


@pytest.mark.parametrize("command", ["status", "trials", "best", "resume", "export", "delete"])
def test_names_of_studies_are_completed_from_the_database_that_the_command_would_use(url: str, command: str) -> None:
    assert completed(command) == ["one", "other"]
    assert completed(command, typed="ot") == ["other"]


def test_the_database_of_the_option_goes_before_that_of_the_variable(url: str, tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path}/empty.db", create=True).close()
    assert completed("status", "--storage", f"sqlite:///{tmp_path}/empty.db") == []


def test_numbers_of_trials_keys_to_sort_by_and_states_are_completed(url: str) -> None:
    assert completed("show", "one") == ["0"]
    assert completed("export", "one", "folder", "--trial") == ["0"]
    assert completed("show", "other") == []
    assert completed("trials", "one", "--sort") == ["number", "value", "time", "learning_rate"]
    assert completed("trials", "one", "--state", typed="p") == ["pruned", "paused"]


@pytest.mark.parametrize("url", ["sqlite:////nowhere/t.db", "nonsense", "postgresql://me:secret@127.0.0.1:1/x"])
def test_where_there_is_nothing_to_read_nothing_is_completed(
    url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUNER_STORAGE", url)
    assert completed("status") == completed("show", "one") == []
    assert completed("trials", "one", "--sort", typed="v") == ["value"]
    assert capfd.readouterr() == ("", "")
