"""The store is bounded: weights of `keep` trials and of trial 0, and of each running trial two checkpoints more."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Gate, Records, Tuner, records_of, stored_files, wait_until
from ledgers import make_ledger, make_transfers

from storage import CheckpointStore, Database, History, Lease, SlotRecord, Slots, SlotState, Studies
from tuner.search.optuna_trials import OpenTrial
from tuner.study.setup import resolve
from tuner.study.study_file import stored_config
from tuner.supervisor.ledger import Ledger
from tuner.supervisor.retrying import OutageRetrying
from tuner.trial.result import Outcome, TrialResult

pytestmark = pytest.mark.rest

NAME = "disk"
TRIALS, KEEP, LANES = 30, 2, 2
#: Bytes of the best weights, and of what a trial goes on from.
BEST, STEP = 200_000, 300_000
#: For the best weights of trial 0, for manifests, and the few hundred bytes beside each of these.
SLACK = BEST + 20_000
BOUND = KEEP * BEST + LANES * (BEST + 2 * STEP) + SLACK
PRUNER = {"name": "percentile", "percentile": 50, "n_startup_trials": 4, "n_warmup_steps": 20, "n_min_trials": 3}
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def url_of(tuner: Tuner) -> str:
    return f"sqlite:///{tuner.folder}/tuner.db"


def store_of(tuner: Tuner) -> Path:
    return tuner.folder / "tuner-checkpoints" / NAME


# ---- the bound


class Peak:
    """The most that was ever in a folder at once."""

    def __init__(self) -> None:
        self.bytes = 0
        #: Path and size of each file of then.
        self.files: list[tuple[str, int]] = []
        self._before: Mapping[int, tuple[str, int]] = {}

    def look(self, folder: Path) -> None:
        """Look once. What a walk finds was there at once if the next walk finds it again."""
        found = {}
        for top, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(top, name)
                try:
                    about = os.lstat(path)
                except FileNotFoundError:
                    continue
                if name != "trainers.log":
                    found[about.st_ino] = (path, about.st_size)
        total = sum(size for _, size in found.values())
        if found == self._before and total > self.bytes:
            self.bytes, self.files = total, sorted(found.values())
        self._before = found


@contextmanager
def measured(folder: Path) -> Iterator[Peak]:
    """Look at a folder again and again."""
    peak, over = Peak(), threading.Event()

    def look() -> None:
        while not over.wait(0.001):
            peak.look(folder)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def sized(tuner: Tuner) -> tuple[Tuner, str]:
    """Return the command whose trials write so much, and a study of many that are saved often."""
    tuner = tuner.within(TOY_PAUSE_S="0.01", TOY_BEST_BYTES=str(BEST), TOY_STEP_BYTES=str(STEP))
    study = tuner.toy_study(NAME, budget={"trials": TRIALS}, keep=KEEP, pruner=PRUNER, checkpoint_every="0.05s")
    return tuner, study


def assert_only_the_best_are_kept(tuner: Tuner) -> None:
    records = records_of(NAME, url_of(tuner))
    assert sum(records.states.values()) == TRIALS
    assert set(records.states) == {"COMPLETE", "PRUNED"}
    complete = [trial for trial in records.trials if trial["state"] == "complete"]
    best = sorted(complete, key=lambda trial: -trial["value"])[:KEEP]
    best += [trial for trial in complete if trial["number"] == 0 and trial not in best]
    assert len(best) == KEEP + 1, "trial 0 is none of the best here"
    kept = {slot.checkpoints.best.key for slot in slots_of(records, best) if slot.checkpoints.best is not None}
    files = ("manifest.json", "weights.bin", "weights.json")
    assert sorted(stored_files(store_of(tuner))) == sorted(f"{key}/{file}" for key in kept for file in files)
    for trial in best:
        folder = tuner.folder / f"weights-{trial['number']}"
        tuner.ok("export", NAME, folder.name, "--trial", str(trial["number"]))
        assert (folder / "weights.bin").stat().st_size == BEST
        assert json.loads((folder / "weights.json").read_text(encoding="utf-8"))["best"] == trial["value"]


def slots_of(records: Records, trials: list[dict[str, Any]]) -> list[SlotRecord]:
    numbers = {trial["number"] for trial in trials}
    return [slot for slot in records.slots if slot.trial_number in numbers]


def test_thirty_trials_never_hold_more_than_the_bound(tuner: Tuner) -> None:
    tuner, study = sized(tuner)
    with measured(store_of(tuner)) as peak:
        tuner.ok("start", study, "--workers", str(LANES))
    assert KEEP * BEST + LANES * STEP < peak.bytes <= BOUND, peak.files
    assert_only_the_best_are_kept(tuner)


def test_kills_while_the_store_is_tidied_up_change_nothing_of_the_bound(tuner: Tuner) -> None:
    tuner, study = sized(tuner)
    flags = ("--workers", str(LANES), "--lease", "1s")
    with measured(store_of(tuner)) as peak:
        for point, count in (("told", 3), ("pointer", 9), ("told", 2), ("manifest", 4), ("pointer", 2), ("told", 5)):
            killed = replace(tuner, command=(*CRASHING, point, str(count), "SIGKILL")).run("start", study, *flags)
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            # Until then its trials are running ones, and those of the next worker would come on top.
            wait_until(lambda: not any(slot.held for slot in records_of(NAME, url_of(tuner)).slots), "the leases' end")
        tuner.ok("start", study, *flags)
    assert peak.bytes <= BOUND, peak.files
    assert_only_the_best_are_kept(tuner)


# ---- what several workers tidy up at once


class Interleaved(Ledger):
    """A ledger of which another worker ends a trial after its look at what is over, before that at what is best."""

    other: Ledger
    lease: Lease
    begun: OpenTrial
    ended = False

    def finished_slots(self, trials: Collection[int]) -> list[SlotRecord]:
        found = super().finished_slots(trials)
        if not self.ended:
            self.ended = True
            self.other.tell(self.lease, self.begun, TrialResult(state=Outcome.COMPLETE, value=9.0), {})
        return found


def test_weights_of_a_trial_that_ends_while_others_are_tidied_away_are_left_alone(tuner: Tuner) -> None:
    study = tuner.toy_study(NAME, budget={"trials": 2})
    killed = replace(tuner, command=(*CRASHING, "telling", "2", "SIGKILL")).run("start", study, "--lease", "1s")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with Database(url_of(tuner)) as database:
        record = Studies(database).get(NAME)
        config = stored_config(record, database)
        _, _, space = resolve(config, source=NAME, stored=record.facts)
        settings: dict[str, Any] = {"owner": "test", "lease_s": 600, "retrying": OutageRetrying(lambda text: None)}
        other = make_ledger(database, record, config, space, **settings)
        taken = wait_until(lambda: Slots(database, record.id).claim("test", 600), "the lease's end")
        begun = other.begin(taken[0])
        assert begun is not None
        ledger = make_ledger(database, record, config, space, **settings, kind=Interleaved)
        assert isinstance(ledger, Interleaved)
        ledger.other, ledger.lease, ledger.begun = other, taken[0], begun
        store = CheckpointStore(str(store_of(tuner).parent), NAME, scratch=tuner.folder / "scratch")
        transfers = make_transfers(store, database, record, ledger, lambda text: None)

        transfers.keep_best()
        assert ledger.ended
        assert [number for number, _ in History(database, record).top(1)] == [1]
        best = taken[1].checkpoints.best
        assert best is not None
        assert best.key in store.keys(1), "the best weights of the best trial"
        transfers.keep_best()
        assert store.trials() == [0, 1], "trial 0 is over, and keeps its weights"
        assert store.keys(1) == [best.key]


# ---- gc


def plant(store: Path, *folders: str, like: Path | None = None) -> None:
    """Put litter into a store: half a checkpoint in each folder, or a copy of a whole one."""
    for name in folders:
        if like is not None:
            shutil.copytree(like, store / name)
        else:
            (store / name).mkdir(parents=True)
            (store / name / "state.json").write_text("litter", encoding="utf-8")


def test_gc_removes_what_nobody_needs_and_nothing_else(tuner: Tuner) -> None:
    tuner.ok("start", tuner.toy_study(NAME, budget={"trials": 2}))
    store = store_of(tuner)
    kept = stored_files(store)
    folders = {(store / path).parent for path in kept}
    assert sorted(folder.parts[-3] for folder in folders) == ["trial-00000", "trial-00001"], "the best one and trial 0"
    best = next(folder for folder in folders if folder.parts[-3] == "trial-00001")
    halves = ("trial-00099/attempt-1/.staged-1", "trial-00000/attempt-1/step-00000008")
    wholes = (
        "trial-00098/attempt-1/step-00000010",
        "trial-00000/attempt-7/best-00000010",
        "trial-00001/attempt-7/step-00000010",
    )
    plant(store, *halves)
    plant(store, *wholes, like=best)
    own = store / "notes" / "trial-00098.txt"
    own.parent.mkdir()
    own.write_text("of a person", encoding="utf-8")
    littered = stored_files(store)

    would = tuner.json("gc", NAME, "--dry-run")
    assert sorted(would["removed"]) == sorted([*halves, *wholes])
    assert would["bytes_before"] == would["bytes_after"]
    assert stored_files(store) == littered
    did = tuner.json("gc", NAME)
    assert did["removed"] == would["removed"]
    assert did["bytes_after"] == sum(len(content) for content in kept.values()) < did["bytes_before"]
    assert stored_files(store) == kept | {"notes/trial-00098.txt": b"of a person"}
    names = ["notes", "trainers.log", "trial-00000", "trial-00001"]
    assert sorted(path.name for path in store.iterdir()) == names
    assert tuner.json("gc", NAME)["removed"] == []


def test_gc_takes_nothing_from_a_trial_that_runs_or_waits(tuner: Tuner, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    gated = tuner.within(**gate.environment, TOY_PARAMETERS="1" + 12 * "0")  # so much that it is saved only to leave
    study = gated.toy_study(NAME, budget={"trials": 1}, checkpoint_every="1h")
    store = store_of(tuner)
    gate.open(20)
    with gated.running("start", study) as running:
        running.wait_for("trial 0 50 %")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 75
    kept = stored_files(store)
    dead = (
        "trial-00000/attempt-1/.staged-1",
        "trial-00000/attempt-0/step-00000004",
        "trial-00098/attempt-1/step-00000004",
    )
    plant(store, *dead)
    assert sorted(tuner.json("gc", NAME)["removed"]) == sorted(dead), "of one that waits"
    assert stored_files(store) == kept

    with gated.running("start", study) as running:
        running.wait_for("trial 0 again from optimiser step 20")
        mine = "trial-00000/attempt-2/.staged-1"
        plant(store, *dead, mine)
        assert sorted(tuner.json("gc", NAME)["removed"]) == sorted(dead), "of one that runs"
        assert stored_files(store) == {**kept, f"{mine}/state.json": b"litter"}
        gate.open()
        assert running.wait() == 0, running.stderr
    (trial,) = records_of(NAME, url_of(tuner)).trials
    assert (trial["state"], len(trial["steps"])) == ("complete", 10)
    assert {Path(path).name for path in stored_files(store)} == {"manifest.json", "weights.bin", "weights.json"}


# ---- trials that are put aside


def test_sixty_trials_that_are_put_aside_never_hold_more_than_the_studys_limit(tuner: Tuner) -> None:
    limit = 6_000_000
    tuner = tuner.within(
        TOY_PAUSE_S="0.02", TOY_STEPS="100", TOY_BEST_BYTES=str(BEST), TOY_STEP_BYTES=str(STEP), TOY_PARAMETERS="1"
    )
    study = tuner.toy_study(
        NAME,
        train="toy_training:at_looks",
        search="auto",
        pruner=None,
        sampler="random",
        budget={"trials": 61},
        keep_shelved=True,
        checkpoint_limit=limit,
    )
    with measured(store_of(tuner)) as peak:
        tuner.ok("start", study, "--workers", str(LANES))
    records = records_of(NAME, url_of(tuner))
    assert 0.8 * limit < peak.bytes <= limit, peak.files
    shelved = [slot for slot in records.slots if slot.state is SlotState.SHELVED]
    without = [slot for slot in shelved if not slot.checkpoints.keys]
    assert len(shelved) > 50
    assert 0 < len(without) < len(shelved), "some have lost their checkpoints and some have not"
    assert all("made room" in (slot.reason or "") or "no checkpoint" in (slot.reason or "") for slot in without)
    # A larger budget promotes some of those that were put aside: from their checkpoints, or by training again.
    tuner.ok("resume", NAME, "--trials", "90", "--workers", str(LANES))
    further = {slot.trial_number: slot.target for slot in records_of(NAME, url_of(tuner)).slots}
    assert any((further[slot.trial_number] or 0) > (slot.target or 0) for slot in shelved)
