"""Architectures for texts, by their model type: a to k."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from architectures.verdicts import assert_as_documented, others

if TYPE_CHECKING:
    from architectures.sweep import Workplace

# Models warn of their own code.
pytestmark = [pytest.mark.rest, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("name", others("text", last="l"))
def test_every_property_holds_and_the_outcome_is_the_documented_one(name: str, workplace: Workplace) -> None:
    assert_as_documented(name, workplace)
