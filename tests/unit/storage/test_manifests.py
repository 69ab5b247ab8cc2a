"""What a manifest names, what it refuses to name, and what damage it notices."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.errors import CheckpointError
from storage.manifests import MANIFEST, MAX_BYTES, FileDigest, Manifest, is_free_of_links

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of two files, one of them in a folder."""
    (tmp_path / "checkpoint/inner").mkdir(parents=True)
    (tmp_path / "checkpoint/weights").write_bytes(b"12345")
    (tmp_path / "checkpoint/inner/empty").touch()
    return tmp_path / "checkpoint"


def naming(*names: str) -> Manifest:
    return Manifest(facts={}, files={name: FileDigest(bytes=0, sha256=EMPTY) for name in names})


def resigned(change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return a manifest that somebody has changed and signed again."""
    manifest = naming("weights")
    content = json.loads(manifest.to_bytes())
    change(content)
    files = {name: FileDigest(**file) for name, file in content["files"].items()}
    return Manifest(facts=content["facts"], files=files).to_bytes()


def test_a_manifest_names_every_file_below_its_folder(folder: Path) -> None:
    manifest = Manifest.of(folder, {"step": 3})
    assert dict(manifest.facts) == {"step": 3}
    assert set(manifest.files) == {"weights", "inner/empty"}
    assert manifest.files["inner/empty"] == FileDigest(bytes=0, sha256=EMPTY)
    assert manifest.size == 5


def test_a_manifest_does_not_name_itself_but_one_of_a_folder_inside(folder: Path) -> None:
    (folder / MANIFEST).touch()
    (folder / "inner" / MANIFEST).touch()
    assert set(Manifest.of(folder, {}).files) == {"weights", "inner/empty", f"inner/{MANIFEST}"}


def test_what_is_written_is_read(folder: Path) -> None:
    manifest = Manifest.of(folder, {1: "a", "b": [1.5, None]})
    assert Manifest.parse(manifest.to_bytes()) == manifest
    assert dict(manifest.facts) == {"1": "a", "b": [1.5, None]}, "keys are text, as a reader sees them"


def test_the_digest_is_that_of_the_content_in_any_order() -> None:
    one, other = naming("a", "b"), naming("b", "a")
    assert one.sha256 == other.sha256
    assert one.sha256 != naming("a", "c").sha256
    assert one.sha256 == "bbc8b5083dbf9bf9eced32c7d97df0e26af219a82886cd5f51597084018f3900", "stores hold it"


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_a_pipe_is_no_part_of_a_checkpoint(folder: Path, kind: str) -> None:
    if kind == "link":
        (folder / "more").symlink_to(folder / "weights")
    else:
        os.mkfifo(folder / "more")
    with pytest.raises(CheckpointError, match="more is no plain file and cannot be part of a checkpoint"):
        Manifest.of(folder, {})


def test_a_link_to_a_folder_is_not_followed(folder: Path) -> None:
    (folder / "more").symlink_to(folder / "inner")
    with pytest.raises(CheckpointError, match="more is no plain file"):
        Manifest.of(folder, {})


# ---- names


@pytest.mark.parametrize("name", ["a", "a/b/c", "..a", "a..", ".hidden", "a b", "ä", f"a/{MANIFEST}", "n" * 255])
def test_a_name_below_the_folder_is_read(name: str) -> None:
    assert set(Manifest.parse(naming(name).to_bytes()).files) == {name}


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "/a",
        "a/",
        "a//b",
        "./a",
        MANIFEST,
        "a\nb",
        "a\0",
        "\x1f",
        "\x7f",
        "\ud800",
    ],
)
def test_a_name_that_leads_elsewhere_or_cannot_be_written_is_not_read(name: str) -> None:
    with pytest.raises(ValueError, match="is not what was written"):
        Manifest.parse(naming(name).to_bytes())


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("n" * 255, True),
        ("n" * 256, False),
        ("ä" * 127 + "n", True),
        ("ä" * 128, False),
        ("/".join(["n" * 204] * 5), True),
        ("/".join(["n" * 204] * 5) + "n", False),
    ],
)
def test_a_name_is_as_long_as_a_file_system_takes(name: str, fits: bool) -> None:
    text = naming(name).to_bytes()
    if fits:
        assert set(Manifest.parse(text).files) == {name}
    else:
        with pytest.raises(ValueError, match="is not what was written"):
            Manifest.parse(text)


def test_a_file_whose_name_no_manifest_can_hold_is_refused_where_it_is_written(folder: Path) -> None:
    (folder / "a\nb").touch()
    with pytest.raises(CheckpointError, match=r"'a\\nb' is no name for a file of a checkpoint"):
        Manifest.of(folder, {})


# ---- what was not written


@pytest.mark.parametrize("size", [-1, 1.0, True, "1", None])
def test_a_size_that_no_file_has_is_not_read(size: Any) -> None:
    text = resigned(lambda content: content["files"]["weights"].update(bytes=size))
    with pytest.raises(ValueError, match="is not what was written"):
        Manifest.parse(text)


@pytest.mark.parametrize("digest", [None, 1, ["a"]])
def test_a_digest_that_is_no_text_is_not_read(digest: Any) -> None:
    text = resigned(lambda content: content["files"]["weights"].update(sha256=digest))
    with pytest.raises(ValueError, match="is not what was written"):
        Manifest.parse(text)


def test_a_manifest_with_another_ones_digest_is_not_read() -> None:
    text = naming("a").to_bytes().replace(b'"a"', b'"b"')
    with pytest.raises(ValueError, match="is not what was written"):
        Manifest.parse(text)


@pytest.mark.parametrize(
    "text", [b"[]", b"3", b"{}", b'{"sha256": "", "files": {"a": 3}}', b'{"sha256": "", "files": []}']
)
def test_what_is_no_manifest_is_not_read(text: bytes) -> None:
    with pytest.raises(ValueError, match="is no manifest"):
        Manifest.parse(text)


def test_a_manifest_is_as_long_as_the_limit_at_most() -> None:
    text = naming("a").to_bytes()
    assert Manifest.parse(text + b" " * (MAX_BYTES - len(text))) == naming("a")
    with pytest.raises(ValueError, match="is too long for a manifest"):
        Manifest.parse(text + b" " * (MAX_BYTES - len(text) + 1))


# ---- damage


def test_a_folder_as_it_was_written_is_not_damaged(folder: Path) -> None:
    manifest = Manifest.of(folder, {})
    (folder / "beside").write_bytes(b"named by nobody")
    assert manifest.damaged(folder) is None


@pytest.mark.parametrize("damage", ["gone", "longer", "changed", "a folder", "a link"])
def test_a_file_that_is_not_as_it_was_written_is_named(folder: Path, damage: str, tmp_path: Path) -> None:
    manifest = Manifest.of(folder, {})
    path = folder / "weights"
    path.rename(tmp_path / "weights")
    if damage == "longer":
        path.write_bytes(b"123456")
    elif damage == "changed":
        path.write_bytes(b"12346")
    elif damage == "a folder":
        path.mkdir()
    elif damage == "a link":
        path.symlink_to(tmp_path / "weights")
    assert manifest.damaged(folder) == "weights"


def test_a_file_below_a_link_to_a_folder_is_damaged(folder: Path, tmp_path: Path) -> None:
    manifest = Manifest.of(folder, {})
    (folder / "inner").rename(tmp_path / "inner")
    (folder / "inner").symlink_to(tmp_path / "inner")
    assert manifest.damaged(folder) == "inner/empty"
    assert not is_free_of_links(folder / "inner/empty")
    assert is_free_of_links(folder / "nothing/here")


def failing(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, *_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "open", fail)


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO])
def test_a_file_that_will_never_be_read_again_is_damaged(
    folder: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest.of(folder, {})
    failing(code, monkeypatch)
    assert manifest.damaged(folder) is not None


@pytest.mark.parametrize("code", [errno.EACCES, errno.ESTALE, errno.EMFILE, errno.ETIMEDOUT])
def test_a_file_that_cannot_be_read_for_now_is_not_called_damaged(
    folder: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest.of(folder, {})
    failing(code, monkeypatch)
    with pytest.raises(OSError, match=os.strerror(code)):
        manifest.damaged(folder)
