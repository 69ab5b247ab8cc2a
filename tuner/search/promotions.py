"""Building the promotion rule of a study's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from tuner.search.halving import HalvingPromotion
from tuner.search.percentile import PercentilePromotion
from tuner.search.promotion import NoPromotion
from tuner.trial.rungs import ladder

if TYPE_CHECKING:
    from tuner.search.promotion import Promotion
    from tuner.study.config import StudyConfig


def make_promotion(config: StudyConfig, first_rung: int) -> Promotion:
    """Build the rule that says which trials of a study go on from a rung.

    Args:
        config: The study.
        first_rung: The percent at which its trials may first be put aside.
    """
    search = config.search
    match search.promotion:
        case "none":
            return NoPromotion()
        case "percentile":
            return PercentilePromotion(looks=ladder(first_rung, search.eta))
        case "auto" | "halving":
            return HalvingPromotion(eta=search.eta, first_rung=first_rung, keep_shelved=config.keep_shelved)
        case _:
            assert_never(search.promotion)
