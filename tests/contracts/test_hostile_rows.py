"""What somebody else writes into the database or the store leads neither out of the store, nor into memory or disk."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fsspec.core import url_to_fs
from storing import begin, create_study, optuna_study

from storage import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointRef,
    Checkpoints,
    CheckpointStore,
    Database,
    DatabaseUnreadable,
    History,
    Published,
    Slots,
    Studies,
    StudyRecord,
    store_url,
    tables,
)
from storage.manifests import MANIFEST, MAX_BYTES

SOUND = {"key": "trial-00000/attempt-1/step-00000001", "sha256": "ab" * 32, "bytes": 3, "step": 1}


# ---- rows ----


POINTERS: list[dict[str, Any]] = [
    {"key": "../../etc/passwd"},
    {"key": "/etc/passwd"},
    {"key": "trial-00000/attempt-1/../../.."},
    {"key": "trial-00000/attempt-1/step-00000001/../.."},
    {"key": "trial-00000/attempt-1/step-00000001\n"},
    {"key": "trial-00000\\/attempt-1/step-00000001"},
    {"key": "trial-" + "1" * 4000},
    {"key": "trial-00000/attempt-1/step-" + "1" * 4000},
    {"key": ["trial-00000"]},
    {"key": None},
    {"sha256": 7},
    {"bytes": -1},
    {"bytes": "3"},
    {"step": True},
    {"step": 1 << 70},
    {"step": 1.5},
    {"value": "good"},
    {"tenth": {}},
    {"owner": "me"},
]


def put(slots: Slots, record: StudyRecord, database: Database, checkpoint: object) -> Checkpoints:
    """Write what a slot has in the store, as whoever can write to the database may; return what is read."""
    with database.write() as connection:
        mine = tables.slots.c.study_id == record.id
        connection.execute(tables.slots.update().where(mine).values(checkpoint=checkpoint))
    return slots.all()[0].checkpoints


def test_a_pointer_that_none_of_us_can_have_written_counts_as_lost(database: Database) -> None:
    record = create_study(database)
    slots, sound = Slots(database, record.id), CheckpointRef.from_dict(SOUND)
    assert put(slots, record, database, {"resume": [SOUND], "best": SOUND}) == Checkpoints(resume=(sound,), best=sound)
    for change in POINTERS:
        hostile = SOUND | change
        found = put(slots, record, database, {"resume": [hostile, SOUND], "best": hostile})
        assert found == Checkpoints(resume=(sound,)), change


def test_a_row_of_another_shape_points_to_nothing(database: Database) -> None:
    record = create_study(database)
    for row in ([], [SOUND], "x", 1, {"resume": 3}, {"resume": {"a": 1}}, {"resume": [None, [], "x"], "best": 1}):
        assert put(Slots(database, record.id), record, database, row) == Checkpoints(), row


def test_a_study_that_is_not_stored_as_we_do_is_refused_by_name(database: Database) -> None:
    record = create_study(database)
    taken = 0
    for column in ("config", "facts"):
        for text in ('"word"', "[1]", "1" * 10_000, "[" * 100_000 + "]" * 100_000):
            with database.write() as connection:
                try:
                    connection.execute(sa.text(f"UPDATE tuner_studies SET {column} = :text"), {"text": text})
                except sa.exc.DBAPIError:
                    continue  # too deep for this database
            taken += 1
            with pytest.raises(DatabaseUnreadable, match=r"^study 'one' in .*: the stored values are not ones that"):
                Studies(database).get("one")
        with database.write() as connection:
            connection.execute(tables.studies.update().values(config=record.config, facts=record.facts))
        assert Studies(database).get("one") == record
    assert taken >= 4


def test_evaluations_are_sorted_by_number_and_what_other_programs_wrote_is_left_out(database: Database) -> None:
    record = create_study(database)
    _, trial = begin(Slots(database, record.id), optuna_study(database))
    sound = {step: {"step": step, "value": step / 100} for step in (100, 20, 5, 1000)}
    strange = {
        "evaluation:": json.dumps({}),
        "evaluation:x": json.dumps({"step": "3"}),
        "evaluation:" + "9" * 400: json.dumps({"step": True}),
        "evaluation:030": "no JSON",
        "evaluation:040": "[" * 100_000,
        "evaluation:050": json.dumps([1]),
        "evaluation:060": json.dumps(None),
        "evaluation:070": "1" * 10_000,
    }
    texts = {f"evaluation:{step:03d}": json.dumps(each) for step, each in sound.items()} | strange
    attributes = sa.table("trial_user_attributes", *map(sa.column, ("trial_id", "key", "value_json")))
    with database.write() as connection:
        for key, text in texts.items():
            values = {"trial_id": trial._trial_id, "key": key, "value_json": text}
            connection.execute(attributes.insert().values(**values))
    (found,) = History(database, record).trials()
    assert [each["step"] for each in found.evaluations] == [5, 20, 100, 1000]
    assert list(found.evaluations) == [sound[step] for step in (5, 20, 100, 1000)]


# ---- files ----


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    written = str(tmp_path / "checkpoints") if request.param == "folder" else request.getfixturevalue("s3_url")
    return store_url(written)


@pytest.fixture
def store(place: str, tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(place, "one", scratch=tmp_path / "scratch")


def publish(store: CheckpointStore) -> Published:
    staged = store.stage(0, 1)
    (staged / "weights").write_bytes(b"123")
    return store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=1, facts={})


def write(place: str, path: str, content: bytes) -> None:
    files, root = url_to_fs(f"{place}/one", use_listings_cache=False)
    files.pipe_file(f"{root}/{path}", content)


def forge(place: str, key: str, files: object, **more: object) -> str:
    """Put a manifest in another's place; return its digest, which a row that was written with it would have."""
    content = {"facts": {}, "files": files, **more}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    write(place, f"{key}/{MANIFEST}", json.dumps(content | {"sha256": digest}).encode())
    return digest


def digest_of(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    "name",
    [
        "../weights",
        "/etc/hostname",
        "a/../../../../weights",
        "a\nb",
        "a\x00b",
        "a\x7f",
        "a\ud800",
        "x" * 256,
        "/".join(["x"] * 1000),
        "./weights",
        "weights/",
        "",
    ],
)
def test_a_manifest_whose_names_lead_elsewhere_is_damaged_even_where_its_digest_is_known(
    store: CheckpointStore, place: str, tmp_path: Path, name: str
) -> None:
    published = publish(store)
    write(place, "weights", b"123")
    digest = forge(place, published.key, {name: digest_of(b"123")})
    with pytest.raises(CheckpointDamaged, match=f"{MANIFEST} is not what was saved"):
        store.fetch(published.key, digest)
    assert not any(path.is_file() for path in (tmp_path / "scratch").rglob("weights"))


@pytest.mark.parametrize("entry", [{"bytes": -3}, {"bytes": "3"}, {"bytes": True}, {"bytes": 3.0}, {"sha256": None}])
def test_a_manifest_of_impossible_files_is_damaged(store: CheckpointStore, place: str, entry: dict[str, Any]) -> None:
    published = publish(store)
    digest = forge(place, published.key, {"weights": digest_of(b"123") | entry})
    with pytest.raises(CheckpointDamaged, match=f"{MANIFEST} is not what was saved"):
        store.fetch(published.key, digest)


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
def test_a_manifest_deeper_than_any_is_damaged(store: CheckpointStore, place: str, depth: int) -> None:
    published = publish(store)
    write(place, f"{published.key}/{MANIFEST}", b"[" * depth)
    with pytest.raises(CheckpointDamaged, match=f"{MANIFEST} is not what was saved"):
        store.fetch(published.key, published.sha256)


def test_a_manifest_larger_than_any_is_not_read(store: CheckpointStore, place: str) -> None:
    published = publish(store)
    write(place, f"{published.key}/{MANIFEST}", b" " * (MAX_BYTES + 1))
    with pytest.raises(CheckpointDamaged, match=f"{MANIFEST} is not what was saved"):
        store.fetch(published.key, published.sha256)


def test_a_file_that_has_grown_is_not_copied(store: CheckpointStore, place: str, tmp_path: Path) -> None:
    published = publish(store)
    write(place, f"{published.key}/weights", b"123" + b"x" * 1_000_000)
    with pytest.raises(CheckpointDamaged, match="weights is not what was saved"):
        store.fetch(published.key, published.sha256)
    assert not any(path.is_file() for path in (tmp_path / "scratch").rglob("weights"))


def test_a_name_that_no_manifest_can_hold_is_refused_before_it_is_published(store: CheckpointStore) -> None:
    staged = store.stage(0, 1)
    (staged / "a\nb").write_bytes(b"1")
    with pytest.raises(CheckpointError, match=r"'a\\nb' is no name for a file of a checkpoint"):
        store.publish(staged, trial=0, attempt=1, kind="step", optimiser_steps=1, facts={})
    assert (staged / "a\nb").exists()
    store.release(staged)


@pytest.mark.parametrize("name", [MANIFEST, "weights"])
def test_a_pipe_in_a_files_place_makes_nobody_wait(tmp_path: Path, name: str) -> None:
    store = CheckpointStore(str(tmp_path / "checkpoints"), "one", scratch=tmp_path / "scratch")
    published = publish(store)
    file = Path(store.url) / published.key / name
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(CheckpointDamaged, match=f"{name} is not what was saved"):
        store.fetch(published.key, published.sha256)
