"""What the command line prints of what it was given, and of what others have stored."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

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
