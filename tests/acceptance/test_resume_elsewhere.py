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

from storage import CheckpointStore, StorageError, store_url
from tuner.training.data.batches import evaluated_optimiser_steps
from tuner.trial.looks import LOOKS

TRIALS = 2
#: So many that a trial still runs when a look at the database, on a machine with other work, has said that it does.
EPOCHS = 48
#: Real fine-tuning with dropout, of some seconds; every trial's weights are kept, so that all can be compared.
STUDY: dict[str, Any] = {
    **SLOW,
    "search_space": {**SLOW["search_space"], "dropout": 0.1, "frozen_layers": 0.5, "num_train_epochs": EPOCHS},
    "budget": {"trials": TRIALS},
    "checkpoint_every": "0.2s",
    "keep": TRIALS,
    "seed": 5,
}
#: A thread a trial: several that wait for each other are slow where other work goes on.
LANES = ("--workers", "2")
LEASE = ("--lease", "2s")
#: The steps that evaluations come after, and the percents that they end: of epochs of 12 batches.
ENDS = evaluated_optimiser_steps(EPOCHS * 12, LOOKS[10])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the study has come to."""

    records: Records
    #: Files of the best weights of each trial.
    weights: dict[int, dict[str, bytes]]


def outcome_of(url: str, checkpoints: str, scratch: Path) -> Outcome:
    """Read what the study has come to."""
    records = records_of("moved", url)
    store = CheckpointStore(store_url(checkpoints), "moved", scratch=scratch)
    weights = {}
    for slot in records.slots:
        assert slot.trial_number is not None
        assert slot.checkpoints.best is not None
        folder, _ = store.fetch(slot.checkpoints.best.key, slot.checkpoints.best.sha256)
        weights[slot.trial_number] = files_of(folder)
        store.release(folder)
    return Outcome(records=records, weights=weights)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, but for those that say where they come from."""
    said = ("config.json", "manifest.json")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name not in said}


def exported(tuner: Tuner, *arguments: str) -> dict[str, bytes]:
    """Export the best model; return its files but the card, in which sources have other names there."""
    tuner.ok("export", "moved", "model-exported", *arguments)
    return {name: content for name, content in files_of(tuner.folder / "model-exported").items() if name != "README.md"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """The command in a folder with the same study, left in peace."""
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed"))
    tuner.ok("start", tuner.study("moved", **STUDY), *LANES)
    return tuner


@pytest.fixture(scope="module")
def expected(undisturbed: Tuner) -> Outcome:
    """What the study comes to."""
    folder = undisturbed.folder
    return outcome_of(f"sqlite:///{folder}/tuner.db", str(folder / "tuner-checkpoints"), folder / "scratch")


@pytest.fixture(scope="module")
def expected_model(undisturbed: Tuner) -> dict[str, bytes]:
    """Files of its best model."""
    return exported(undisturbed)


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


#: The percent at which a trial is killed at the latest: later it could end before it is.
LATEST = 40


def wait_for_lost_steps(url: str, running: Running) -> Records:
    """Wait until every trial has a checkpoint to go on from, and one has reported what comes after its newest.

    On a machine that saves at once there may be no such moment: then until one is at `LATEST`.
    """

    def reported(records: Records, trial: int) -> int:
        return max((step["step"] for step in records.trials[trial]["steps"]), default=0)

    def is_ahead(records: Records, trial: int) -> bool:
        newest, last = records.slots[trial].checkpoints.resume[0], reported(records, trial)
        return any(steps > newest.optimiser_steps for steps, percent in ENDS.items() if percent == last)

    def found() -> Records | None:
        assert running.process.poll() is None, running.stderr
        try:
            records = records_of("moved", url)
        except (LookupError, StorageError):  # the study is not made yet
            return None
        if not all(slot.checkpoints.resume for slot in records.slots):
            return None
        is_time = any(is_ahead(records, trial) or reported(records, trial) >= LATEST for trial in range(TRIALS))
        return records if is_time else None

    return wait_until(found, "progress after a checkpoint")


def assert_undisturbed(outcome: Outcome, expected: Outcome) -> None:
    records = outcome.records
    assert records.states == {"COMPLETE": TRIALS}
    assert [trial["number"] for trial in records.trials] == list(range(TRIALS))
    for trial, other in zip(records.trials, expected.records.trials, strict=True):
        assert {key: trial[key] for key in ("hyperparameters", "value", "steps", "state")} == {
            key: other[key] for key in ("hyperparameters", "value", "steps", "state")
        }
    reports = Counter((event["trial"], event["step"]) for event in records.events if event["kind"] == "report")
    assert reports == Counter((number, step) for number in range(TRIALS) for step in range(10, 101, 10))
    assert Counter(event["trial"] for event in records.events if event["kind"] == "end") == {0: 1, 1: 1}
    assert outcome.weights == expected.weights


@pytest.fixture(params=["folder", "s3"])
def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "store")
    found: str = request.getfixturevalue("s3_url")
    return found


@pytest.mark.rest
def test_after_a_kill_another_machine_ends_the_trial_as_if_nothing_had_been(
    machine_a: Tuner,
    url: str,
    checkpoints: str,
    expected: Outcome,
    expected_model: dict[str, bytes],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    if checkpoints.startswith("s3://"):
        machine_a = machine_a.within(**request.getfixturevalue("s3_server").environment)
    study = machine_a.study("moved", **STUDY)
    where = ("--storage", url, "--checkpoints", checkpoints)
    with machine_a.running("start", study, *where, *LANES, *LEASE) as running:
        before = wait_for_lost_steps(url, running)
        os.killpg(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    drawn = [trial["hyperparameters"] for trial in before.trials]

    machine_b = moved_to_b(machine_a, tmp_path)
    places = ("--data", str(machine_b.data), "--model", str(machine_b.model))
    # One lane, of two threads: the trials keep the one thread that they began with.
    resumed = machine_b.run("resume", "moved", "--storage", url, *places, *LEASE)
    assert resumed.returncode == 0, resumed.stderr
    for trial in range(TRIALS):
        assert f"trial {trial} again from optimiser step " in resumed.stderr
    assert "computes otherwise" not in resumed.stderr
    outcome = outcome_of(url, checkpoints, tmp_path / "scratch")
    assert [trial["hyperparameters"] for trial in outcome.records.trials] == drawn
    assert [trial["restarts"] for trial in outcome.records.trials] == [1, 1]
    assert_undisturbed(outcome, expected)
    assert exported(machine_b, "--storage", url, *places) == expected_model


def assert_given_back(url: str, name: str, number: signal.Signals) -> list[int]:
    """See that the trials were saved and then given back, at once; return the steps after which they were saved."""
    records = records_of(name, url)  # at once: leases of a minute were given back
    reason = f"stopped by {number.name}"
    assert [(trial["state"], trial["reason"]) for trial in records.trials] == [("interrupted", reason)] * TRIALS
    last = [[event for event in records.events if event["trial"] == trial][-2:] for trial in range(TRIALS)]
    assert [[event["kind"] for event in events] for events in last] == [["checkpoint", "released"]] * TRIALS
    return [int(saved["step"]) for saved, _ in last]


@pytest.mark.rest
def test_a_signal_saves_real_training_at_the_next_step(tuner: Tuner, expected: Outcome) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    # No checkpoint but at the signal, so that what it saves is what the trial goes on from.
    study = tuner.study("moved", **{**STUDY, "checkpoint_every": "1h"})
    with tuner.running("start", study, *LANES) as running:
        # Both: a trial that has not taken a step has nothing to save.
        first = running.wait_for(r"trial (\d) 10 %")
        running.wait_for(rf"trial {1 - int(first[1])} 10 %")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 75, running.stderr
    saved = assert_given_back(url, "moved", signal.SIGTERM)
    resumed = tuner.ok("resume", "moved", *LANES)
    for trial, step in enumerate(saved):
        assert f"trial {trial} again from optimiser step {step} on cpu" in resumed.stderr
    assert_undisturbed(outcome_of(url, str(tuner.folder / "tuner-checkpoints"), tuner.folder / "scratch"), expected)


@pytest.fixture(scope="module")
def undisturbed_toys(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Records:
    """What the study of the next test comes to, left in peace."""
    tuner = new_tuner(tmp_path_factory.mktemp("toys"))
    tuner.ok("start", tuner.toy_study("toys", budget={"trials": TRIALS}), *LANES)
    return records_of("toys", f"sqlite:///{tuner.folder}/tuner.db")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGUSR2, 75)])
def test_a_signal_repeats_no_step_and_gives_the_trials_back_at_once(
    number: signal.Signals, code: int, tuner: Tuner, undisturbed_toys: Records, tmp_path: Path
) -> None:
    url, trace = f"sqlite:///{tuner.folder}/tuner.db", tmp_path / "trace"
    study = tuner.toy_study("toys", budget={"trials": TRIALS})
    slow = tuner.within(TOY_PAUSE_S="0.05", TOY_TRACE=str(trace))
    with slow.running("start", study, *LANES) as running:
        for trial in range(TRIALS):
            wait_until(lambda trial=trial: f"{trial} 8\n" in text_of(trace), f"step 8 of trial {trial}")  # type: ignore[misc]
        running.process.send_signal(number)
        assert running.wait(timeout=20) == code
        said = "Stopped." if number is signal.SIGINT else f"Stopped by {number.name}."
        last = running.stderr.splitlines()[-1]
        assert last.startswith((f"{said} Trials ", f"{said} Trial ")), running.stderr
        assert last.endswith("; `tuner resume toys` goes on."), running.stderr
    saved = assert_given_back(url, "toys", number)
    done = sorted(text_of(trace).splitlines())
    assert done == sorted(f"{trial} {step}" for trial in range(TRIALS) for step in range(1, saved[trial] + 1))
    resumed = tuner.within(TOY_TRACE=str(trace)).ok("resume", "toys", *LANES)
    for trial, step in enumerate(saved):
        assert f"trial {trial} again from optimiser step {step} on cpu" in resumed.stderr
    assert sorted(text_of(trace).splitlines()) == sorted(f"{trial} {step}" for trial in (0, 1) for step in range(1, 41))
    records = records_of("toys", url)
    assert records.states == {"COMPLETE": TRIALS}
    assert [trial | {"restarts": 0, "device_s": 0} for trial in records.trials] == [
        trial | {"restarts": 0, "device_s": 0} for trial in undisturbed_toys.trials
    ]


def text_of(path: Path) -> str:
    return path.read_text(encoding="ascii") if path.exists() else ""


def test_a_trainer_that_does_not_heed_the_word_costs_no_more_than_the_grace(tuner: Tuner, tmp_path: Path) -> None:
    url, trace = f"sqlite:///{tuner.folder}/tuner.db", tmp_path / "trace"
    study = tuner.toy_study("deaf", train="toy_training:deaf", budget={"trials": 1})
    with tuner.within(TOY_TRACE=str(trace)).running("start", study, "--grace", "2s") as running:
        wait_until(lambda: "0 2\n" in text_of(trace), "the deaf part")
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 75
        assert 1.5 < time.monotonic() - began < 10
    records = records_of("deaf", url)
    assert [trial["state"] for trial in records.trials] == ["interrupted"]
    assert records.events[-1]["kind"] == "released"


def test_a_second_signal_leaves_at_once_and_the_trial_in_its_slot(tuner: Tuner, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    study = tuner.toy_study("deaf", train="toy_training:deaf", budget={"trials": 1})
    with tuner.within(TOY_TRACE=str(trace)).running("start", study) as running:
        wait_until(lambda: "0 2\n" in text_of(trace), "the deaf part")
        running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _is_leaving(running), "the first signal's delivery")
        running.process.send_signal(signal.SIGINT)
        assert running.wait(timeout=10) == 128 + signal.SIGINT
    (slot,) = records_of("deaf", f"sqlite:///{tuner.folder}/tuner.db").slots
    assert slot.state == "running", "nothing is said to the database"
    assert not slot.held


def _is_leaving(running: Running) -> bool:
    status = Path(f"/proc/{running.pid}/status").read_text(encoding="utf-8")
    return "SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000" in status


# ---- what is another thing on this machine is refused


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """The command in a folder with a study that has trials left; for reading alone."""
    tuner = new_tuner(tmp_path_factory.mktemp("interrupted"))
    with tuner.running("start", tuner.study("moved", **STUDY), *LANES) as running:
        running.wait_for(r"trial 0 10 %")
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


@pytest.mark.rest
def test_other_rows_are_refused_before_the_first_trial(here: Tuner) -> None:
    data = here.folder / "rows"
    shutil.copytree(here.data, data)
    rows = (data / "train.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "train.csv").write_text("".join([rows[0], *rows[2:], rows[1]]), encoding="utf-8")
    assert_refused(here, "data", "these are not the rows", "--data", str(data))


@pytest.mark.rest
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


@pytest.mark.rest
def test_another_tokenizer_is_refused_before_the_first_trial(here: Tuner) -> None:
    model = here.folder / "weights"
    shutil.copytree(here.model, model)
    path = model / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"w7"', '"w700"'), encoding="utf-8")
    assert_refused(here, "tokenizer", "this is not the tokenizer", "--model", str(model))


@pytest.mark.rest
def test_other_versions_are_refused_unless_they_are_asked_for(here: Tuner) -> None:
    with closing(sqlite3.connect(here.folder / "tuner.db")) as connection:
        connection.execute("""UPDATE tuner_studies SET facts = json_set(facts, '$.versions.torch', '1.0')""")
        connection.commit()
    assert_refused(here, "versions", "the study was created with torch 1.0, here is ")
    drawn = points(here.json("trials", "moved"))
    here.ok("resume", "moved", "--any-versions", *LANES)
    assert drawn.items() <= points(here.json("trials", "moved")).items()


@pytest.mark.rest
def test_what_is_not_there_says_how_to_name_it(here: Tuner) -> None:
    assert_refused(here, "data.source", "no such file or folder", "--data", "nowhere.csv")
    assert_refused(here, "model", "no such folder", "--model", "./nowhere")
