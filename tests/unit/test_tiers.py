"""Each test is run by exactly one of `make test` and `make test-rest`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from servers import S3Server

ROOT = Path(__file__).parents[2]


def test_the_two_targets_differ_in_the_marker_alone() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^(test\S*):.*\n\t(.*)$", text, re.MULTILINE))
    assert recipes == {
        "test": '$(PYTEST) $(AT_ONCE) -m "not rest"',
        "test-rest": "$(PYTEST) $(AT_ONCE) -m rest",
    }
    assert re.search(r"^test-all: test test-rest ", text, re.MULTILINE)
    (options,) = re.findall(r"^AT_ONCE = (.*)$", text, re.MULTILINE)
    assert not re.search(r"-k|-m |tests|--ignore|--deselect", options)


def test_ci_runs_both_and_ends_with_the_tests() -> None:
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert text.endswith("\nmake check\nmake test\nmake test-rest\n")


def test_a_test_without_the_marker_is_refused_a_server() -> None:
    server = S3Server()
    try:
        with pytest.raises(AssertionError, match=r"mark .*test_tiers.py::test_a_test_without.* with `rest`"):
            server.start()
    finally:
        server.close()
