"""The wheel alone is the whole product, and a folder of the user's never shadows a package of ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from acceptance_support import Tuner

from tuner.cli.command_list import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGES = ("search_spaces", "storage", "tuner")


def call(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(argument) for argument in arguments], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the built wheel; what it depends on is borrowed from the environment of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", cwd=source)
    (wheel,) = (folder / "dist").glob("shichimi-*.whl")
    home = folder / "environment"
    venv.create(home, with_pip=True, symlinks=True)
    python = home / "bin" / "python"
    call(python, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=folder)
    site = Path(call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # Behind our own site-packages, and with its .pth files unread: an editable installation there stays out of sight.
    (site / "borrowed.pth").write_text("\n".join(sorted(borrowed)) + "\n", encoding="utf-8")
    return home


@pytest.fixture
def installed(tuner: Tuner, clean_environment: Path, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """The command of the wheel, in a folder whose packages of the same names must not be imported."""
    for package in PACKAGES:
        (tuner.folder / package).mkdir()
        (tuner.folder / package / "__init__.py").write_text("raise ImportError('a folder of the user')\n", "utf-8")
    return replace(tuner, command=(str(clean_environment / "bin" / "tuner"),))


def test_the_installed_packages_are_the_wheels_and_have_their_data(installed: Tuner, clean_environment: Path) -> None:
    script = (
        "import json, search_spaces, storage, tuner.cli.main;"
        "from search_spaces import preset_names;"
        "print(json.dumps([[m.__file__ for m in (search_spaces, storage, tuner)], preset_names()]))"
    )
    files, presets = json.loads(call(clean_environment / "bin" / "python", "-P", "-c", script, cwd=installed.folder))
    assert all(Path(file).is_relative_to(clean_environment) for file in files)
    assert presets == ["causal-lm", "image-classification", "text-classification"]


def test_the_wheel_has_every_file_of_the_packages(clean_environment: Path) -> None:
    site = next(clean_environment.glob("lib/python*/site-packages"))
    for package in PACKAGES:
        assert files_below(site / package) == files_below(ROOT / package)


def files_below(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix() for path in found}


def test_the_command_runs_from_a_folder_that_has_a_folder_storage(installed: Tuner) -> None:
    assert installed.ok("--help").stdout.startswith("Usage: tuner ")
    assert installed.ok("--version").stdout.startswith("tuner, version ")
    assert installed.ok("init", "--example", "rotten-tomatoes").returncode == 0


def test_every_command_says_how_it_is_used(installed: Tuner, clean_environment: Path) -> None:
    script = (
        "from tuner.cli.command_list import COMMANDS\n"
        "from tuner.cli.main import group\n"
        "for name in COMMANDS: group.main([name, '--help'], prog_name='tuner', standalone_mode=False)"
    )
    said = call(clean_environment / "bin" / "python", "-P", "-c", script, cwd=installed.folder)
    assert [name for name in COMMANDS if f"Usage: tuner {name} " not in said] == []


@pytest.mark.rest
def test_a_study_of_a_users_own_training_runs_to_its_export(installed: Tuner) -> None:
    page = (ROOT / "docs/how-to/own-training.md").read_text(encoding="utf-8")
    for name, text in re.findall(r"^```\w+\n# (walk\.\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        (installed.folder / name).write_text(text, encoding="utf-8")
    installed.ok("check", "walk.yaml")
    assert "3 of 3 trials" in installed.ok("start", "walk.yaml", "--workers", "2").stdout
    assert installed.json("status", "walk")["state"] == "finished"
    best = installed.json("best", "walk")
    installed.ok("export", "walk", "out")
    assert float((installed.folder / "out" / "best.txt").read_text()) == best["value"]


@pytest.mark.rest
def test_trainers_started_there_import_ours_too(installed: Tuner) -> None:
    study = installed.study("shadowed", budget={"trials": 2})
    with installed.running("start", study, "--workers", "2") as running:
        running.wait_for("trial 0 started")
        started = [trainer for parent in running.descendants() for trainer in parent.cmdline()]
        assert "-P" in started
        assert running.wait() == 0, running.stderr
    status = installed.json("status", "shadowed")
    assert status["trials"]["complete"] + status["trials"]["pruned"] == 2
