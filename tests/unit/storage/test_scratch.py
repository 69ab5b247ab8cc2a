from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from storage.scratch import new_folder, workspace

PROCESS = """
import os, signal, sys
from pathlib import Path
from storage.scratch import workspace

folder = workspace(Path(sys.argv[1]))
(folder / "checkpoint").write_bytes(b"x")
print(folder, flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def start(scratch: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(scratch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def kill(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == -9


def test_what_a_killed_process_leaves_is_removed_by_the_next_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    scratch = tmp_path / "not" / "made"
    (dead, deads), (living, livings) = start(scratch), start(scratch)
    assert (deads / "checkpoint").exists()
    assert (livings / "checkpoint").exists()
    kill(dead)
    mine = workspace(scratch)
    assert not deads.exists()
    assert (livings / "checkpoint").exists()
    kill(living)
    assert workspace(scratch) == mine
    assert [*scratch.iterdir()] == [mine]


def test_a_fork_has_a_folder_of_its_own_and_keeps_its_parents(tmp_path: Path) -> None:
    mine = workspace(tmp_path)
    said, says = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(says, str(workspace(tmp_path)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(says)
    with os.fdopen(said) as pipe:
        forks = Path(pipe.read())
    assert forks.parent == mine.parent
    assert forks != mine
    assert workspace(tmp_path) == mine
    assert not forks.exists()


def test_a_cache_that_somebody_emptied_is_made_again(tmp_path: Path) -> None:
    mine = workspace(tmp_path)
    for path in sorted(mine.rglob("*"), reverse=True):
        path.unlink()
    mine.rmdir()
    assert new_folder(workspace(tmp_path), "x-").is_dir()


def test_a_folder_behind_a_link_is_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert workspace(tmp_path / "link") == workspace(tmp_path / "real")


def test_what_other_programs_have_there_stays(tmp_path: Path) -> None:
    (tmp_path / "process-of-others").mkdir()
    (tmp_path / "file").touch()
    workspace(tmp_path)
    assert (tmp_path / "process-of-others").is_dir()
    assert (tmp_path / "file").exists()
