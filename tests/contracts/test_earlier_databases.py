"""Databases that earlier versions wrote, read as those versions read them. See tests/earlier/README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from earlier.databases import HERE, STUDIES, place, transplant
from earlier.percents import read_in_percents

from storage import DatabaseOutdated
from tuner.cli.main import group

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


def without_more(found: Any, then: Any) -> Any:
    """Return a value without the keys that version 0.1 had not, at any depth: a later version may say more."""
    if isinstance(found, dict) and isinstance(then, dict):
        return {key: without_more(value, then[key]) for key, value in found.items() if key in then}
    if isinstance(found, list) and isinstance(then, list) and len(found) == len(then):
        return [without_more(*pair) for pair in zip(found, then, strict=True)]
    return found


def kept(*names: str) -> list[tuple[str, str]]:
    """Return each kept study with each kind of database it may be in; on servers, one study of each version."""
    servers = [(name, kind) for name in ("interrupted", "version-2", "version-1") for kind in ("postgresql", "mariadb")]
    return [*((name, "sqlite") for name in names), *servers]


@pytest.mark.parametrize(("study", "storage_url"), kept(*STUDIES), indirect=["storage_url"])
def test_an_upgraded_database_says_what_it_said_with_each_step_in_percents(
    study: str, storage_url: str, tmp_path: Path
) -> None:
    placed = place(study, tmp_path)
    if placed != storage_url:
        transplant(placed, storage_url)
    assert CliRunner().invoke(group, ["db", "upgrade", "--storage", storage_url]).exit_code == 0
    expected = json.loads((HERE / study / "read.json").read_text(encoding="utf-8"))
    assert set(expected) == set(READING)
    for command in READING:
        found = read(command, study, storage_url, expected[command])
        then = read_in_percents(command, expected[command])
        assert without_more(found, then) == then, command


@pytest.mark.parametrize(("study", "version"), STUDIES.items())
def test_tables_of_an_earlier_schema_are_refused_until_they_are_upgraded(
    study: str, version: int, tmp_path: Path
) -> None:
    placed = place(study, tmp_path)
    for command in READING:
        with pytest.raises(DatabaseOutdated, match=rf"has tables of version {version}, .*`tuner db upgrade`[^\n]*$"):
            read(command, study, placed, [{"number": 0}])


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
