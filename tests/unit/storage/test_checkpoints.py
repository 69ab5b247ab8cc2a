"""A store of checkpoints in a local folder, and the tries of one that is not; `tests/contracts` has what all assure."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from storage import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointMissing,
    CheckpointStore,
    CheckpointsUnreachable,
    CheckpointsUnwritable,
    Published,
    crash_points,
)
from storage.checkpoints import MANIFEST

FILES = {"model.safetensors": b"\x00weights\xff" * 1000, "config.json": b'{"layers": 2}', "empty.txt": b""}
FACTS = {"transformers": "5.3.0", "metric": {"name": "accuracy", "value": 0.8125}, "labels": ["a", "ü"]}
KEY = "trial-00000/attempt-1/step-00000120"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "one"


@pytest.fixture
def store(root: Path, tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(str(root.parent), root.name, scratch=tmp_path / "scratch")


def write(folder: Path, more: bytes = b"") -> Path:
    for name, content in FILES.items():
        (folder / name).write_bytes(content + more)
    return folder


def publish(
    store: CheckpointStore, trial: int = 0, *, attempt: int = 1, step: int = 120, more: bytes = b""
) -> Published:
    staged = write(store.stage(trial, attempt), more)
    return store.publish(staged, trial=trial, attempt=attempt, kind="step", optimiser_steps=step, facts=FACTS)


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# ---- in place ----


def test_files_are_staged_beside_the_checkpoints_and_used_in_place(
    store: CheckpointStore, root: Path, tmp_path: Path
) -> None:
    assert store.is_local
    assert store.url == str(root)
    staged = store.stage(3, 2)
    assert staged.parent == root / "trial-00003" / "attempt-2"
    assert staged.name.startswith(".")
    published = store.publish(write(staged), trial=3, attempt=2, kind="best", optimiser_steps=7, facts=FACTS)
    folder, facts = store.fetch(published.key, published.sha256)
    assert facts == FACTS
    assert folder == root / published.key
    assert below(root) == [
        "trial-00003",
        "trial-00003/attempt-2",
        published.key,
        *sorted(f"{published.key}/{name}" for name in (*FILES, MANIFEST)),
    ]
    store.release(folder)
    assert folder.is_dir()
    assert not (tmp_path / "scratch").exists()


def test_nothing_is_made_before_something_is_staged(store: CheckpointStore, root: Path) -> None:
    store.delete(KEY)
    store.tidy(0, [])
    store.remove_trial(0)
    store.remove()
    assert store.trials() == []
    assert not root.parent.exists()


def test_whoever_the_umask_lets_can_read_a_checkpoint(store: CheckpointStore) -> None:
    before = os.umask(0o022)
    try:
        published = publish(store)
    finally:
        os.umask(before)
    folder, _ = store.fetch(published.key, published.sha256)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())} == {0o755, 0o644}


def test_removing_the_last_checkpoint_leaves_no_empty_folder(store: CheckpointStore, root: Path) -> None:
    first, second = publish(store, step=1), publish(store, attempt=2)
    store.delete(first.key)
    assert sorted(path.name for path in (root / "trial-00000").iterdir()) == ["attempt-2"]
    store.tidy(0, [])
    assert list(root.iterdir()) == []
    assert second.key not in store.keys(0)
    store.release(store.stage(0, 1))
    assert list(root.iterdir()) == []
    publish(store)
    (root / "trial-00000" / "attempt-7").mkdir()
    (root / "trial-00002").mkdir()
    (root / "trainers.log").touch()
    store.remove()
    assert not root.exists()
    assert root.parent.is_dir()


def test_litter_of_dead_processes_is_tidied_and_what_this_one_fills_is_not(
    store: CheckpointStore, root: Path, tmp_path: Path
) -> None:
    published = publish(store)
    dead = CheckpointStore(str(root.parent), root.name, scratch=tmp_path)
    litter = [write(dead.stage(0, 1)), dead.stage(0, 2), root / "trial-00000/attempt-1/.removed-step-00000001-ab"]
    litter[-1].mkdir()
    mine = write(store.stage(0, 1))
    removed = store.tidy(0, [published.key])
    assert removed == sorted(folder.relative_to(root).as_posix() for folder in litter)
    assert sorted(path.name for path in (root / "trial-00000/attempt-1").iterdir()) == sorted(
        [mine.name, "step-00000120"]
    )
    store.release(mine)
    mine = write(store.stage(0, 1))
    store.remove_trial(0)
    assert list(root.iterdir()) == []


def test_litter_of_the_older_layout_is_removed_with_its_trial(store: CheckpointStore, root: Path) -> None:
    published = publish(store, 3)
    for name in (".trial-00003", ".replaced-00003", ".trial-00004", "replaced-00003"):
        (root / name).mkdir()
        (root / name / "model.safetensors").write_bytes(b"x")
    assert store.trials() == [3, 4]
    assert store.tidy(3, [published.key]) == [".replaced-00003", ".trial-00003"]
    assert sorted(path.name for path in root.iterdir()) == [".trial-00004", "replaced-00003", "trial-00003"]
    store.remove()
    assert [path.name for path in root.iterdir()] == ["replaced-00003"]


def test_folders_of_people_are_not_even_looked_into(store: CheckpointStore, root: Path) -> None:
    published = publish(store)
    (root / "notes").mkdir()
    (root / "notes" / "a.txt").write_bytes(b"x" * 1000)
    used = store.used_bytes()
    (root / "notes").chmod(0)
    try:
        assert store.trials() == [0]
        assert store.used_bytes() == used
        store.remove()
    finally:
        (root / "notes").chmod(0o700)
    assert below(root) == ["notes", "notes/a.txt"]
    with pytest.raises(CheckpointMissing):
        store.fetch(published.key, published.sha256)


# ---- links ----


@pytest.mark.parametrize(
    "place", ["trial-00000", "trial-00000/attempt-1", KEY, f"{KEY}/model.safetensors", f"{KEY}/{MANIFEST}"]
)
def test_no_link_is_followed(store: CheckpointStore, root: Path, tmp_path: Path, place: str) -> None:
    published = publish(store)
    outside = tmp_path / "outside"
    (root / place).rename(outside)
    (root / place).symlink_to(outside)
    kept = below(outside) if outside.is_dir() else outside.read_bytes()
    with pytest.raises((CheckpointMissing, CheckpointDamaged)):
        store.fetch(published.key, published.sha256)
    store.delete(published.key)
    store.tidy(0, [])
    store.remove_trial(0)
    store.remove()
    assert (below(outside) if outside.is_dir() else outside.read_bytes()) == kept
    assert not root.exists()


@pytest.mark.parametrize("place", ["trial-00000", "trial-00000/attempt-1"])
def test_nothing_is_staged_behind_a_link(store: CheckpointStore, root: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / place).parent.mkdir(parents=True)
    (root / place).symlink_to(outside)
    with pytest.raises(CheckpointError, match="is a link"):
        store.stage(0, 1)
    assert list(outside.iterdir()) == []


def test_links_in_a_circle_are_not_followed(store: CheckpointStore, root: Path) -> None:
    root.mkdir(parents=True)
    (root / "trial-00000").symlink_to("trial-00000")
    with pytest.raises(CheckpointMissing):
        store.fetch(KEY, "0")
    assert store.tidy(0, []) == []


def test_a_link_to_the_whole_store_is_the_store(store: CheckpointStore, root: Path, tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    root.parent.parent.mkdir(exist_ok=True)
    root.parent.symlink_to(tmp_path / "big disk")
    linked = CheckpointStore(str(root.parent), root.name, scratch=tmp_path / "scratch")
    published = publish(linked)
    linked.fetch(published.key, published.sha256)
    assert (tmp_path / "big disk" / "one" / published.key).is_dir()
    linked.remove()
    assert list((tmp_path / "big disk").iterdir()) == []


# ---- damage ----


@pytest.mark.parametrize("name", [name for name, content in FILES.items() if content])
def test_a_flipped_bit_is_noticed_wherever_it_is(store: CheckpointStore, name: str) -> None:
    published = publish(store)
    path = store.fetch(published.key, published.sha256)[0] / name
    content = path.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 20)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(CheckpointDamaged):
            store.fetch(published.key, published.sha256)
    path.write_bytes(content)
    store.fetch(published.key, published.sha256)


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_of_the_manifest_is_noticed_wherever_it_changes_a_meaning(
    store: CheckpointStore, bit: int
) -> None:
    published = publish(store)
    manifest = store.fetch(published.key, published.sha256)[0] / MANIFEST
    content = manifest.read_bytes()
    same = 0
    for place in range(bit, len(content), 8):
        manifest.write_bytes(content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :])
        try:
            facts = store.fetch(published.key, published.sha256)[1]
        except CheckpointDamaged:
            continue
        assert facts == FACTS  # such as an escaped letter whose digits are now capitals
        same += 1
    assert same < 3


def test_facts_whose_keys_are_numbers_are_read_as_text(store: CheckpointStore) -> None:
    published = store.publish(
        write(store.stage(0, 1)),
        trial=0,
        attempt=1,
        kind="step",
        optimiser_steps=1,
        facts={"labels": {10: "a", 9: "b"}},
    )
    assert store.fetch(published.key, published.sha256)[1] == {"labels": {"10": "a", "9": "b"}}


# ---- crashes ----

CRASH = """
import os, sys
from pathlib import Path
from storage import CheckpointStore

root, event, place = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
store = CheckpointStore(str(root.parent), root.name, scratch=root)
folder = store.stage(0, 1)
(folder / "model.safetensors").write_bytes(b"new")

def die(name, arguments):
    if name == event and any(place in str(argument) for argument in arguments[:2]):
        os.kill(os.getpid(), 9)

sys.addaudithook(die)
store.publish(folder, trial=0, attempt=1, kind="step", optimiser_steps=120, facts={"new": True})
"""


@pytest.mark.parametrize("before", [False, True], ids=["the first", "a second"])
@pytest.mark.parametrize(
    ("event", "place"),
    [
        ("open", "/model.safetensors"),  # as it reads the first file for its checksum
        ("open", "/manifest.json"),  # between the files and the manifest
        ("os.rename", "/.staged-"),  # as it makes them visible
        ("os.rename", "/.removed-"),  # as it makes room for them
        ("shutil.rmtree", "/.removed-"),  # as it removes the old ones
    ],
)
def test_a_crash_while_publishing_leaves_the_old_checkpoint_or_the_new_one_or_none(
    store: CheckpointStore, root: Path, event: str, place: str, before: bool
) -> None:
    old = publish(store) if before else None
    program = [sys.executable, "-c", CRASH, str(root), event, place]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    reached = before or place != "/.removed-"
    assert done.returncode == (-9 if reached else 0), done.stderr
    if not reached or event == "shutil.rmtree":
        assert (root / KEY / "model.safetensors").read_bytes() == b"new"
        assert store.keys(0) == [KEY]
    elif old is not None:
        store.fetch(old.key, old.sha256)
        assert store.keys(0) == [KEY]
    else:
        assert store.keys(0) == []
        with pytest.raises(CheckpointMissing):
            store.fetch(KEY, "0")
    later = publish(store, more=b"later")
    assert (store.fetch(later.key, later.sha256)[0] / "empty.txt").read_bytes() == b"later"
    store.tidy(0, [later.key])
    assert [path.name for path in (root / "trial-00000/attempt-1").iterdir()] == ["step-00000120"]


def test_a_crash_while_deleting_leaves_nothing_that_looks_whole(store: CheckpointStore, root: Path) -> None:
    published = publish(store)
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom storage import CheckpointStore\n"
        "sys.addaudithook(lambda name, arguments: name == 'os.remove' and os.kill(os.getpid(), 9))\n"
        "CheckpointStore(sys.argv[1], 'one', scratch=Path()).delete(sys.argv[2])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(root.parent), published.key], check=False)
    assert done.returncode == -9
    assert store.keys(0) == []
    with pytest.raises(CheckpointMissing):
        store.fetch(published.key, published.sha256)
    assert store.trials() == [0]
    assert len(store.tidy(0, [])) == 1
    assert list(root.iterdir()) == []


def test_everything_is_on_the_disk_before_it_is_visible(store: CheckpointStore, root: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    trace = tmp_path / "trace"
    program = [sys.executable, "-c", CRASH, str(root), "none", "none"]
    calls = "trace=fsync,rename,renameat,renameat2"
    subprocess.run(["strace", "-f", "-y", "-qq", "-e", calls, "-o", str(trace), *program], check=True)
    done = [line.split(" ", 1)[1].strip() for line in trace.read_text().splitlines() if str(root.parent) in line]
    renamed = next(number for number, line in enumerate(done) if line.startswith("rename"))
    synced = [line.split("<", 1)[1].split(">")[0] for line in done if line.startswith("fsync")]
    names = [path.rsplit("/", 1)[1] for path in synced[:renamed]]
    assert names[:2] == ["model.safetensors", MANIFEST]
    assert names[2].startswith(".staged-")
    assert synced[renamed:] == [
        str(root / "trial-00000/attempt-1"),
        str(root / "trial-00000"),
        str(root),
        str(root.parent),
    ]


# ---- stores that take nothing ----


def test_a_folder_that_takes_files_is_made_and_left_empty(store: CheckpointStore, root: Path) -> None:
    store.check_writable()
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("under", ["file", "file/sub", "file/sub/sub"])
def test_a_folder_that_takes_no_files_is_refused_by_name(tmp_path: Path, under: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    store = CheckpointStore(str(tmp_path / under), "one", scratch=tmp_path)
    with pytest.raises(CheckpointsUnwritable) as caught:
        store.check_writable()
    assert str(caught.value).startswith(f"checkpoints folder {tmp_path / under / 'one'} takes no files: ")
    with pytest.raises(CheckpointsUnreachable, match="cannot be begun: Not a directory"):
        store.stage(0, 1)
    assert store.trials() == []
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a file system that takes no files")
def test_a_file_system_that_takes_no_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointsUnwritable, match="takes no files"):
        CheckpointStore("/proc/checkpoints", "one", scratch=tmp_path).check_writable()


def test_what_was_tidied_away_under_a_fenced_owners_hands_is_not_published(store: CheckpointStore, root: Path) -> None:
    staged = write(store.stage(0, 1))
    shutil.rmtree(root / "trial-00000")
    with pytest.raises(CheckpointsUnreachable, match="No such file or directory"):
        store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=1, facts={})
    assert store.keys(0) == []


FULL = """
import sys
from pathlib import Path
from storage import CheckpointStore, CheckpointsUnreachable, CheckpointsUnwritable

store = CheckpointStore(sys.argv[1], "one", scratch=Path(sys.argv[2]))
old = store.stage(0, 1)
(old / "model").write_bytes(b"x" * 100_000)
old = store.publish(old, trial=0, attempt=1, kind="step", optimiser_steps=1, facts={})
staged = store.stage(0, 1)
(staged / "model").write_bytes(b"y")
Path(sys.argv[1], "one", "filler").touch()
try:
    with open(Path(sys.argv[1], "one", "filler"), "ab", buffering=0) as filler:
        while True:
            filler.write(b"z" * 4096)
except OSError:
    pass
for trying in (
    store.check_writable,
    lambda: store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=2, facts={"long": "f" * 100_000}),
):
    try:
        trying()
    except (CheckpointsUnreachable, CheckpointsUnwritable) as error:
        print(type(error).__name__, error)
store.fetch(old.key, old.sha256)
print(store.keys(0), (staged / "model").read_bytes())
Path(sys.argv[1], "one", "filler").unlink()
new = store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=2, facts={})
store.fetch(new.key, new.sha256)
"""


def test_a_full_disk_is_called_so_and_harms_nothing_that_is_there(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = 'mount -t tmpfs -o size=1m none "$1" || exit 77; shift; exec "$@"'
    program = [sys.executable, "-c", FULL, str(disk), str(tmp_path)]
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh", str(disk), *program],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode in (1, 77) and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip(f"cannot mount here: {done.stderr}")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"CheckpointsUnreachable checkpoints folder {disk}/one takes no files: the disk is full; make room there",
        f"CheckpointsUnreachable {disk}/one/trial-00000/attempt-1/step-00000002 cannot be written: "
        "the disk is full; make room there",
        "['trial-00000/attempt-1/step-00000001'] b'y'",
    ]


# ---- a store that fails for a while ----


class Unsteady(MemoryFileSystem):
    """A store in memory that fails as often as it is told to, and writes half of a file then."""

    protocol = "unsteady"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    failures: ClassVar[list[OSError]] = []
    asked: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = super()._strip_protocol(path.removeprefix("unsteady://"))
        return stripped

    def _may_fail(self, request: str) -> None:
        self.asked.append(request)
        if self.failures:
            raise self.failures.pop(0)

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        if self.failures:
            super().pipe_file(rpath, Path(lpath).read_bytes()[:10])
        self._may_fail(f"put {rpath.rsplit('/', 1)[1]}")
        super().put_file(lpath, rpath, **kwargs)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        self._may_fail(f"pipe {path.rsplit('/', 1)[1]}")
        super().pipe_file(path, value, mode, **kwargs)

    def get_file(self, rpath: str, lpath: str, **kwargs: Any) -> None:
        self._may_fail(f"get {rpath.rsplit('/', 1)[1]}")
        super().get_file(rpath, lpath, **kwargs)


@pytest.fixture
def unsteady(tmp_path: Path) -> Iterator[CheckpointStore]:
    fsspec.register_implementation("unsteady", Unsteady, clobber=True)
    for kept in (Unsteady.store, Unsteady.failures, Unsteady.asked):
        kept.clear()
    yield CheckpointStore("unsteady://x", "one", scratch=tmp_path / "scratch")
    Unsteady.failures.clear()


def test_a_store_that_fails_for_a_moment_is_asked_again(unsteady: CheckpointStore) -> None:
    Unsteady.failures[:] = [OSError(errno.EIO, "for now"), TimeoutError()]
    published = publish(unsteady)
    assert Unsteady.asked.count("put config.json") == 3
    Unsteady.failures[:] = [OSError(errno.EBUSY, "SlowDown")]
    folder, facts = unsteady.fetch(published.key, published.sha256)
    assert facts == FACTS
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


@pytest.mark.parametrize(
    ("error", "said", "tries"),
    [
        (OSError(errno.EIO, "for ever"), "for ever", 4),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "the disk is full; make room there", 1),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "the disk is full; make room there", 1),
        (PermissionError("Access Denied"), "Access Denied", 1),
        (FileNotFoundError("The specified bucket does not exist"), "The specified bucket does not exist", 1),
        (TimeoutError(), "TimeoutError", 4),
        (OSError("no route to https://user:word@host/x\nand more"), "no route to https://user:***@host/x", 4),
    ],
)
def test_a_store_that_goes_on_failing_is_given_up_and_half_a_checkpoint_is_none(
    unsteady: CheckpointStore, error: OSError, said: str, tries: int
) -> None:
    before = publish(unsteady, step=1)
    staged = write(unsteady.stage(0, 1))
    Unsteady.asked.clear()
    Unsteady.failures[:] = [error] * 9
    with pytest.raises(CheckpointsUnreachable) as caught:
        unsteady.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=120, facts=FACTS)
    assert str(caught.value) == f"unsteady://x/one/{KEY} cannot be written: {said}"
    assert len(Unsteady.asked) == tries
    assert unsteady.keys(0) == [before.key]
    with pytest.raises(CheckpointDamaged):
        unsteady.fetch(KEY, "0")
    assert {path.name: path.read_bytes() for path in staged.iterdir()} == FILES
    Unsteady.failures.clear()
    later = unsteady.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=121, facts=FACTS)
    assert [path for path in Unsteady.store if KEY in path] == [], "what failed takes no room for ever"
    assert unsteady.keys(0) == [before.key, later.key]


def test_what_cannot_be_copied_is_not_called_damaged(unsteady: CheckpointStore, tmp_path: Path) -> None:
    published = publish(unsteady)
    Unsteady.failures[:] = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))]
    with pytest.raises(CheckpointsUnreachable) as caught:
        unsteady.fetch(published.key, published.sha256)
    assert (
        str(caught.value)
        == f"unsteady://x/one/{KEY} cannot be copied to {tmp_path}/scratch: the disk is full; make room there"
    )
    assert list(tmp_path.glob("scratch/*/fetched-*")) == []
    unsteady.fetch(published.key, published.sha256)


def test_a_store_that_takes_no_files_is_refused_at_once(unsteady: CheckpointStore) -> None:
    Unsteady.failures[:] = [PermissionError("Access Denied")]
    with pytest.raises(CheckpointsUnwritable, match=r"^checkpoints unsteady://x/one takes no files: Access Denied$"):
        unsteady.check_writable()
    assert len(Unsteady.asked) == 1
    unsteady.check_writable()
    assert Unsteady.store == {}


def test_a_store_that_does_not_answer_is_asked_again_and_not_called_a_wrong_one(unsteady: CheckpointStore) -> None:
    Unsteady.failures[:] = [OSError(errno.EIO, "no answer")] * 3
    unsteady.check_writable()
    Unsteady.failures[:] = [OSError(errno.EIO, "no answer")] * 4
    with pytest.raises(CheckpointsUnreachable, match=r"^checkpoints unsteady://x/one takes no files: no answer$"):
        unsteady.check_writable()


def test_the_password_of_a_stores_url_is_not_shown(tmp_path: Path) -> None:
    store = CheckpointStore("unsteady://user:word@host/x", "one", scratch=tmp_path)
    assert store.url == "unsteady://user:***@host/x/one"


def test_what_ends_a_program_at_a_crash_point_is_passed_on(
    store: CheckpointStore, unsteady: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    def stop(point: str) -> None:
        raise Stop(point)

    monkeypatch.setattr(crash_points, "hook", stop)
    for each in (store, unsteady):
        with pytest.raises(Stop, match="files"):
            publish(each)


def test_threads_stage_while_folders_are_pruned(store: CheckpointStore) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(200):
                store.release(store.stage(0, 1))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
