"""The architectures that most studies use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from architectures.verdicts import POPULAR, assert_as_documented

if TYPE_CHECKING:
    from architectures.sweep import Workplace

# Models warn of their own code.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", POPULAR)
def test_every_property_holds_and_the_outcome_is_the_documented_one(name: str, workplace: Workplace) -> None:
    assert_as_documented(name, workplace)
