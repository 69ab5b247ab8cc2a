"""A trial of a machine that is gone goes on elsewhere: same number, same curve, the same weights to the last bit."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import SLOW, Records, Running, Tuner, points, records_of, wait_until

TRIALS = 2
#: Real fine-tuning with dropout, of some seconds; every trial's weights are kept, so that all can be compared.
STUDY: dict[str, Any] = {
    **SLOW,
    "search_space": {**SLOW["search_space"], "dropout": 0.1, "frozen_layers": 0.5, "num_train_epochs": 16},
    "budget": {"trials": TRIALS},
    "checkpoint_every": "0.2s",
    "keep": TRIALS,
    "seed": 5,
}
#: A thread a trial: several that wait for each other are slow where other work goes on.
LANES = ("--workers", "2")
LEASE = ("--lease", "2s")


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """The same study, left in peace."""

    trials: list[dict[str, Any]]
    #: Files of each trial's exported model.
    models: dict[int, dict[str, bytes]]


def exported(tuner: Tuner, *arguments: str) -> dict[int, dict[str, bytes]]:
    """Export the model of every trial; return their files."""
    models = {}
    for number in range(TRIALS):
        folder = tuner.folder / f"model-{number}"
        tuner.ok("export", "moved", folder.name, "--trial", str(number), *arguments)
        models[number] = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return models


def without_place(models: dict[int, dict[str, bytes]]) -> dict[int, dict[str, bytes]]:
    """Leave out what says where a model came from."""
    return {
        number: {name: content for name, content in files.items() if name != "config.json"}
        for number, files in models.items()
    }


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Undisturbed:
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed"))
    tuner.ok("start", tuner.study("moved", **STUDY), *LANES)
    return Undisturbed(trials=tuner.json("trials", "moved")["trials"], models=exported(tuner))


@pytest.fixture
def machine_a(tmp_path: Path, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """A machine with data and model of its own, whose home and caches nobody shares."""
    tuner = new_tuner(tmp_path / "a")
    tuner.folder.mkdir()
    data, model = tmp_path / "a" / "data", tmp_path / "a" / "model"
    shutil.copytree(tuner.data, data)
    shutil.copytree(tuner.model, model)
    return replace(tuner, data=data, model=model, environment=_own(tuner, "a", tmp_path))


def _own(tuner: Tuner, name: str, root: Path) -> dict[str, str]:
    home = root / f"home-{name}"
    home.mkdir()
    return {
        **tuner.environment,
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TUNER_CACHE": str(home / "tuner"),
    }


def moved_to_b(machine_a: Tuner, root: Path) -> Tuner:
    """Return another machine, where data and model are at other paths; on the first one they are no more."""
    folder = root / "b"
    folder.mkdir()
    data, model = folder / "elsewhere" / "rows", folder / "elsewhere" / "weights"
    shutil.copytree(machine_a.data, data)
    shutil.copytree(machine_a.model, model)
    shutil.rmtree(machine_a.folder)
    return replace(machine_a, folder=folder, data=data, model=model, environment=_own(machine_a, "b", root))


def checkpoints_of(records: Records, trial: int) -> list[dict[str, Any]]:
    return [event for event in records.events if event["trial"] == trial and event["kind"] == "checkpoint"]


def wait_for_checkpoints(name: str, url: str, running: Running, *, trial: int, count: int) -> Records:
    def found() -> Records | None:
        assert running.process.poll() is None, running.stderr
        try:
            records = records_of(name, url)
        except LookupError:  # the study is not made yet
            return None
        return records if len(checkpoints_of(records, trial)) >= count else None

    return wait_until(found, f"{count} checkpoints of trial {trial}")


def assert_undisturbed(records: Records, models: dict[int, dict[str, bytes]], undisturbed: Undisturbed) -> None:
    assert records.states == {"COMPLETE": TRIALS}
    assert [trial["number"] for trial in records.trials] == list(range(TRIALS))
    for trial, expected in zip(records.trials, undisturbed.trials, strict=True):
        assert {key: trial[key] for key in ("hyperparameters", "value", "steps", "state")} == {
            key: expected[key] for key in ("hyperparameters", "value", "steps", "state")
        }
    reports = Counter((event["trial"], event["step"]) for event in records.events if event["kind"] == "report")
    assert reports == Counter((number, step) for number in range(TRIALS) for step in range(1, 11))
    assert Counter(event["trial"] for event in records.events if event["kind"] == "end") == {0: 1, 1: 1}
    assert without_place(models) == without_place(undisturbed.models)


@pytest.fixture(params=["folder", "s3"])
def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "store")
    found: str = request.getfixturevalue("s3_url")
    return found


def test_after_a_kill_another_machine_ends_the_trial_as_if_nothing_had_been(
    machine_a: Tuner,
    url: str,
    checkpoints: str,
    undisturbed: Undisturbed,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    if checkpoints.startswith("s3://"):
        s3 = request.getfixturevalue("s3_server").environment
        machine_a = replace(machine_a, environment={**machine_a.environment, **s3})
    study = machine_a.study("moved", **STUDY)
    where = ("--storage", url, "--checkpoints", checkpoints)
    with machine_a.running("start", study, *where, *LANES, *LEASE) as running:
        for trial in range(TRIALS):
            before = wait_for_checkpoints("moved", url, running, trial=trial, count=2)
        running.wait_for(r"trial \d \d+/10")
        os.killpg(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    drawn = [trial["hyperparameters"] for trial in before.trials]

    machine_b = moved_to_b(machine_a, tmp_path)
    places = ("--data", str(machine_b.data), "--model", str(machine_b.model))
    # One lane, of two threads: the trials keep the one thread that they began with.
    resumed = machine_b.run("resume", "moved", "--storage", url, *places, *LEASE)
    assert resumed.returncode == 0, resumed.stderr
    records = records_of("moved", url)
    for trial in range(TRIALS):
        assert f"trial {trial} again from step " in resumed.stderr
    assert [trial["hyperparameters"] for trial in records.trials] == drawn
    assert [trial["restarts"] for trial in records.trials] == [1, 1]
    assert_undisturbed(records, exported(machine_b, "--storage", url, *places), undisturbed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGUSR2, 75)])
def test_a_signal_saves_at_the_next_step_and_gives_the_trial_back_at_once(
    number: signal.Signals, code: int, tuner: Tuner, undisturbed: Undisturbed
) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    # No checkpoint but at the signal, so that what it saves is what the trial goes on from.
    study = tuner.study("moved", **{**STUDY, "checkpoint_every": "1h"})
    with tuner.running("start", study, *LANES) as running:
        running.wait_for(r"trial \d 3/10")
        running.process.send_signal(number)
        assert running.wait(timeout=20) == code, running.stderr
        assert running.stderr.endswith(
            f"Error: stopped by {number.name} with trials left; `tuner resume moved` goes on\n"
        )
    records = records_of("moved", url)  # at once: the leases of a minute were given back
    assert [(trial["state"], trial["reason"]) for trial in records.trials] == [
        ("interrupted", f"stopped by {number.name}")
    ] * TRIALS
    saved = []
    for trial in range(TRIALS):
        last = [event for event in records.events if event["trial"] == trial][-2:]
        assert [event["kind"] for event in last] == ["checkpoint", "released"]
        saved.append(last[0]["step"])
    resumed = tuner.ok("resume", "moved", *LANES)
    for trial, step in enumerate(saved):
        assert f"trial {trial} again from step {step} on cpu" in resumed.stderr
    assert_undisturbed(records_of("moved", url), exported(tuner), undisturbed)


def test_a_trainer_that_does_not_heed_the_word_costs_no_more_than_the_grace(tuner: Tuner) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    study = tuner.toy_study("deaf", train="toy_training:deaf", budget={"trials": 1})
    with tuner.running("start", study, "--grace", "2s") as running:
        running.wait_for(r"trial 0 1/10")
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 75
        assert 1.5 < time.monotonic() - began < 10
    records = records_of("deaf", url)
    assert [trial["state"] for trial in records.trials] == ["interrupted"]
    assert records.events[-1]["kind"] == "released"


def test_a_second_signal_leaves_at_once_and_the_lease_is_left_to_expire(tuner: Tuner) -> None:
    study = tuner.toy_study("deaf", train="toy_training:deaf", budget={"trials": 1})
    with tuner.running("start", study) as running:
        running.wait_for(r"trial 0 1/10")
        running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _is_leaving(running), "the first signal's delivery")
        running.process.send_signal(signal.SIGINT)
        assert running.wait(timeout=10) == 128 + signal.SIGINT
    (slot,) = records_of("deaf", f"sqlite:///{tuner.folder}/tuner.db").slots
    assert (slot.state, slot.held) == ("running", True)


def _is_leaving(running: Running) -> bool:
    status = Path(f"/proc/{running.pid}/status").read_text(encoding="utf-8")
    return "SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000" in status


# ---- what is another thing on this machine is refused


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """The command in a folder with a study that has trials left; for reading alone."""
    tuner = new_tuner(tmp_path_factory.mktemp("interrupted"))
    with tuner.running("start", tuner.study("moved", **STUDY), *LANES) as running:
        running.wait_for(r"trial 0 1/10")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 75
    return tuner


@pytest.fixture
def here(interrupted: Tuner, tmp_path: Path) -> Tuner:
    """The same in a folder of its own, to be changed."""
    shutil.copytree(interrupted.folder, tmp_path, dirs_exist_ok=True)
    return replace(interrupted, folder=tmp_path)


def assert_refused(tuner: Tuner, key: str, words: str, *arguments: str) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    before = records_of("moved", url)
    refused = tuner.run("resume", "moved", *arguments)
    assert refused.returncode == 78, refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert f": {key}: " in refused.stderr
    assert words in refused.stderr
    assert records_of("moved", url) == before


def test_other_rows_are_refused_before_the_first_trial(here: Tuner) -> None:
    data = here.folder / "rows"
    shutil.copytree(here.data, data)
    rows = (data / "train.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "train.csv").write_text("".join([rows[0], *rows[2:], rows[1]]), encoding="utf-8")
    assert_refused(here, "data", "these are not the rows", "--data", str(data))


def test_other_weights_are_refused_before_the_first_trial(here: Tuner) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    model = here.folder / "weights"
    shutil.copytree(here.model, model)
    state = load_file(model / "model.safetensors")
    name = next(name for name in state if "attention" in name)
    state[name] = torch.nextafter(state[name], torch.tensor(10.0))
    save_file(state, model / "model.safetensors", metadata={"format": "pt"})
    assert_refused(here, "weights", "these are not the weights", "--model", str(model))


def test_another_tokenizer_is_refused_before_the_first_trial(here: Tuner) -> None:
    model = here.folder / "weights"
    shutil.copytree(here.model, model)
    path = model / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"w7"', '"w700"'), encoding="utf-8")
    assert_refused(here, "tokenizer", "this is not the tokenizer", "--model", str(model))


def test_other_versions_are_refused_unless_they_are_asked_for(here: Tuner) -> None:
    with closing(sqlite3.connect(here.folder / "tuner.db")) as connection:
        connection.execute("""UPDATE tuner_studies SET facts = json_set(facts, '$.versions.torch', '1.0')""")
        connection.commit()
    assert_refused(here, "versions", "the study was created with torch 1.0, here is ")
    drawn = points(here.json("trials", "moved"))
    here.ok("resume", "moved", "--any-versions", *LANES)
    assert drawn.items() <= points(here.json("trials", "moved")).items()


def test_what_is_not_there_says_how_to_name_it(here: Tuner) -> None:
    assert_refused(here, "data.source", "no such file or folder", "--data", "nowhere.csv")
    assert_refused(here, "model", "no such folder", "--model", "./nowhere")
