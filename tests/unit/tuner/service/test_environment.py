from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from storage import Database
from tuner.service.environment import environment

SECRET = "geheim123"


def test_versions_devices_database_and_folders_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "not" / "there"))
    url = f"sqlite:///{tmp_path}/t.db"
    Database(url, create=True).close()
    told = environment(url, {"HF_HUB_OFFLINE": "1", "HF_TOKEN": SECRET, "CUDA_VISIBLE_DEVICES": "", "HOME": "/home/me"})
    assert told["tuner"] == version("shichimi")
    assert told["packages"]["torch"] == version("torch")
    assert told["python"].endswith(sys.version.split()[0])
    assert (told["gpus"], told["gpu_problem"]) == ([], None)
    assert told["memory_bytes"] > 0
    assert told["database"] == {"kind": "sqlite", "answers": True, "studies": 0, "problem": None}
    assert told["cache"]["folder"] == str(tmp_path / "not" / "there")
    assert told["cache"]["free_bytes"] > 0
    assert told["hub"] == {"offline": True}
    assert told["variables"] == ["CUDA_VISIBLE_DEVICES", "HF_HUB_OFFLINE", "HF_TOKEN"]
    assert SECRET not in json.dumps(told)


@pytest.mark.parametrize(
    ("url", "kind", "problem"),
    [
        ("sqlite:////nowhere/t.db", "sqlite", "there is none yet"),
        (f"postgresql://somebody:{SECRET}@127.0.0.1:1/x", "postgresql", "Connection refused"),
        ("nonsense", None, "nonsense"),
    ],
)
def test_a_database_that_does_not_answer_is_told_without_its_users(url: str, kind: str | None, problem: str) -> None:
    told = environment(url, {})["database"]
    assert (told["kind"], told["answers"], told["studies"]) == (kind, False, None)
    assert problem in told["problem"]
    assert SECRET not in told["problem"]
    assert "somebody" not in told["problem"]


def test_a_variable_of_devices_that_is_wrong_is_told() -> None:
    told = environment("sqlite:////nowhere/t.db", {"HOME": "/"})
    assert told["hub"] == {"offline": False}
    assert told["variables"] == []
