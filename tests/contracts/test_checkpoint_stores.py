"""What a store of checkpoints assures, wherever it is: in a folder, in memory, in S3."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.core import url_to_fs
from servers import S3Server

from storage import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointMissing,
    CheckpointStore,
    CheckpointsUnreachable,
    CheckpointsUnwritable,
    Published,
    crash_points,
    store_url,
)
from storage.checkpoints import MANIFEST

FILES = {"model.safetensors": b"\x00weights\xff" * 1000, "config.json": b'{"layers": 2}', "sub/empty.txt": b""}
FACTS = {
    "transformers": "5.3.0",
    "metric": {"name": "accuracy", "value": 0.8125},
    "labels": ["a", "ü"],
    "names": {"10": 1},
}


@pytest.fixture(params=["folder", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place that nothing was ever written to."""
    if request.param == "folder":
        return store_url(str(tmp_path / "checkpoints"))
    if request.param == "memory":
        return store_url(f"memory://{uuid.uuid4().hex}/checkpoints")
    written: str = request.getfixturevalue("s3_url")
    return store_url(written)


@pytest.fixture
def store(url: str, tmp_path: Path) -> CheckpointStore:
    return another(url, tmp_path)


@pytest.fixture
def raw(url: str) -> Raw:
    return Raw(url)


def another(url: str, tmp_path: Path, study: str = "one") -> CheckpointStore:
    return CheckpointStore(url, study, scratch=tmp_path / "scratch")


class Raw:
    """The files of study one, as somebody else sees them."""

    def __init__(self, url: str) -> None:
        self._files, self._root = url_to_fs(f"{url}/one", use_listings_cache=False)

    def read(self, path: str) -> bytes:
        content: bytes = self._files.cat_file(f"{self._root}/{path}")
        return content

    def write(self, path: str, content: bytes) -> None:
        self._files.makedirs(f"{self._root}/{path}".rsplit("/", 1)[0], exist_ok=True)
        self._files.pipe_file(f"{self._root}/{path}", content)

    def remove(self, path: str) -> None:
        self._files.rm_file(f"{self._root}/{path}")

    def paths(self) -> list[str]:
        return sorted(path[len(self._root) + 1 :] for path in self._files.find(self._root))


def write(folder: Path, more: bytes = b"") -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content + more)
    return folder


def publish(
    store: CheckpointStore, trial: int, *, attempt: int = 1, kind: Any = "step", step: int = 120, more: bytes = b""
) -> Published:
    staged = write(store.stage(trial, attempt), more)
    return store.publish(staged, trial=trial, attempt=attempt, kind=kind, optimiser_steps=step, facts=FACTS)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def check(store: CheckpointStore, published: Published, more: bytes = b"") -> None:
    folder, facts = store.fetch(published.key, published.sha256)
    assert facts == FACTS
    assert files_of(folder) == {name: content + more for name, content in FILES.items()}
    store.release(folder)


# ---- publish, fetch ----


def test_what_is_published_is_fetched_with_its_facts(store: CheckpointStore) -> None:
    published = publish(store, 3, attempt=2)
    assert published.key == "trial-00003/attempt-2/step-00000120"
    assert published.bytes == sum(map(len, FILES.values()))
    check(store, published)
    check(store, published)


def test_another_machine_sees_at_once_what_is_published_and_what_is_deleted(url: str, tmp_path: Path) -> None:
    here, there = another(url, tmp_path), another(url, tmp_path)
    assert there.trials() == []
    for step in (1, 2):
        published = publish(here, 3, step=step)
        check(there, published)
        assert there.keys(3) == [published.key]
        there.delete(published.key)
        assert here.keys(3) == []
        with pytest.raises(CheckpointMissing):
            here.fetch(published.key, published.sha256)


def test_nothing_is_there_before_it_is_published(store: CheckpointStore) -> None:
    assert store.trials() == []
    assert store.keys(0) == []
    assert store.used_bytes() == 0
    write(store.stage(0, 1))
    assert store.keys(0) == []
    with pytest.raises(
        CheckpointMissing, match=r"no trial-00000/attempt-1/step-00000120 in .*; of this trial there: none"
    ):
        store.fetch("trial-00000/attempt-1/step-00000120", "0")


def test_what_is_missing_is_told_what_there_is(store: CheckpointStore) -> None:
    keys = [publish(store, 5, attempt=attempt, step=step).key for attempt, step in ((10, 7), (9, 200), (9, 30))]
    publish(store, 50)
    assert store.keys(5) == [keys[2], keys[1], keys[0]]
    with pytest.raises(CheckpointMissing) as caught:
        store.fetch("trial-00005/attempt-1/best-00000007", "0")
    assert str(caught.value).endswith(f"in {store.url}; of this trial there: {keys[2]}, {keys[1]}, {keys[0]}")


def test_a_staged_folder_is_empty_and_nobody_elses(store: CheckpointStore) -> None:
    folders = [store.stage(1, 1) for _ in range(3)]
    assert len({*folders}) == 3
    for folder in folders:
        assert list(folder.iterdir()) == []
        write(folder)


def test_a_staged_folder_is_gone_once_it_is_published_or_released(store: CheckpointStore) -> None:
    published, released = store.stage(1, 1), store.stage(1, 1)
    write(published)
    write(released)
    store.publish(published, trial=1, attempt=1, kind="step", optimiser_steps=1, facts={})
    store.release(released)
    assert not published.exists()
    assert not released.exists()


def test_a_part_of_a_staged_folder_may_be_published(store: CheckpointStore) -> None:
    staged = store.stage(1, 1)
    (staged / "step").mkdir()
    (staged / "best").mkdir()
    write(staged / "step")
    write(staged / "best", b"best")
    check(store, store.publish(staged / "step", trial=1, attempt=1, kind="step", optimiser_steps=1, facts=FACTS))
    assert [path.name for path in staged.iterdir()] == ["best"]
    check(
        store, store.publish(staged / "best", trial=1, attempt=1, kind="best", optimiser_steps=1, facts=FACTS), b"best"
    )
    store.release(staged)
    assert not staged.exists()
    assert len(store.keys(1)) == 2


def test_publishing_again_replaces_every_file(store: CheckpointStore, raw: Raw) -> None:
    old = publish(store, 1)
    staged = store.stage(1, 1)
    (staged / "other.bin").write_bytes(b"second")
    new = store.publish(staged, trial=1, attempt=1, kind="step", optimiser_steps=120, facts={"second": True})
    assert new.key == old.key
    folder, facts = store.fetch(new.key, new.sha256)
    assert facts == {"second": True}
    assert files_of(folder) == {"other.bin": b"second"}
    assert raw.paths() == [f"{new.key}/{name}" for name in (MANIFEST, "other.bin")]
    with pytest.raises(CheckpointDamaged):
        store.fetch(old.key, old.sha256)


def test_a_manifest_that_was_staged_is_not_trusted(store: CheckpointStore) -> None:
    staged = write(store.stage(1, 1))
    (staged / MANIFEST).write_text("{}")
    check(store, store.publish(staged, trial=1, attempt=1, kind="step", optimiser_steps=1, facts=FACTS))


def test_no_link_is_published(store: CheckpointStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    staged = write(store.stage(1, 1))
    (staged / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(CheckpointError, match="link is no plain file"):
        store.publish(staged, trial=1, attempt=1, kind="step", optimiser_steps=1, facts={})
    assert store.keys(1) == []


def test_a_fetched_folder_goes_when_it_is_released_and_the_checkpoint_stays(store: CheckpointStore) -> None:
    published = publish(store, 1)
    folder, _ = store.fetch(published.key, published.sha256)
    store.release(folder)
    assert folder.exists() == store.is_local
    check(store, published)


def test_releasing_what_is_none_of_the_stores_removes_nothing(store: CheckpointStore, tmp_path: Path) -> None:
    for folder in (tmp_path / "mine" / "deep", tmp_path / "scratch"):
        write(folder_made(folder))
        store.release(folder)
        assert files_of(folder) == FILES


def folder_made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_several_threads_use_one_store(store: CheckpointStore) -> None:
    errors: list[BaseException] = []

    def work(trial: int) -> None:
        try:
            for step in range(5):
                published = publish(store, trial, step=step, more=b"%d" % step)
                check(store, published, b"%d" % step)
                store.tidy(trial, [published.key])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(trial,)) for trial in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [store.keys(trial) for trial in range(4)] == [
        [f"trial-0000{trial}/attempt-1/step-00000004"] for trial in range(4)
    ]


FORK = """
import os, sys
from pathlib import Path
from storage import CheckpointStore

store = CheckpointStore(sys.argv[1], "one", scratch=Path(sys.argv[2]))

def use(step):
    staged = store.stage(0, 1)
    (staged / "model").write_bytes(b"x")
    published = store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=step, facts={})
    store.release(store.fetch(published.key, published.sha256)[0])

use(1)
child = os.fork()
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
use(2)
print(len(store.keys(0)))
"""


def test_a_process_that_uses_a_store_forks_and_ends_without_a_word(url: str, tmp_path: Path) -> None:
    program = [sys.executable, "-W", "error::ResourceWarning", "-c", FORK, url, str(tmp_path / "scratch")]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


# ---- delete, tidy, remove ----


def test_a_deleted_checkpoint_is_gone_and_its_neighbours_stay(store: CheckpointStore, raw: Raw) -> None:
    gone, stays = publish(store, 1, step=12), publish(store, 1, step=123)
    store.delete(gone.key)
    store.delete(gone.key)
    assert store.keys(1) == [stays.key]
    assert {path.rsplit("/", path.count("/") - 2)[0] for path in raw.paths()} == {stays.key}
    check(store, stays)
    store.delete(stays.key)
    assert raw.paths() == []
    assert store.trials() == []


def test_tidying_leaves_what_is_to_be_kept(store: CheckpointStore, raw: Raw) -> None:
    keys = {
        (attempt, kind, step): publish(store, 1, attempt=attempt, kind=kind, step=step)
        for attempt, kind, step in (
            (1, "step", 10),
            (1, "best", 10),
            (2, "step", 20),
            (2, "step", 30),
            (12, "step", 40),
        )
    }
    other = publish(store, 11)
    raw.write("trial-00001/attempt-3/step-00000050/half.bin", b"x")
    kept = [keys[1, "best", 10], keys[2, "step", 30]]
    removed = store.tidy(1, [each.key for each in kept] + ["trial-00001/attempt-9/best-00000001"])
    assert removed == sorted(
        ["trial-00001/attempt-3/step-00000050", *(each.key for each in keys.values() if each not in kept)]
    )
    assert store.keys(1) == [each.key for each in kept]
    assert {path.split("/")[1] for path in raw.paths() if path.startswith("trial-00001/")} == {"attempt-1", "attempt-2"}
    for published in (*kept, other):
        check(store, published)
    assert store.tidy(1, [each.key for each in kept]) == []


def test_tidying_leaves_what_this_process_is_about_to_publish(store: CheckpointStore) -> None:
    staged = write(store.stage(1, 1))
    assert store.tidy(1, []) == []
    check(store, store.publish(staged, trial=1, attempt=1, kind="step", optimiser_steps=1, facts=FACTS))


def test_a_fenced_owner_tidies_nothing_of_the_next_one(store: CheckpointStore) -> None:
    mine, next_ones = publish(store, 1, attempt=2), publish(store, 1, attempt=3)
    assert store.tidy(1, [], attempt=2) == [mine.key]
    check(store, next_ones)


def test_a_trial_that_is_removed_leaves_nothing(store: CheckpointStore, raw: Raw) -> None:
    publish(store, 0)
    publish(store, 0, attempt=2, kind="best")
    stays = publish(store, 1)
    store.stage(0, 2)
    store.remove_trial(0)
    store.remove_trial(8)
    assert store.trials() == [1]
    assert {path.split("/")[0] for path in raw.paths()} == {"trial-00001"}
    check(store, stays)


def test_what_a_study_uses_is_counted(store: CheckpointStore, raw: Raw) -> None:
    published = publish(store, 1)
    manifest = len(raw.read(f"{published.key}/{MANIFEST}"))
    assert store.used_bytes() == published.bytes + manifest
    raw.write("notes/plan.txt", b"x" * 1000)
    raw.write("trial-00002/attempt-1/step-00000001/half.bin", b"xyz")
    assert store.used_bytes() == published.bytes + manifest + 3
    assert store.trials() == [1, 2]


def test_removing_a_study_removes_all_of_it_and_nothing_beside_it(
    store: CheckpointStore, url: str, tmp_path: Path, raw: Raw
) -> None:
    neighbours = [another(url, tmp_path, name) for name in ("on", "one-more", "one.trial")]
    published = [publish(each, 0) for each in neighbours]
    publish(store, 0)
    publish(store, 123456)
    raw.write("trainers.log", b"x")
    raw.write("trial-00000/attempt-1/step-00000001/half.bin", b"x")
    store.remove()
    assert raw.paths() == []
    for neighbour, each in zip(neighbours, published, strict=True):
        check(neighbour, each)
    store.remove()


PEOPLES = ("trial-", "trial-best", "trial-00001 (copy)", "trial-1", "trial-000001", "notes", "trial-00001/notes")


def test_folders_that_people_put_there_are_neither_trials_nor_in_the_way(store: CheckpointStore, raw: Raw) -> None:
    published = publish(store, 1)
    mine = [f"{folder}/{name}" for folder in PEOPLES if folder != "trial-000001" for name in ("deep/a.txt", MANIFEST)]
    for path in mine:
        raw.write(path, b"mine")
    assert store.trials() == [1]
    assert store.keys(1) == [published.key]
    assert store.tidy(1, []) == [published.key]
    store.remove_trial(1)
    store.remove()
    assert raw.paths() == sorted(mine)
    assert store.trials() == []


def test_a_key_that_is_none_is_refused(store: CheckpointStore, raw: Raw) -> None:
    raw.write("secret", b"x")
    for key in (
        "",
        ".",
        "..",
        "../one/trial-00001",
        "/trial-00001",
        "trial-00001/",
        "trial-00001\n",
        "trial-1",
        "trial-000001",
        "trial-\u0660\u0660\u0660\u0660\u0661",
        "trial-00001/attempt-1",
        "trial-00001/attempt-01/step-00000001",
        "trial-00001/attempt-1/step-1",
        "trial-00001/attempt-1/last-00000001",
        "trial-00001/attempt-1/step-00000001/..",
        "trial-00001/../trial-00002/step-00000001",
        "secret",
    ):
        for use in (lambda: store.fetch(key, "0"), lambda: store.delete(key)):  # noqa: B023 - used at once
            with pytest.raises(CheckpointError, match="is no key of a checkpoint"):
                use()
    assert raw.paths() == ["secret"]


@pytest.mark.parametrize("study", ["", ".", "..", "../other", "a/b", "/a", ".hidden"])
def test_a_study_whose_name_leads_elsewhere_is_refused(url: str, tmp_path: Path, study: str) -> None:
    with pytest.raises(CheckpointError, match="leads out of the store"):
        another(url, tmp_path, study)


# ---- damage ----


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("damage", ["deleted", "truncated", "grown", "a folder", "a bit"])
def test_a_file_that_is_not_what_was_saved_is_noticed_by_name(
    store: CheckpointStore, raw: Raw, name: str, damage: str
) -> None:
    published, sound = publish(store, 0), publish(store, 0, kind="best")
    path = f"{published.key}/{name}"
    content = raw.read(path)
    raw.remove(path)
    if damage == "truncated":
        raw.write(path, content[: len(content) // 2] if content else b"x")
    elif damage == "grown":
        raw.write(path, content + b"}")
    elif damage == "a folder":
        raw.write(f"{path}/file", b"")
    elif damage == "a bit":
        raw.write(path, content[:-1] + bytes([content[-1] ^ 1]) if content else b"\0")
    with pytest.raises(CheckpointDamaged) as caught:
        store.fetch(published.key, published.sha256)
    assert str(caught.value) == f"{store.url}/{path} is not what was saved; {published.key} cannot be used"
    check(store, sound)


def test_a_damaged_checkpoint_leaves_no_copy_behind(store: CheckpointStore, raw: Raw, tmp_path: Path) -> None:
    published = publish(store, 0)
    raw.write(f"{published.key}/config.json", b"x")
    with pytest.raises(CheckpointDamaged):
        store.fetch(published.key, published.sha256)
    assert list(tmp_path.glob("scratch/*/fetched-*")) == []


def test_the_manifest_and_files_of_another_checkpoint_are_noticed(store: CheckpointStore, raw: Raw) -> None:
    published, other = publish(store, 0), publish(store, 0, step=121, more=b"other")
    for name in (*FILES, MANIFEST):
        raw.write(f"{published.key}/{name}", raw.read(f"{other.key}/{name}"))
    with pytest.raises(CheckpointDamaged, match=f"{MANIFEST} is not what was saved"):
        store.fetch(published.key, published.sha256)


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", "{}", '{"files": {}}', '{"facts": {}, "sha256": 3}', "\xff", "[" * 100_000]
)
def test_a_manifest_of_another_form_is_damaged(store: CheckpointStore, raw: Raw, text: str) -> None:
    published = publish(store, 0)
    raw.write(f"{published.key}/{MANIFEST}", text.encode("latin-1"))
    with pytest.raises(CheckpointDamaged):
        store.fetch(published.key, published.sha256)


def test_a_file_that_the_manifest_does_not_name_is_no_damage(store: CheckpointStore, raw: Raw) -> None:
    published = publish(store, 0)
    raw.write(f"{published.key}/more.txt", b"x")
    folder, _ = store.fetch(published.key, published.sha256)
    assert (folder / "more.txt").exists() == store.is_local


# ---- the older layout ----


def older(raw: Raw, trial: int, files: dict[str, bytes]) -> str:
    """Publish as version 0.1 did; return the manifest's digest."""
    content = {
        "facts": FACTS,
        "files": {
            name: {"bytes": len(each), "sha256": hashlib.sha256(each).hexdigest()} for name, each in files.items()
        },
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    for name, each in files.items():
        raw.write(f"trial-{trial:05d}/{name}", each)
    raw.write(f"trial-{trial:05d}/{MANIFEST}", json.dumps(content | {"sha256": digest}, indent=1).encode())
    return digest


OLDER = {name: content for name, content in FILES.items() if "/" not in name}


def test_a_checkpoint_of_the_older_layout_is_read_with_and_without_its_digest(store: CheckpointStore, raw: Raw) -> None:
    digest = older(raw, 3, OLDER)
    newer = publish(store, 3)
    for known in (digest, ""):
        folder, facts = store.fetch("trial-00003", known)
        assert facts == FACTS
        assert {name: (folder / name).read_bytes() for name in OLDER} == OLDER
        store.release(folder)
    assert store.keys(3) == ["trial-00003", newer.key]
    with pytest.raises(CheckpointDamaged):
        store.fetch("trial-00003", "0" * 64)
    with pytest.raises(CheckpointDamaged):
        store.fetch(newer.key, "")


def test_damage_to_a_checkpoint_of_the_older_layout_is_noticed(store: CheckpointStore, raw: Raw) -> None:
    older(raw, 3, OLDER)
    raw.write("trial-00003/config.json", b"x")
    with pytest.raises(CheckpointDamaged, match=r"config.json is not what was saved"):
        store.fetch("trial-00003", "")


def test_the_older_layout_is_kept_and_deleted_apart_from_what_is_newer(store: CheckpointStore, raw: Raw) -> None:
    older(raw, 3, OLDER)
    newer = publish(store, 3)
    with pytest.raises(CheckpointMissing):
        store.fetch("trial-00004", "")
    assert store.tidy(3, ["trial-00003"]) == [newer.key]
    store.fetch("trial-00003", "")
    newer = publish(store, 3)
    store.delete("trial-00003")
    with pytest.raises(CheckpointMissing):
        store.fetch("trial-00003", "")
    check(store, newer)
    older(raw, 3, OLDER)
    assert store.tidy(3, [newer.key]) == ["trial-00003"]
    check(store, newer)
    older(raw, 3, OLDER)
    store.remove_trial(3)
    assert raw.paths() == []


def test_what_is_not_in_the_manifests_own_folder_is_never_read(store: CheckpointStore, raw: Raw) -> None:
    for name in ("../secret", "/etc/hostname", "a/../../secret", ".", MANIFEST):
        raw.write("secret", b"x")
        older(raw, 3, {})
        content = {"facts": {}, "files": {name: {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}}}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        raw.write(f"trial-00003/{MANIFEST}", json.dumps(content | {"sha256": digest}).encode())
        with pytest.raises(CheckpointDamaged, match=f"{MANIFEST} is not what was saved"):
            store.fetch("trial-00003", "")


# ---- crashes ----

CRASH = """
import os, sys
from pathlib import Path
from storage import CheckpointStore, crash_points

url, scratch, place = sys.argv[1:]
store = CheckpointStore(url, "one", scratch=Path(scratch))
staged = store.stage(0, 1)
(staged / "model.safetensors").write_bytes(b"new")
print("new", flush=True)

def die(point):
    if point == place:
        os.kill(os.getpid(), 9)

crash_points.hook = die
print(store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=120, facts={"new": True}).sha256)
"""


@pytest.mark.parametrize("before", [False, True], ids=["the first", "a second"])
@pytest.mark.parametrize("place", ["files", "manifest"])
def test_a_program_that_is_killed_while_it_publishes_leaves_the_old_checkpoint_or_the_new_one_or_none(
    store: CheckpointStore, url: str, tmp_path: Path, raw: Raw, place: str, before: bool
) -> None:
    if url.startswith("memory:"):
        pytest.skip("what a process has in memory is gone with it")
    old = publish(store, 0) if before else None
    program = [sys.executable, "-c", CRASH, url, str(tmp_path / "scratch"), place]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    key = "trial-00000/attempt-1/step-00000120"
    if place == "manifest":
        digest = json.loads(raw.read(f"{key}/{MANIFEST}"))["sha256"]
        folder, facts = store.fetch(key, digest)
        assert facts == {"new": True}
        assert files_of(folder) == {"model.safetensors": b"new"}
        store.release(folder)
    elif old is not None and store.is_local:
        check(store, old)
    else:
        assert store.keys(0) == []
        with pytest.raises((CheckpointMissing, CheckpointDamaged)):
            store.fetch(key, old.sha256 if old else "0")
    assert store.trials() == [0]
    later = publish(store, 0, more=b"later")
    check(store, later, b"later")
    store.tidy(0, [later.key])
    assert raw.paths() == sorted(f"{later.key}/{name}" for name in (*FILES, MANIFEST))
    store.release(store.stage(0, 1))
    assert list(tmp_path.glob("scratch/*/*/*")) == [], "what a dead process has staged is gone"


def test_a_checkpoint_is_visible_with_its_manifest_and_not_before(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}
    monkeypatch.setattr(crash_points, "hook", lambda point: seen.update({point: store.keys(1)}))
    published = publish(store, 1)
    assert seen == {"files": [], "manifest": [published.key]}


# ---- two owners at once ----


def test_an_owner_tidies_while_the_one_before_still_writes(url: str, tmp_path: Path) -> None:
    owner, fenced = another(url, tmp_path), another(url, tmp_path)
    stop, begun, errors = threading.Event(), threading.Event(), []

    def go_on() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            try:
                published = publish(fenced, 1, attempt=1, step=step)
                begun.set()
                fenced.delete(published.key)
            except CheckpointsUnreachable:
                begun.set()  # its files were tidied away under its hands
            except (FileNotFoundError, FileExistsError) as error:
                if "/.staged-" not in str(error):  # in which this test itself writes, as a trainer does
                    errors.append(error)
            except BaseException as error:
                errors.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    begun.wait(60)
    kept: list[Published] = []
    for step in range(20):
        kept = [*kept[-1:], publish(owner, 1, attempt=2, step=step)]
        owner.tidy(1, [each.key for each in kept])
        owner.trials()
        owner.used_bytes()
        assert {each.key for each in kept} <= {*owner.keys(1)}
        for each in kept:
            check(owner, each)
    stop.set()
    thread.join()
    assert errors == []
    owner.tidy(1, [each.key for each in kept])
    assert owner.keys(1) == [each.key for each in kept]
    owner.remove()
    assert owner.trials() == []


# ---- stores that take nothing ----


def test_the_check_leaves_a_store_as_it_was(store: CheckpointStore, raw: Raw) -> None:
    store.check_writable()
    assert raw.paths() == []
    published = publish(store, 0)
    store.check_writable()
    check(store, published)


@pytest.fixture
def lone_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """An S3 for a test alone, to kill."""
    with S3Server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def test_an_s3_that_does_not_answer_is_named_and_what_was_staged_stays(lone_server: S3Server, tmp_path: Path) -> None:
    store = another(lone_server.make_bucket("bucket"), tmp_path)
    published = publish(store, 0)
    staged = write(store.stage(0, 1))
    lone_server.kill()
    with pytest.raises(CheckpointsUnreachable, match=r"^checkpoints s3://bucket/one takes no files: Could not connect"):
        store.check_writable()
    with pytest.raises(
        CheckpointsUnreachable, match=r"^s3://bucket/one/trial-00000/.* cannot be read: Could not connect"
    ):
        store.fetch(published.key, published.sha256)
    with pytest.raises(CheckpointsUnreachable, match=r"cannot be written: Could not connect") as caught:
        store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=1, facts=FACTS)
    assert isinstance(caught.value, OSError)
    assert files_of(staged) == FILES
    lone_server.start()
    lone_server.make_bucket("bucket")
    check(store, store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=1, facts=FACTS))


def test_a_bucket_that_is_not_there_is_not_an_empty_store(s3_url: str, tmp_path: Path) -> None:
    store = another("s3://no-such-bucket/x", tmp_path)
    with pytest.raises(CheckpointsUnwritable, match="takes no files: The specified bucket does not exist"):
        store.check_writable()
    with pytest.raises(CheckpointsUnreachable, match="The specified bucket does not exist"):
        store.trials()
    with pytest.raises(CheckpointsUnreachable, match="The specified bucket does not exist"):
        store.fetch("trial-00000/attempt-1/step-00000001", "0")


# ---- fitted heads ----


def publish_head(store: CheckpointStore, more: bytes = b"", **facts: Any) -> Published:
    return store.publish_head(write(store.stage_head(), more), facts={**FACTS, **facts})


def test_a_head_is_fetched_under_a_key_that_follows_from_its_files(store: CheckpointStore, raw: Raw) -> None:
    one = publish_head(store)
    assert one.key.startswith("heads/")
    check(store, one)
    staged = write(store.stage_head())
    assert store.head_key(staged) == one.key
    store.release(staged)
    assert publish_head(store) == one, "what is there already stays"
    again = publish_head(store, epochs=2)
    assert (again.key, again.bytes) == (one.key, one.bytes)
    assert again.sha256 != one.sha256, "the facts are part of the manifest"
    other = publish_head(store, b"more")
    assert other.key != one.key
    assert {path.rsplit("/", 1)[0] for path in raw.paths() if path.endswith(MANIFEST)} == {one.key, other.key}


def test_a_head_belongs_to_no_trial_and_goes_with_its_study(store: CheckpointStore, raw: Raw) -> None:
    published, head = publish(store, 3), publish_head(store)
    assert store.trials() == [3]
    assert store.used_bytes() > published.bytes + head.bytes
    store.remove_trial(3)
    assert store.tidy(3, ()) == []
    check(store, head)
    store.remove()
    assert raw.paths() == []


def test_a_damaged_or_missing_head_is_told(store: CheckpointStore, raw: Raw) -> None:
    head = publish_head(store)
    raw.write(f"{head.key}/config.json", b"{}")
    with pytest.raises(CheckpointDamaged, match=rf"{head.key}/config\.json is not what was saved"):
        store.fetch(head.key, head.sha256)
    store.delete(head.key)
    with pytest.raises(CheckpointMissing, match=f"there is no {head.key} in ") as raised:
        store.fetch(head.key, head.sha256)
    assert "of this trial" not in str(raised.value)


@pytest.mark.parametrize("key", ["heads", "heads/", "heads/0123456789ABCDEF", "heads/0123456789abcdef/x", "heads/../x"])
def test_what_is_no_key_of_a_head_is_refused(store: CheckpointStore, key: str) -> None:
    with pytest.raises(CheckpointError, match="is no key of a checkpoint"):
        store.fetch(key, "")


def test_tidying_heads_leaves_one_and_what_is_being_made(store: CheckpointStore, raw: Raw) -> None:
    one, other = publish_head(store), publish_head(store, b"more")
    raw.write("heads/.staged-0123/model.safetensors", b"of a machine that was killed")
    raw.write("heads/mine.txt", b"of a person")
    raw.write("heads/mine/notes.txt", b"of a person")
    trial, staged = publish(store, 3), write(store.stage_head())
    store.tidy_heads(other.key)
    check(store, other, b"more")
    check(store, trial)
    assert not [path for path in raw.paths() if path.startswith((one.key, "heads/.staged-0123"))]
    assert files_of(staged) == FILES
    assert {"heads/mine.txt", "heads/mine/notes.txt"} <= {*raw.paths()}
