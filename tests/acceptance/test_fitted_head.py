"""The fitted head of a study: one machine makes it, whatever ends on the way, and all trials begin with the same one."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import SLOW, Records, Tuner, records_of, stored_files

pytestmark = pytest.mark.rest

NAME = "headed"
STUDY: dict[str, Any] = {
    "search_space": {**SLOW["search_space"], "num_train_epochs": 1, "frozen_layers": 0.5, "head_init": "fitted"},
    "search": "plain",
    "pruner": "none",
    "sampler": "random",
    "budget": {"trials": 3},
    "keep": 3,
    "seed": 1,
}
WHERE = ("--checkpoints", "store", "--lease", "2s")
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def heads(tuner: Tuner) -> dict[str, bytes]:
    """Return the weights of the heads that are in the store, by path."""
    files = stored_files(tuner.folder / "store" / NAME)
    return {path: content for path, content in files.items() if path.startswith("heads/") and "safetensors" in path}


def outcome(records: Records) -> list[tuple[Any, ...]]:
    kept = ("number", "state", "hyperparameters", "value", "steps")
    return [tuple(trial[key] for key in kept) for trial in records.trials]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mariadb"])
def test_a_head_is_fitted_once_though_its_machine_is_killed_and_two_others_go_on(
    tuner: Tuner, tmp_path: Path, backend: str, request: pytest.FixtureRequest
) -> None:
    peace = replace(tuner, folder=tmp_path / "peace")
    peace.folder.mkdir()
    peace.ok("start", peace.study(NAME, **STUDY), *WHERE)
    expected = records_of(NAME, f"sqlite:///{peace.folder}/tuner.db")
    assert all(trial["effective"]["fitted_head"].startswith("heads/") for trial in expected.trials)
    (head,) = heads(peace).items()

    url = f"sqlite:///{tuner.folder}/tuner.db"
    if backend != "sqlite":
        url = request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[backend])
    where = (*WHERE, "--storage", url)
    for point, command in (("fitted", ("start", tuner.study(NAME, **STUDY))), ("published", ("resume", NAME))):
        crashed = replace(tuner, command=(*CRASHING, point, "1", "SIGKILL")).run(*command, *where)
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
    machine = ("worker", NAME, "--lease", "2s", "--storage", url)
    with tuner.running(*machine) as one, tuner.running(*machine) as other:
        assert (one.wait(), other.wait()) == (0, 0), one.stderr + other.stderr
    records = records_of(NAME, url)
    assert outcome(records) == outcome(expected)
    assert heads(tuner) == dict([head])
    assert {slot.state for slot in records.slots} == {"finished"}
    told = [event["detail"] for event in records.events if event["kind"] == "decided"]
    assert len(told) == 1
    assert told[0].startswith("a head on frozen layers is fitted: accuracy ")


def test_a_head_that_the_store_has_lost_is_made_again_and_another_one_is_refused(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **STUDY), *WHERE)
    (path,) = heads(tuner)
    file = tuner.folder / "store" / NAME / path
    weights = file.read_bytes()
    file.write_bytes(weights[:-1] + b"\x00")
    tuner.ok("resume", NAME, "--trials", "4")
    assert file.read_bytes() == weights
    assert len(heads(tuner)) == 1
