"""The compose file and the image: what Compose makes of them, what linters say, and that they fit the program."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from tuner.cli.main import group
from tuner.study.durations import parse_duration

ROOT = Path(__file__).parents[2]
PROFILES = ("cpu", "gpu", "tools")
WORKERS = ("worker-cpu", "worker-gpu")
SECRETS = ("database_password", "dashboard_token")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tool(name: str) -> Path:
    """Return a program that the extra `test` installs where it is made for this platform."""
    found = Path(sys.executable).with_name(name)
    if not found.exists():
        reason = f"no {name} beside {sys.executable}; pip install '.[test]'"
        if os.environ.get("CI"):
            raise FileNotFoundError(reason)
        pytest.skip(reason)
    return found


def compose(folder: Path, *arguments: str, **variables: str) -> str:
    """Run Compose as somebody without Docker and without settings; return what it prints."""
    environment = {"PATH": os.defpath, "HOME": str(folder), "DOCKER_HOST": "unix:///nowhere", **variables}
    command = [tool("docker-compose"), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # where it warns: a variable that is not set, a key that it does not know
    return done.stdout


def rendered(folder: Path, **variables: str) -> dict[str, Any]:
    """Return the services of every profile as Compose understands them."""
    document = json.loads(compose(folder, "--profile", "*", "config", "--format", "json", **variables))
    services: dict[str, Any] = document["services"]
    assert set(services) == {"database", "dashboard", "tuner", *WORKERS}
    return services


@contextmanager
def parsed(words: list[str]) -> Iterator[click.Context]:
    """Parse a command line of `tuner` without running it; raise where a command, a flag or a value is unknown."""
    with group.make_context("tuner", list(words)) as context:
        name, command, arguments = group.resolve_command(context, list(words))
        assert command is not None
        with command.make_context(name, arguments, parent=context) as inner:
            yield inner


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which somebody has run `make secrets`."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("docker-compose.yml", "Dockerfile", "Makefile"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "examples", folder / "examples")
    subprocess.run(["make", "secrets"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def services(project: Path) -> dict[str, Any]:
    return rendered(project)


@pytest.mark.parametrize("profiles", [(), *((profile,) for profile in PROFILES), PROFILES], ids=" ".join)
def test_compose_takes_the_file_with_each_profile(project: Path, profiles: tuple[str, ...]) -> None:
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    compose(project, *chosen, "config", "--quiet")


def test_without_a_profile_there_are_the_database_and_the_dashboard(project: Path) -> None:
    assert set(compose(project, "config", "--services").split()) == {"database", "dashboard"}


def test_settings_reach_the_services(project: Path) -> None:
    services = rendered(
        project, TUNER_STUDY="mine.yaml", TUNER_STUDIES="./mine", TUNER_GPUS="2", TUNER_DASHBOARD_PORT="9000"
    )
    assert services["dashboard"]["ports"][0]["published"] == "9000"
    for worker in WORKERS:
        assert "mine.yaml" in services[worker]["command"]
        assert str(project / "mine") in [volume["source"] for volume in services[worker]["volumes"]]
    assert services["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"] == [
        {"capabilities": ["gpu"], "driver": "nvidia", "count": 2}
    ]


def test_a_linter_of_compose_files_finds_nothing_dangerous() -> None:
    command = [tool("compose-lint"), "check", ROOT / "docker-compose.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_linter_of_dockerfiles_finds_nothing() -> None:
    done = subprocess.run([tool("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_secrets_are_written_once_readable_inside_a_folder_that_is_not(project: Path) -> None:
    folder = project / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    written = {name: (folder / name).read_text() for name in SECRETS}
    assert len(set(written.values())) == len(SECRETS)
    for name, secret in written.items():
        assert re.fullmatch("[0-9a-f]{48}", secret)
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o444
    subprocess.run(["make", "secrets"], cwd=project, check=True, capture_output=True)
    assert {name: (folder / name).read_text() for name in SECRETS} == written


def test_no_secret_is_in_what_compose_renders(project: Path) -> None:
    printed = compose(project, "--profile", "*", "config")
    for name in SECRETS:
        assert f"/run/secrets/{name}" in printed
        assert (project / "secrets" / name).read_text() not in printed


def test_secrets_are_kept_out_of_repository_and_image() -> None:
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    dockerfile, ignored = (ROOT / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()}
    assert sent == copied


def test_no_service_runs_as_root_or_can_become_more_than_it_is(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"cap_add", "privileged", "devices", "network_mode", "pid", "ipc"} & set(service), name
        assert service["mem_limit"], name
        assert service["pids_limit"], name


def test_the_host_lends_the_services_one_folder_to_read(services: dict[str, Any], project: Path) -> None:
    for name, service in services.items():
        bound = [volume for volume in service.get("volumes", []) if volume["type"] == "bind"]
        assert [(volume["source"], volume["target"], volume.get("read_only")) for volume in bound] == (
            [(str(project / "examples"), "/studies", True)] if name in (*WORKERS, "tuner") else []
        ), name


def test_the_dashboard_alone_is_published_and_to_this_host_alone(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert [port["host_ip"] for port in published.pop("dashboard")] == ["127.0.0.1"]
    assert published == {}


def test_images_are_pinned_and_ours_have_the_version_of_the_project(services: dict[str, Any]) -> None:
    version = re.escape(PROJECT["version"])
    for name, service in services.items():
        if name == "database":
            assert re.fullmatch(r"postgres:\d+-[a-z]+", service["image"])
            continue
        assert re.fullmatch(rf"shichimi:{version}(-gpu)?", service["image"]), name
        assert service["pull_policy"] == "never", name
        assert service["build"]["context"], name
    assert services["worker-gpu"]["image"] != services["worker-cpu"]["image"]


def test_the_image_is_of_a_python_that_the_project_supports_and_has_extras_that_it_knows() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    major, minor = map(int, re.findall(r">=(\d+)\.(\d+)", PROJECT["requires-python"])[0])
    for written in re.findall(r"^FROM python:(\S+)", dockerfile, re.MULTILINE):
        assert tuple(map(int, written.split("-")[0].split("."))) >= (major, minor)
    [extras] = re.findall(r"^ARG EXTRAS=(\S+)", dockerfile, re.MULTILINE)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def test_every_command_is_one_of_the_program(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNER_STORAGE", "sqlite:///nowhere.db")
    check = services["dashboard"]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "tuner"]
    commands = [check[2:], *(services[name]["command"] for name in ("dashboard", *WORKERS))]
    for words in commands:
        with parsed(words) as context:
            assert context.info_name == words[0]


def test_every_variable_is_one_of_the_program(services: dict[str, Any]) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tuner").rglob("*.py"))
    with parsed(["start", "any.yaml"]) as context:
        known = {str(option.envvar) for option in context.command.params if option.envvar}
    known |= set(re.findall(r"TUNER_[A-Z_]+", sources))
    given = {name for service in services.values() for name in service["environment"]}
    given |= set(re.findall(r"\bTUNER_\w+(?==)", (ROOT / "Dockerfile").read_text()))
    ours = {name for name in given if name.startswith("TUNER_")}
    assert {"TUNER_STORAGE", "TUNER_GRACE", "TUNER_CACHE"} <= ours <= known


def test_a_variable_names_a_secret_that_its_service_has(services: dict[str, Any]) -> None:
    for name, service in services.items():
        mounted = {secret["target"] for secret in service["secrets"]}
        named = {value for key, value in service["environment"].items() if key.endswith("_FILE")}
        assert named == mounted, name


def test_workers_start_the_quickstart_with_checkpoints_that_all_of_them_reach(services: dict[str, Any]) -> None:
    for worker in WORKERS:
        with parsed(services[worker]["command"]) as context:
            study, checkpoints = context.params["study"], context.params["checkpoints"]
        assert f"tuner init --example rotten-tomatoes {study}\n" in (ROOT / "Dockerfile").read_text()
        volumes = {volume["target"]: volume["source"] for volume in services[worker]["volumes"]}
        assert volumes[checkpoints] == "checkpoints"


def test_a_worker_that_is_stopped_has_time_to_save_and_one_that_fails_is_not_started_for_ever(
    services: dict[str, Any],
) -> None:
    for worker in WORKERS:
        service = services[worker]
        left = parse_duration(service["stop_grace_period"].replace("m0s", "m"))
        assert left > parse_duration(service["environment"]["TUNER_GRACE"])
        assert re.fullmatch(r"on-failure:\d+", service["restart"])
        assert service["init"] is True
