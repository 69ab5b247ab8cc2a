"""The fitted head of a study: made once, whatever ends on the way, and all trials begin with the same one."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    "checkpoints": "store",
}
LEASE = ("--lease", "2s")
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def heads(tuner: Tuner) -> dict[str, bytes]:
    """Return the weights of the heads that are in the store, by path."""
    files = stored_files(tuner.folder / "store" / NAME)
    return {path: content for path, content in files.items() if path.startswith("heads/") and "safetensors" in path}


def outcome(records: Records) -> list[tuple[Any, ...]]:
    kept = ("number", "state", "hyperparameters", "value", "steps")
    return [tuple(trial[key] for key in kept) for trial in records.trials]


@dataclass(frozen=True, kw_only=True)
class Peace:
    """What a study becomes that nothing disturbs."""

    records: Records
    heads: dict[str, bytes]


@pytest.fixture(scope="module")
def peace(new_tuner: Callable[[Path], Tuner], tmp_path_factory: pytest.TempPathFactory) -> Peace:
    tuner = new_tuner(tmp_path_factory.mktemp("peace"))
    tuner.ok("start", tuner.study(NAME, **STUDY), *LEASE)
    (path,) = heads(tuner)
    shown = tuner.json("show", NAME, "1")
    assert path == f"{shown['effective']['fitted_head']}/model.safetensors"
    assert "a head on frozen layers reaches accuracy " in tuner.ok("status", NAME).stdout
    return Peace(records=records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db"), heads=heads(tuner))


@pytest.mark.parametrize(
    ("backend", "points"),
    [("sqlite", ("fitted", "published")), ("postgresql", ("fitted",)), ("mariadb", ("published",))],
)
def test_a_head_is_fitted_once_though_its_machine_is_killed_and_two_others_go_on(
    tuner: Tuner, peace: Peace, backend: str, points: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    if backend != "sqlite":
        url = request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[backend])
    where = (*LEASE, "--storage", url)
    command = ("start", tuner.study(NAME, **STUDY))
    for point in points:
        crashed = replace(tuner, command=(*CRASHING, point, "1", "SIGKILL")).run(*command, *where)
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
        command = ("resume", NAME)
    machine = ("worker", NAME, *where)
    with tuner.running(*machine) as one, tuner.running(*machine) as other:
        assert (one.wait(), other.wait()) == (0, 0), one.stderr + other.stderr
    records = records_of(NAME, url)
    assert outcome(records) == outcome(peace.records)
    assert heads(tuner) == peace.heads
    assert {slot.state for slot in records.slots} == {"finished"}
    told = [event["detail"] for event in records.events if event["kind"] == "decided"]
    assert len(told) == 1
    assert told[0].startswith("a head on frozen layers is fitted: accuracy ")


def test_a_head_that_the_store_has_lost_is_made_again(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study(NAME, **STUDY), *LEASE)
    (path,) = heads(tuner)
    file = tuner.folder / "store" / NAME / path
    weights = file.read_bytes()
    file.write_bytes(weights[:-1] + b"\x00")
    tuner.ok("resume", NAME, "--trials", "4")
    assert file.read_bytes() == weights
    assert len(heads(tuner)) == 1
