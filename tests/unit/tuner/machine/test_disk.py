from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from storage.places import is_full as store_is_full
from tuner.machine import disk

#: More than any disk has free.
HUGE = 1 << 62


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_an_error_of_the_kernel_that_says_full_is_enough(number: int, tmp_path: Path) -> None:
    assert disk.is_full(tmp_path, os_error(number))
    assert disk.is_full(tmp_path / "missing", os_error(number))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EROFS, errno.ENOENT])
def test_another_error_of_the_kernel_does_not_mean_a_full_disk(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "ROOM", HUGE)
    assert not disk.is_full(tmp_path, os_error(number))


def test_for_an_error_of_a_library_the_free_space_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("unexpected pos 64 vs 0")
    assert not disk.is_full(tmp_path, error)
    monkeypatch.setattr(disk, "ROOM", HUGE)
    assert disk.is_full(tmp_path, error)


def test_a_folder_whose_free_space_cannot_be_read_is_not_called_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "ROOM", HUGE)
    assert disk.has_no_room(tmp_path)
    assert not disk.has_no_room(tmp_path / "missing")


@pytest.mark.parametrize(
    "text",
    [
        "OSError: [Errno 28] No space left on device: '/cache/data'",
        "Not enough disk space. Needed: 1.00 MiB",
        "I/O error: File too large (os error 28)",
    ],
)
def test_the_words_of_libraries_for_a_full_disk_are_known(text: str) -> None:
    assert disk.says_full(text)


def test_other_words_do_not_say_full() -> None:
    assert not disk.says_full("Permission denied (os error 13)")


def test_the_message_names_the_folder() -> None:
    assert disk.full_message(Path("/cache")) == "the disk of /cache is full; make room there"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EFBIG])
def test_the_store_and_trainers_agree_on_a_full_disk(number: int, tmp_path: Path) -> None:
    assert disk.is_full(tmp_path, os_error(number)) == store_is_full(os_error(number))
