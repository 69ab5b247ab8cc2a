"""Chaos: `--seeds N` runs N seeds, beginning with `--first-seed`; `--database mariadb` on MariaDB."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="how many seeds the chaos test runs")
    parser.addoption("--first-seed", type=int, default=20261, help="the first of them")
    parser.addoption("--database", choices=("postgresql", "mariadb"), default="postgresql", help="where they run")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chaos_seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--first-seed")
        seeds = range(first, first + metafunc.config.getoption("--seeds"))
        metafunc.parametrize("chaos_seed", seeds, ids=lambda seed: f"seed-{seed}")
