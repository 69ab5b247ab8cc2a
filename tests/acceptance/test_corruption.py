"""Whatever has become of a checkpoint's files, a trial goes on from what is sound, and comes to what it would have."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from acceptance_support import Gate, Records, Tuner, records_of, stored_files
from fsspec.core import url_to_fs
from ledgers import make_ledger, make_transfers

from storage import Checkpoints, CheckpointStore, Database, Lease, Slots, Studies, StudyRecord
from tuner.study.setup import resolve
from tuner.study.study_file import stored_config
from tuner.supervisor.ledger import Ledger
from tuner.supervisor.retrying import OutageRetrying
from tuner.supervisor.transfers import Restored

NAME = "corruption"
#: With this one the trial's best evaluation is its sixth.
SEED = 4
STEPS = {"newest": 28, "older": 24}
KEYS = {
    "newest": "trial-00000/attempt-2/step-00000028",
    "older": "trial-00000/attempt-1/step-00000024",
    "best": "trial-00000/attempt-1/best-00000024",
}
FILES = {
    "newest": ("manifest.json", "state.json", "state.bin"),
    "older": ("manifest.json", "state.json", "state.bin"),
    "best": ("manifest.json", "weights.json", "weights.bin"),
}
#: Whose files are swapped with a checkpoint's.
TWINS = {"newest": "older", "older": "newest", "best": "newest"}


# ---- damages


def truncate(path: Path, twin: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path, twin: Path) -> None:
    path.write_bytes(b"")


def lengthen(path: Path, twin: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def flip(path: Path, twin: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap(path: Path, twin: Path) -> None:
    path.write_bytes(twin.read_bytes())


def delete(path: Path, twin: Path) -> None:
    path.unlink()


def hide(path: Path, twin: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path, twin: Path) -> None:
    sound = path.rename(path.parents[3] / "elsewhere")
    path.symlink_to(sound)


DAMAGES = (truncate, empty, lengthen, flip, swap, delete, hide, link)
#: To a checkpoint as a whole.
LOSSES = ("all gone", "all swapped")


@dataclass(frozen=True)
class Damage:
    """What is done to one checkpoint."""

    checkpoint: str
    #: The file; empty where it is done to all of them.
    file: str
    how: str

    def __str__(self) -> str:
        return f"{self.checkpoint} {self.file or 'as a whole'} {self.how}"

    def do(self, store: Path, sound: Path) -> None:
        """Do it.

        Args:
            store: Where.
            sound: A store with the same checkpoints, of which none is damaged.
        """
        folder, twin = store / KEYS[self.checkpoint], sound / KEYS[TWINS[self.checkpoint]]
        if self.file:
            twin_file = twin / self.file.replace("weights", "state")
            next(damage for damage in DAMAGES if damage.__name__ == self.how)(folder / self.file, twin_file)
            return
        shutil.rmtree(folder)
        if self.how == "all swapped":
            shutil.copytree(twin, folder)


def damages(checkpoint: str) -> list[Damage]:
    """Return everything that is done to a checkpoint."""
    to_files = [Damage(checkpoint, file, damage.__name__) for file in FILES[checkpoint] for damage in DAMAGES]
    return [*to_files, *(Damage(checkpoint, "", loss) for loss in LOSSES)]


# ---- the interrupted trial


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Callable[[str], Tuner]:
    """Give the command in a folder with the study file."""

    def make(name: str) -> Tuner:
        tuner = new_tuner(tmp_path_factory.mktemp(name)).within(
            TOY_STEP_BYTES="3000",
            TOY_BEST_BYTES="2000",
            # So much that it is saved only when it leaves.
            TOY_PARAMETERS="1" + 12 * "0",
        )
        tuner.toy_study(NAME, budget={"trials": 1}, seed=SEED, checkpoint_every="1h")
        return tuner

    return make


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, toy: Callable[[str], Tuner]) -> Tuner:
    """A trial that was interrupted twice, with two checkpoints and its best weights in the store; for copies alone."""
    gate = Gate(tmp_path_factory.mktemp("gate") / "gate")
    tuner = toy("interrupted")
    for step, percent in ((24, 60), (28, 70)):
        gate.open(step)
        with tuner.within(**gate.environment).running("start", f"{NAME}.yaml") as running:
            running.wait_for(f"trial 0 {percent} %")
            running.process.send_signal(signal.SIGTERM)
            assert running.wait() == 75, running.stderr
    (slot,) = records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db").slots
    assert slot.checkpoints.keys == tuple(KEYS.values())
    assert keys_in(store_of(tuner)) == {*KEYS.values()}
    return tuner


def store_of(tuner: Tuner) -> Path:
    return tuner.folder / "tuner-checkpoints" / NAME


def keys_in(store: Path) -> set[str]:
    """Return the keys of what looks like a checkpoint."""
    return {path.parent.relative_to(store).as_posix() for path in store.rglob("manifest.json")}


@pytest.fixture(scope="module")
def undisturbed(toy: Callable[[str], Tuner]) -> Tuner:
    """A study that nothing has happened to."""
    tuner = toy("undisturbed")
    tuner.ok("start", f"{NAME}.yaml")
    return tuner


# ---- what a worker makes of it, in this process


@dataclass
class Claimed:
    """The interrupted trial, in the hands of a worker."""

    database: Database
    record: StudyRecord
    ledger: Ledger
    lease: Lease
    checkpoints: Checkpoints
    notices: list[str] = field(default_factory=list)

    def restore(self, store: Path) -> Restored:
        """Bring the trial back from a store, and leave the database as if it had not been tried."""
        self.notices.clear()
        at = CheckpointStore(str(store.parent), NAME, scratch=store.parent / "scratch")
        transfers = make_transfers(at, self.database, self.record, self.ledger, self.notices.append)
        restored = transfers.restore(self.lease, 0, self.checkpoints)
        slot = Slots(self.database, self.lease.study_id).find(self.lease)
        assert slot is not None
        assert slot.checkpoints == restored.checkpoints, "what the database points to"
        assert keys_in(store) == set(restored.checkpoints.keys), "what the store holds"
        assert len(list((store / "trial-00000").rglob("*-000000*"))) == len(restored.checkpoints.keys)
        if restored.checkpoints != self.checkpoints:
            assert self.ledger.commit(self.lease, self.checkpoints, optimiser_steps=28, detail="for the next case")
        return restored


@pytest.fixture(scope="module")
def claimed(interrupted: Tuner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Claimed]:
    folder = tmp_path_factory.mktemp("claimed") / "copy"
    shutil.copytree(interrupted.folder, folder)
    with Database(f"sqlite:///{folder}/tuner.db") as database:
        record = Studies(database).get(NAME)
        taken = Slots(database, record.id).claim("test", 600)
        assert taken is not None
        lease, slot = taken
        config = stored_config(record, database)
        _, _, space = resolve(config, source=NAME, stored=record.facts)
        retrying = OutageRetrying(lambda text: None)
        ledger = make_ledger(database, record, config, space, owner="test", lease_s=600, retrying=retrying)
        yield Claimed(database, record, ledger, lease, slot.checkpoints)


def assert_restored(claimed: Claimed, sound: Path, store: Path, *done: Damage) -> None:
    """Do damage to a copy of a store, and see that what is sound is gone on from, and what is not is named."""
    shutil.rmtree(store.parent, ignore_errors=True)
    shutil.copytree(sound, store)
    for damage in done:
        damage.do(store, sound)
    restored = claimed.restore(store)

    broken = {damage.checkpoint for damage in done}
    if "best" in broken:
        assert (restored.folder, restored.optimiser_steps, restored.checkpoints) == (None, 0, Checkpoints())
        assert claimed.notices[-1] == "trial 0: its best weights are lost, it begins again"
        assert KEYS["best"] in claimed.notices[-2]
        return
    passed = [name for name in ("newest", "older") if name in broken]
    assert [KEYS[name] in notice for name, notice in zip(passed, claimed.notices, strict=True)] == [True] * len(passed)
    assert restored.checkpoints.best == claimed.checkpoints.best
    left = [name for name in ("newest", "older") if name not in broken]
    assert [ref.key for ref in restored.checkpoints.resume] == [KEYS[name] for name in left]
    if not left:
        assert (restored.folder, restored.optimiser_steps) == (None, 0)
        return
    assert restored.optimiser_steps == STEPS[left[0]]
    assert restored.folder is not None
    assert stored_files(restored.folder) == stored_files(sound / KEYS[left[0]])


@pytest.mark.parametrize("newest", damages("newest"), ids=str)
def test_the_newest_checkpoint_that_is_sound_is_gone_on_from(
    newest: Damage, claimed: Claimed, interrupted: Tuner, tmp_path: Path
) -> None:
    for older in (None, *damages("older")):
        done = [damage for damage in (newest, older) if damage is not None]
        assert_restored(claimed, store_of(interrupted), tmp_path / "store" / NAME, *done)


def test_a_sound_checkpoint_is_used_without_a_word(claimed: Claimed, interrupted: Tuner, tmp_path: Path) -> None:
    assert_restored(claimed, store_of(interrupted), tmp_path / "store" / NAME)


@pytest.mark.parametrize("best", damages("best"), ids=str)
def test_a_trial_whose_best_weights_are_damaged_begins_again(
    best: Damage, claimed: Claimed, interrupted: Tuner, tmp_path: Path
) -> None:
    for newest in (None, *damages("newest")):
        done = [damage for damage in (best, newest) if damage is not None]
        assert_restored(claimed, store_of(interrupted), tmp_path / "store" / NAME, *done)


def test_in_a_store_of_objects_the_newest_checkpoint_that_is_sound_is_gone_on_from(
    claimed: Claimed, interrupted: Tuner, s3_url: str, tmp_path: Path
) -> None:
    files, root = url_to_fs(s3_url, skip_instance_cache=True)
    store = CheckpointStore(s3_url, NAME, scratch=tmp_path / "scratch")
    transfers = make_transfers(store, claimed.database, claimed.record, claimed.ledger, claimed.notices.append)
    for damage in damages("newest"):
        if damage.how in ("hide", "link"):
            continue  # there are neither folders nor links
        copy = tmp_path / "store" / NAME
        shutil.rmtree(copy.parent, ignore_errors=True)
        shutil.copytree(store_of(interrupted), copy)
        damage.do(copy, store_of(interrupted))
        store.remove()
        files.put(f"{copy}/", f"{root}/{NAME}/", recursive=True)
        claimed.notices.clear()

        restored = transfers.restore(claimed.lease, 0, claimed.checkpoints)
        assert (restored.optimiser_steps, [ref.key for ref in restored.checkpoints.resume]) == (24, [KEYS["older"]]), (
            damage
        )
        assert [KEYS["newest"] in notice for notice in claimed.notices] == [True], damage
        assert store.keys(0) == [KEYS["best"], KEYS["older"]], damage
        assert restored.folder is not None
        sound = stored_files(store_of(interrupted) / KEYS["older"])
        assert stored_files(restored.folder) == {name: sound[name] for name in ("state.json", "state.bin")}, damage
        store.release(restored.folder)
        assert claimed.ledger.commit(claimed.lease, claimed.checkpoints, optimiser_steps=28, detail="for the next case")


# ---- what the command makes of it


def outcome(tuner: Tuner) -> tuple[Records, dict[str, bytes]]:
    """Return what the study has come to, and the weights that are kept."""
    files = stored_files(tuner.folder / "tuner-checkpoints")
    weights = {Path(path).name: content for path, content in files.items() if not path.endswith("/manifest.json")}
    return records_of(NAME, f"sqlite:///{tuner.folder}/tuner.db"), weights


@pytest.mark.parametrize(
    ("done", "begins"),
    [
        ([], 28),
        ([Damage("newest", "state.bin", "flip")], 24),
        ([Damage("newest", "", "all swapped")], 24),
        ([Damage("newest", "manifest.json", "truncate"), Damage("older", "", "all gone")], 0),
        ([Damage("newest", "state.json", "swap"), Damage("older", "state.json", "swap")], 0),
        ([Damage("best", "weights.bin", "delete")], 0),
    ],
    ids=lambda value: f"from {value}" if isinstance(value, int) else ", ".join(map(str, value)) or "sound",
)
def test_resumed_on_a_damaged_store_a_trial_comes_to_what_it_would_have(
    done: list[Damage], begins: int, interrupted: Tuner, undisturbed: Tuner, tmp_path: Path
) -> None:
    shutil.copytree(interrupted.folder, tmp_path / "copy")
    tuner = replace(interrupted, folder=tmp_path / "copy").within(TOY_TRACE=str(tmp_path / "trace"))
    for damage in done:
        damage.do(store_of(tuner), store_of(interrupted))
    resumed = tuner.ok("resume", NAME)

    again = f"trial 0 again from optimiser step {begins} on cpu" if begins else "trial 0 again on cpu"
    assert re.search(rf"^\S+ \S+ {again}[,:]", resumed.stderr, re.MULTILINE), resumed.stderr
    for damage in done:
        named = rf"^\S+ \S+ trial 0: .*{KEYS[damage.checkpoint]}\b"
        assert re.search(named, resumed.stderr, re.MULTILINE), resumed.stderr
    assert (tmp_path / "trace").read_text() == "".join(f"0 {step}\n" for step in range(begins + 1, 41))

    (records, weights), (expected, expected_weights) = outcome(tuner), outcome(undisturbed)
    (trial,), (other,) = records.trials, expected.trials
    compared = ("number", "state", "value", "hyperparameters", "steps")
    assert [trial[key] for key in compared] == [other[key] for key in compared]
    assert [event["step"] for event in records.events if event["kind"] == "report"] == list(range(10, 101, 10))
    assert weights == expected_weights
    assert set(weights) == {"weights.json", "weights.bin"}
    assert b'"step": 24' in weights["weights.json"]
