"""What the command line prints of what it was given, and of what others have stored."""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.sharing import pool_arguments
from tuner.cli import main
from tuner.cli.options import print_json

URL = "postgresql://tuner:geheim123@host/db"


@pytest.mark.parametrize(
    "arguments",
    [("status", "one", URL), (URL,), ("start", "one.yaml", "--lease", URL)],
    ids=["extra", "command", "value"],
)
def test_a_url_in_the_wrong_place_is_repeated_without_its_password(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tuner.cli.main", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "postgresql://tuner:***" in done.stderr
    assert "geheim123" not in done.stdout + done.stderr


@pytest.mark.parametrize("text", ["caf\udce9", "a\\\udce9", "caf\u00e9 \U0001f600"])
def test_json_is_printed_of_any_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"reason": text})
    assert json.loads(capsys.readouterr().out) == {"reason": text}


def test_what_is_no_number_is_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"value": math.nan, "steps": [{"value": math.inf}], "bounds": (1.5, -math.inf)})
    assert json.loads(capsys.readouterr().out) == {"value": None, "steps": [{"value": None}], "bounds": [1.5, None]}


def test_the_option_goes_before_the_variable_and_that_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("sqlite:///of-the-file.db\n", encoding="utf-8")
    file.chmod(0o600)
    by_file = {"TUNER_STORAGE_FILE": str(file)}
    by_variable = {**by_file, "TUNER_STORAGE": "sqlite:///of-the-variable.db"}
    for environment, flags, name in (
        (by_file, (), "of-the-file.db"),
        (by_variable, (), "of-the-variable.db"),
        (by_variable, ("--storage", "sqlite:///of-the-option.db"), "of-the-option.db"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tuner.cli.main", "list", *flags],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert name in done.stderr


@pytest.mark.parametrize("ours", [True, False])
def test_a_connection_that_breaks_prints_no_traceback(
    ours: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = pool_arguments(ours=ours)["poolclass"](lambda: None)
    for logger in (logging.getLogger(), logging.getLogger("sqlalchemy"), logging.getLogger("storage")):
        monkeypatch.setattr(logger, "handlers", [])
        monkeypatch.setattr(logger, "propagate", True)
    pool.logger.error("Exception during reset or similar")
    assert capsys.readouterr().err == "Exception during reset or similar\n", "what is said without us"
    main._silence_pools()
    for each in (pool, sa.pool.QueuePool(lambda: None)):
        each.logger.error("Exception during reset or similar")
    assert capsys.readouterr().err == ""
