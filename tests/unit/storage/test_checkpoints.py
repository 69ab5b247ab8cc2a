from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointMissing,
    CheckpointStore,
    CheckpointsUnwritable,
    checkpoints_folder,
)
from storage.checkpoints import MANIFEST

FILES = {"model.safetensors": b"\x00weights\xff" * 1000, "config.json": b'{"layers": 2}', "empty.txt": b""}
FACTS = {"transformers": "5.3.0", "metric": {"name": "accuracy", "value": 0.8125}, "labels": ["a", "ü"]}


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints" / "one")


def publish(store: CheckpointStore, trial: int, more: bytes = b"") -> None:
    folder = store.scratch(trial)
    for name, content in FILES.items():
        (folder / name).write_bytes(content + more)
    store.publish(trial, FACTS)


# ---- publish, open, keep, discard ----


def test_published_weights_are_opened_with_their_facts(store: CheckpointStore) -> None:
    publish(store, 3)
    folder, facts = store.open(3)
    assert facts == FACTS
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST} == FILES
    assert store.kept() == [3]


def test_nothing_is_kept_before_it_is_published(store: CheckpointStore) -> None:
    assert store.kept() == []
    with pytest.raises(CheckpointMissing, match=r"no weights are kept for trial 0 .*; kept: none"):
        store.open(0)
    (store.scratch(0) / "model.safetensors").write_bytes(b"half")
    assert store.kept() == []
    with pytest.raises(CheckpointMissing):
        store.open(0)


def test_what_is_missing_is_told_what_there_is(store: CheckpointStore) -> None:
    for trial in (2, 11):
        publish(store, trial)
    with pytest.raises(CheckpointMissing, match=r"no weights are kept for trial 5 in .*; kept: 2, 11$"):
        store.open(5)


def test_a_scratch_folder_is_empty_each_time(store: CheckpointStore) -> None:
    (store.scratch(1) / "old").touch()
    assert list(store.scratch(1).iterdir()) == []


def test_publishing_again_replaces_every_file(store: CheckpointStore) -> None:
    publish(store, 1, b"first")
    (store.scratch(1) / "other.bin").write_bytes(b"second")
    store.publish(1, {"attempt": 2})
    folder, facts = store.open(1)
    assert facts == {"attempt": 2}
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, "other.bin"]
    assert [path.name for path in store.root.iterdir()] == ["trial-00001"]


def test_only_the_wanted_weights_are_kept(store: CheckpointStore) -> None:
    for trial in (0, 1, 2, 123456):
        publish(store, trial)
    store.scratch(7)
    store.keep_only([1, 123456, 99])
    assert store.kept() == [1, 123456]
    for trial in (1, 123456):
        store.open(trial)
    assert (store.root / ".trial-00007").is_dir(), "a trial that is being trained keeps its scratch folder"
    store.keep_only([])
    assert store.kept() == []


def test_a_discarded_trial_leaves_nothing(store: CheckpointStore) -> None:
    publish(store, 0)
    publish(store, 1)
    store.scratch(0)
    store.discard(0)
    store.discard(8)
    assert [path.name for path in store.root.iterdir()] == ["trial-00001"]


def test_deleting_removes_the_weights_of_every_trial_and_nothing_beside_them(store: CheckpointStore) -> None:
    neighbour = CheckpointStore(store.root.with_name("two"))
    publish(store, 0)
    publish(neighbour, 0)
    store.delete()
    assert not store.root.exists()
    neighbour.open(0)
    store.delete()


def test_folders_that_people_put_there_are_neither_weights_nor_in_the_way(store: CheckpointStore) -> None:
    publish(store, 1)
    for name in ("trial-", "trial-best", "trial-00001 (copy)", "trial-1", "notes"):
        (store.root / name).mkdir()
    assert store.kept() == [1]
    store.keep_only([])
    assert len(list(store.root.iterdir())) == 5


# ---- damage ----


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("damage", ["deleted", "truncated", "grown", "a folder"])
def test_a_file_that_is_not_what_was_saved_is_noticed(store: CheckpointStore, name: str, damage: str) -> None:
    publish(store, 0)
    path = store.open(0)[0] / name
    content = path.read_bytes()
    path.unlink()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2] if content else b"x")
    elif damage == "grown":
        path.write_bytes(content + b"}")
    elif damage == "a folder":
        path.mkdir()
    with pytest.raises(CheckpointDamaged, match=f"{name} is not what was saved; the weights of trial 0 cannot be used"):
        store.open(0)


@pytest.mark.parametrize("name", [name for name, content in FILES.items() if content])
def test_a_flipped_bit_is_noticed_wherever_it_is(store: CheckpointStore, name: str) -> None:
    publish(store, 0)
    path = store.open(0)[0] / name
    content = path.read_bytes()
    for place in range(0, len(content), max(1, len(content) // 20)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(CheckpointDamaged):
            store.open(0)
    path.write_bytes(content)
    store.open(0)


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_of_the_manifest_is_noticed_wherever_it_changes_a_meaning(
    store: CheckpointStore, bit: int
) -> None:
    publish(store, 0)
    manifest = store.open(0)[0] / MANIFEST
    content = manifest.read_bytes()
    same = 0
    for place in range(bit, len(content), 8):
        manifest.write_bytes(content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :])
        try:
            assert store.open(0)[1] == FACTS  # such as an escaped letter whose digits are now capitals
        except CheckpointDamaged:
            continue
        same += 1
    assert same < 3


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{}", '{"files": {}}', '{"facts": {}, "sha256": 3}', "\xff"])
def test_a_manifest_of_another_form_is_damaged(store: CheckpointStore, text: str) -> None:
    publish(store, 0)
    (store.open(0)[0] / MANIFEST).write_text(text, encoding="latin-1")
    with pytest.raises(CheckpointDamaged):
        store.open(0)


def test_damage_to_one_trial_is_none_to_another(store: CheckpointStore) -> None:
    publish(store, 0)
    publish(store, 1)
    shutil.rmtree(store.open(0)[0] / "config.json", ignore_errors=True)
    (store.open(0)[0] / "config.json").write_bytes(b"{}")
    with pytest.raises(CheckpointDamaged):
        store.open(0)
    store.open(1)


# ---- crashes ----

CRASH = """
import os, sys
from pathlib import Path
from storage import CheckpointStore

root, event, place = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
store = CheckpointStore(root)
folder = store.scratch(0)
(folder / "model.safetensors").write_bytes(b"new")

def die(name, arguments):
    if name == event and place in str(arguments[0]):
        os.kill(os.getpid(), 9)

sys.addaudithook(die)
store.publish(0, {"new": True})
"""


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    ("event", "place"),
    [
        ("open", ".trial-00000/model.safetensors"),  # as it reads the first file for its checksum
        ("open", ".trial-00000/manifest.json"),  # between the files and the manifest
        ("os.rename", ".trial-00000"),  # as it makes them visible
        ("os.rename", "/trial-00000"),  # as it makes room for them
        ("shutil.rmtree", ".replaced-00000"),  # as it removes the old ones
    ],
)
def test_a_crash_while_publishing_leaves_the_old_weights_or_the_new_ones_or_none(
    store: CheckpointStore, event: str, place: str, before: bool
) -> None:
    if before:
        publish(store, 0)
    program = [sys.executable, "-c", CRASH, str(store.root), event, place]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    never = not before and place in ("/trial-00000", ".replaced-00000")
    if never and event == "os.rename":
        assert done.returncode == 0, done.stderr
    elif not never:
        assert done.returncode == -9, done.stderr
    try:
        folder, facts = store.open(0)
    except CheckpointMissing:
        assert not before or event != "open"
        assert store.kept() == []
    else:
        assert facts == ({"new": True} if (folder / "model.safetensors").read_bytes() == b"new" else FACTS)
        assert before or done.returncode == 0 or event == "shutil.rmtree"
    publish(store, 0, b"later")
    assert (store.open(0)[0] / "empty.txt").read_bytes() == b"later"
    assert [path.name for path in store.root.iterdir()] == ["trial-00000"]


# ---- folders ----


def test_a_folder_that_takes_files_is_made_and_left_empty(store: CheckpointStore) -> None:
    store.check_writable()
    assert list(store.root.iterdir()) == []


def test_the_check_leaves_what_is_kept(store: CheckpointStore) -> None:
    publish(store, 0)
    store.check_writable()
    store.open(0)


@pytest.mark.parametrize("below", ["file", "file/sub", "file/sub/sub"])
def test_a_folder_that_takes_no_files_is_refused_by_name(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    root = tmp_path / below
    with pytest.raises(CheckpointsUnwritable) as caught:
        CheckpointStore(root).check_writable()
    assert str(caught.value).startswith(f"checkpoints folder {root} takes no files: ")
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a file system that takes no files")
def test_a_file_system_that_takes_no_files_is_refused() -> None:
    with pytest.raises(CheckpointsUnwritable, match="takes no files"):
        CheckpointStore(Path("/proc/checkpoints")).check_writable()


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("/a/b", Path("/a/b")),
        ("a/b", Path.cwd() / "a/b"),
        ("/a b/c#d?e%20f", Path("/a b/c#d?e%20f")),
        ("file:///a/b", Path("/a/b")),
        ("file:///a%20b/%C3%BC", Path("/a b/ü")),
        ("file://localhost/a", Path("/a")),
    ],
)
def test_a_folder_may_be_a_path_or_a_file_url(url: str, folder: Path) -> None:
    assert checkpoints_folder(url) == folder


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://bucket/x", "checkpoints 's3://bucket/x': s3 is not supported; give a folder"),
        ("gs://bucket", "gs is not supported; give a folder"),
        ("file://checkpoints/x", "is on a host; give a folder, or write file:///folder"),
    ],
)
def test_what_is_no_local_folder_is_refused(url: str, reason: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        checkpoints_folder(url)
    assert reason in str(caught.value)
