from __future__ import annotations

from pathlib import Path

import pytest

from storage import Database, DatabaseUnreadable, backends
from storage.backends import network_file_system

#: As Linux writes it: ids, device, root, mount point, options, optional fields, a dash, kind, source, options.
ROOT = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
HOME = "40 21 0:35 / /home rw,nosuid - nfs4 server:/export/home rw,vers=4.2"
LOCAL_BELOW = "41 40 8:2 / /home/me/scratch rw - xfs /dev/sdb1 rw"
CIFS = "50 21 0:44 / /mnt/share rw - cifs //server/share rw"
SSHFS = "51 21 0:45 / /mnt/there rw - fuse.sshfs me@there: rw"
SPACES = r"52 21 0:46 / /mnt/my\040big\011disk rw - nfs server:/a\040b rw"
LETTERS = "53 21 0:47 / /mnt/büro rw - nfs server:/b rw"
BACKSLASH = r"54 21 0:48 / /mnt/a\134b rw - nfs server:/c rw"
OVERLAY = "60 21 0:50 / /container rw - overlay overlay rw,lowerdir=/a"
NO_OPTIONAL_FIELDS = "61 21 0:51 / /plain rw - 9p host rw"
MOUNTS = [ROOT, HOME, LOCAL_BELOW, CIFS, SSHFS, SPACES, LETTERS, BACKSLASH, OVERLAY, NO_OPTIONAL_FIELDS]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tuner.db", None),
        ("/var/lib/tuner.db", None),
        ("/home/me/tuner.db", "nfs4"),
        ("/home/me/scratch/tuner.db", None),
        ("/home/me/scratched/tuner.db", "nfs4"),
        ("/homes/me/tuner.db", None),
        ("/mnt/share/deep/down/tuner.db", "cifs"),
        ("/mnt/sharer/tuner.db", None),
        ("/mnt/there/tuner.db", "fuse.sshfs"),
        ("/mnt/my big\tdisk/tuner.db", "nfs"),
        ("/mnt/my/tuner.db", None),
        ("/mnt/büro/tuner.db", "nfs"),
        (r"/mnt/a\b/tuner.db", "nfs"),
        ("/container/tuner.db", None),
        ("/plain/tuner.db", "9p"),
    ],
)
def test_a_path_is_on_the_file_system_of_the_deepest_mount_above_it(path: str, kind: str | None) -> None:
    for mounts in (MOUNTS, MOUNTS[::-1]):
        assert network_file_system(Path(path), "\n".join(mounts)) == kind


def test_the_later_of_two_mounts_at_one_place_hides_the_earlier() -> None:
    local = "70 40 8:3 / /home rw - ext4 /dev/sdc1 rw"
    assert network_file_system(Path("/home/me/tuner.db"), "\n".join([ROOT, HOME, local])) is None
    assert network_file_system(Path("/home/me/tuner.db"), "\n".join([ROOT, local, HOME])) == "nfs4"


def test_lines_that_make_no_sense_are_passed_over() -> None:
    mounts = "\n".join(["", "nonsense", "1 2 3", "1 2 3 4 /home rw", ROOT, HOME])
    assert network_file_system(Path("/home/me/tuner.db"), mounts) == "nfs4"
    assert network_file_system(Path("/home/me/tuner.db"), "") is None


def test_the_folder_of_this_test_is_on_no_network(tmp_path: Path) -> None:
    assert network_file_system(tmp_path.resolve()) is None


@pytest.mark.parametrize("create", [False, True])
def test_a_database_on_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, create: bool
) -> None:
    mount = f"90 1 0:60 / {tmp_path.resolve()} rw - nfs4 server:/export rw"
    real = network_file_system
    monkeypatch.setattr(backends, "network_file_system", lambda path: real(path, f"{ROOT}\n{mount}"))
    with pytest.raises(DatabaseUnreadable) as caught:
        Database(f"sqlite:///{tmp_path}/tuner.db", create=create)
    assert "is on a network file system (nfs4), where SQLite loses data if several processes write" in str(caught.value)
    assert "use a local disk, or a PostgreSQL database" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
