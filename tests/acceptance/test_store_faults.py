"""The checkpoint store fails, hangs or is slow while trials run: training goes on, and nothing of it is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Running, Tuner, records_of, wait_until
from servers import FaultProxy, S3Server

from storage import CheckpointStore, CheckpointsUnreachable, remote_place

pytestmark = pytest.mark.rest

NAME = "faults"
WAITS = "no checkpoint, training goes on and the one before stays: "
ENDS = "trained to its end, which waits until its best weights are stored: "


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server.port) as proxy:
        yield proxy


@pytest.fixture
def stored(tuner: Tuner, proxy: FaultProxy, s3_server: S3Server, s3_url: str, gate: Gate) -> Tuner:
    """The command whose store is behind the proxy, and whose trials go no further than they are let."""
    return tuner.within(**{**s3_server.environment, "AWS_ENDPOINT_URL": proxy.url}, **gate.environment)


@pytest.fixture
def start(stored: Tuner, s3_url: str) -> tuple[str, ...]:
    """The arguments that start a study of one trial there."""
    study = stored.toy_study(NAME, budget={"trials": 1}, checkpoint_every="0.2s", checkpoints=s3_url)
    return ("start", study, "--lease", "20s")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> dict[str, Any]:
    """The trial, had its store been sound."""
    tuner = new_tuner(tmp_path_factory.mktemp("undisturbed"))
    tuner.ok("start", tuner.toy_study(NAME, budget={"trials": 1}))
    return records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db").trials[0]


def url_of(tuner: Tuner) -> str:
    return f"sqlite:///{tuner.folder}/tuner.db"


def resume_points(tuner: Tuner) -> list[int]:
    """Return the steps that the trial could go on from, the newest first."""
    (slot,) = records_of(NAME, url_of(tuner)).slots
    return [ref.optimiser_steps for ref in slot.checkpoints.resume]


def until_saved(tuner: Tuner, running: Running) -> list[int]:
    """Wait until the trial can go on from its second evaluation; return the steps that it could go on from."""
    running.wait_for("trial 0 20 %")
    return wait_until(lambda: max(found := resume_points(tuner), default=0) >= 8 and found, "a checkpoint")


def reported(tuner: Tuner) -> int:
    """Return the percent of trial 0 that was reported last."""
    return max([step["step"] for step in records_of(NAME, url_of(tuner)).trials[0]["steps"]], default=0)


def check_all_is_well(tuner: Tuner, running: Running, undisturbed: dict[str, Any], *, attempts: int = 1) -> None:
    assert running.wait() == 0, running.stderr
    check_outcome(tuner, undisturbed, attempts=attempts)


def check_outcome(tuner: Tuner, undisturbed: dict[str, Any], *, attempts: int = 1) -> None:
    records = records_of(NAME, url_of(tuner))
    assert records.states == {"COMPLETE": 1}
    (trial,), (slot,) = records.trials, records.slots
    assert (trial["value"], trial["steps"]) == (undisturbed["value"], undisturbed["steps"])
    assert (slot.attempt, slot.crashes) == (attempts, 0)
    tuner.ok("export", NAME, "weights")
    assert (tuner.folder / "weights" / "weights.json").is_file()


def warnings_of(tuner: Tuner) -> list[str]:
    """Return the warnings that `tuner logs` shows."""
    return [event["detail"] for event in tuner.json("logs", NAME)["events"] if event["kind"] == "warning"]


@pytest.mark.parametrize("fault", ["500", "503", "cut"])
def test_training_goes_on_without_a_store_and_the_older_checkpoint_stays(
    stored: Tuner, start: tuple[str, ...], proxy: FaultProxy, gate: Gate, undisturbed: dict[str, Any], fault: str
) -> None:
    with stored.running(*start) as running:
        gate.open(9)
        before = until_saved(stored, running)
        proxy.cut() if fault == "cut" else proxy.answer(int(fault))
        gate.open(24)
        told = running.wait_for(rf"trial 0: {WAITS}").string
        assert "s3://" in told
        wait_until(lambda: reported(stored) == 60, "evaluations without checkpoints")
        assert set(resume_points(stored)) & set(before), "what the trial would go on from"
        assert proxy.disturbed["PUT"] + proxy.disturbed["GET"] > 3, "it is tried again"
        proxy.heal()
        running.wait_for("trial 0: its checkpoints are stored again")
        wait_until(lambda: resume_points(stored)[0] > 9, "a newer checkpoint")
        gate.open()
        check_all_is_well(stored, running, undisturbed)
        assert running.stderr.count("no checkpoint") == 1, "once, not at each try"
    assert [warning.startswith(WAITS) for warning in warnings_of(stored)] == [True]


def test_a_trial_is_complete_only_once_its_best_weights_are_stored_and_a_person_is_told_why(
    stored: Tuner, start: tuple[str, ...], proxy: FaultProxy, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    with stored.running(*start) as running:
        gate.open(9)
        until_saved(stored, running)
        proxy.answer(503)
        gate.open()
        running.wait_for(rf"trial 0: {ENDS}")
        before = proxy.disturbed.total()
        wait_until(lambda: proxy.disturbed.total() > before, "another try")
        assert records_of(NAME, url_of(stored)).states == {"RUNNING": 1}
        assert ENDS in warnings_of(stored)[-1]
        proxy.heal()
        check_all_is_well(stored, running, undisturbed)


def test_a_slow_store_holds_no_step_up(
    stored: Tuner, start: tuple[str, ...], proxy: FaultProxy, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    with stored.running(*start) as running:
        gate.open(5)
        running.wait_for("trial 0 10 %")
        proxy.delay(1.0)
        puts = proxy.disturbed["PUT"]
        wait_until(lambda: gate.open(9) or proxy.disturbed["PUT"] > puts, "an upload")
        committed = resume_points(stored)
        gate.open(32)
        wait_until(lambda: reported(stored) == 80, "evaluations while the upload lasts")
        assert resume_points(stored) == committed, "the upload lasts"
        wait_until(lambda: resume_points(stored) != committed, "a checkpoint, in its time")
        assert warnings_of(stored) == []
        proxy.heal()
        gate.open()
        check_all_is_well(stored, running, undisturbed)


def test_a_store_that_hangs_holds_up_neither_training_nor_a_signal(
    stored: Tuner, start: tuple[str, ...], proxy: FaultProxy, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    with stored.running(*start, "--grace", "3s") as running:
        gate.open(9)
        until_saved(stored, running)
        proxy.hang()
        gate.open(24)
        wait_until(lambda: reported(stored) == 60, "evaluations while the store hangs")
        began = time.monotonic()
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait() == 75, running.stderr
        assert time.monotonic() - began < 3 + 5
    proxy.heal()
    gate.open()
    with stored.running(*start) as running:
        running.wait_for(r"trial 0 again from optimiser step [4-9]\b")
        check_all_is_well(stored, running, undisturbed, attempts=2)


def test_a_store_that_hangs_is_given_up_after_its_silence(
    proxy: FaultProxy, s3_server: S3Server, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remote_place._S3["read_timeout"] <= 30
    monkeypatch.setitem(remote_place._S3, "read_timeout", 1)
    monkeypatch.setattr(remote_place, "_LAST_TRY_S", 0.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    store = CheckpointStore(s3_url, NAME, scratch=tmp_path / "scratch")
    store.check_writable()
    staged = store.stage(0, 1)
    (staged / "weights.bin").write_bytes(b"x" * 100_000)
    proxy.hang()
    began = time.monotonic()
    with pytest.raises(CheckpointsUnreachable, match="imeout"):
        store.publish(staged, trial=0, attempt=1, kind="best", optimiser_steps=1, facts={})
    assert time.monotonic() - began < 10
    assert proxy.disturbed.total() == 1
    proxy.heal()
    store.publish(staged, trial=0, attempt=1, kind="best", optimiser_steps=1, facts={})


def test_a_trial_waits_in_its_slot_for_a_store_that_is_away_when_it_is_to_go_on(
    stored: Tuner, start: tuple[str, ...], proxy: FaultProxy, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    with stored.running(*start) as running:
        gate.open(9)
        until_saved(stored, running)
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait() == 75, running.stderr
    proxy.answer(503)
    refused = stored.run(*start)
    assert refused.returncode == 1, "as a worker that is to be started again, not as a mistake in the study file"
    assert refused.stderr.startswith("Error: checkpoints s3://")
    assert refused.stderr.count("\n") == 1
    assert records_of(NAME, url_of(stored)).slots[0].state == "interrupted"
    proxy.heal()
    gate.open()
    with stored.running(*start) as running:
        check_all_is_well(stored, running, undisturbed, attempts=2)


def test_a_trial_that_a_store_keeps_back_is_asked_for_less_and_less_often(
    stored: Tuner, start: tuple[str, ...], proxy: FaultProxy, gate: Gate
) -> None:
    with stored.running(*start) as running:
        gate.open(9)
        until_saved(stored, running)
        proxy.answer(503)
        (trainer,) = running.trainers()
        trainer.kill()

        def asked() -> list[float]:
            """Return how long the trial lay in its slot after each time that the store kept it back."""
            events = [e for e in records_of(NAME, url_of(stored)).events if e["kind"] in ("released", "claimed")]
            moments = [datetime.fromisoformat(event["time"]).timestamp() for event in events]
            return [moments[at + 1] - moments[at] for at in range(3, len(moments) - 1, 2)]

        first, second = wait_until(lambda: len(found := asked()) == 2 and found, "two waits")
        assert 4 < first < second
        assert second > 9
        proxy.heal()
        gate.open()
        assert running.wait() == 0, running.stderr
    assert records_of(NAME, url_of(stored)).states == {"COMPLETE": 1}
