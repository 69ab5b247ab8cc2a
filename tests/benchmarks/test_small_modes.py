"""The small mode of each benchmark: that systems are compared which do the same. No time is looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if "sys.exit(main())" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_systems_of_a_benchmark_do_the_same(script: str, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), "--small", "--json", str(found)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(found.read_text(encoding="utf-8"))
    assert content["equalities"], "a comparison of what is not known to be the same"
    assert all(equality["holds"] for equality in content["equalities"]), content["equalities"]
