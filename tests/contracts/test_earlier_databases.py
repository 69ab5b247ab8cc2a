"""Databases that earlier versions wrote, read as those versions read them. See tests/earlier/README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from earlier.databases import HERE, STUDIES, place

from tuner.cli.main import group

OUTDATED = ("version-1", "version-2")
READING = ("status", "trials", "show", "best", "logs", "list")


def said(*arguments: str) -> Any:
    """Return what a command prints, as JSON."""
    done = CliRunner().invoke(group, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def read(command: str, study: str, url: str, expected: Any) -> Any:
    """Return what a reading command prints of a study; `show` of all its trials."""
    if command == "list":
        return said("list", "--storage", url)
    if command == "show":
        return [said("show", study, str(each["number"]), "--storage", url) for each in expected]
    return said(command, study, "--storage", url)


@pytest.fixture
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return place(request.param, tmp_path)


@pytest.mark.parametrize(("placed", "study"), [(name, name) for name in STUDIES], indirect=["placed"])
def test_a_database_of_an_earlier_version_reads_as_it_did(placed: str, study: str) -> None:
    if study in OUTDATED:
        assert CliRunner().invoke(group, ["db", "upgrade", "--storage", placed]).exit_code == 0
    expected = json.loads((HERE / study / "read.json").read_text(encoding="utf-8"))
    assert set(expected) == set(READING)
    for command in READING:
        found = read(command, study, placed, expected[command])
        if isinstance(found, dict):  # a later version may say more
            found = {key: value for key, value in found.items() if key in expected[command]}
        assert found == expected[command], command


@pytest.mark.parametrize(("placed", "study"), [(name, name) for name in OUTDATED], indirect=["placed"])
def test_tables_of_an_earlier_schema_are_refused_until_they_are_upgraded(placed: str, study: str) -> None:
    with pytest.raises(Exception, match=f"has tables of version {study[-1]}.*`tuner db upgrade`"):
        said("status", study, "--storage", placed)


def test_the_interrupted_study_holds_a_trial_of_every_kind() -> None:
    """So that the other tests say as much as they seem to."""
    expected = json.loads((HERE / "interrupted" / "read.json").read_text(encoding="utf-8"))
    states = {trial["state"] for trial in expected["trials"]["trials"]}
    assert states == {"complete", "pruned", "failed", "interrupted", "paused"}
    assert len(expected["trials"]["trials"]) < expected["status"]["trials"]["total"]
    text = (HERE / "interrupted" / "database.sql").read_text(encoding="utf-8")
    assert "'running'" in text  # the slot of a command that was killed
    assert "diverged" in text


def test_nothing_of_the_machine_that_made_the_databases_is_in_them() -> None:
    for path in HERE.rglob("*"):
        if path.is_file() and path.suffix in (".sql", ".json"):
            text = path.read_text(encoding="utf-8")
            for word in ("/tmp/", "/root/", "/home/"):
                assert word not in text, path
