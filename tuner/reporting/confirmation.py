"""A confirmation for people, and as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storage import History
from tuner.reporting.text import counted
from tuner.study.chosen import Chosen, chosen_trial
from tuner.study.confirmation import Plan, Standing

if TYPE_CHECKING:
    from storage import Database, StudyRecord


def price_words(leaders: Sequence[int], seeds: int, runs: float | None) -> str:
    """Return what a confirmation trains, what its trials are called, and what it costs at most."""
    cost = "" if runs is None else f", about {runs:.1f} full runs at most"
    numbers = ", ".join(map(str, range(len(leaders))))
    called = f"; their study calls them {numbers} with the first seed" if len(leaders) > 1 else ""
    who = f"trial {leaders[0]} is" if len(leaders) == 1 else f"trials {', '.join(map(str, leaders))} are"
    return (
        f"{who} trained again with {counted(seeds, 'other seed')}{'' if len(leaders) == 1 else ' each'}{cost}{called}"
    )


def confirmation_view(database: Database, study: StudyRecord, record: StudyRecord) -> dict[str, Any]:
    """Return what a confirmation has told.

    Args:
        database: The database.
        study: The study whose leaders are confirmed.
        record: The study in which they are trained again.
    """
    plan, history = Plan.parse(record.facts), History(database, record)
    assert plan is not None
    standing = Standing.of(plan, history.trials(), history.direction)
    leaders = () if standing is None else standing.leaders
    chosen = chosen_trial(database, study)
    return {
        "study": study.name,
        "confirmation": record.name,
        "metric": study.config["metric"]["name"],
        "seeds": plan.seeds,
        "leaders": [asdict(each) for each in leaders],
        "winner": leaders[0].trial if leaders else None,
        # Whether `tuner best`, `export` and `test` are about the winner from now on.
        "chosen": chosen is not None and chosen.confirmation == record.name,
        "settled": standing is not None and standing.is_settled,
        "device_s": round(sum(each.device_s for each in history.trials()), 1),
        "sentences": [*_sentences(standing), *_next(study, record, chosen, standing)],
    }


def _sentences(standing: Standing | None) -> list[str]:
    if standing is None:
        return ["Not every leader has a value with another seed yet."]
    failed = [f"Trial {number} has failed with every other seed." for number in standing.failed]
    if not standing.leaders:
        return failed
    first, *others = standing.leaders
    if not others:
        return [f"Trial {first.trial} is the only one with a value.", *failed]
    second = others[0]
    if standing.is_settled:
        return [f"Trial {first.trial} is ahead of trial {second.trial} by more than seeds explain.", *failed]
    if first.interval is None:
        return [f"Trial {first.trial} is ahead with one other seed, which tells little.", *failed]
    return [
        f"Trial {first.trial} is ahead, but not of trial {second.trial} by more than seeds explain: take either.",
        *failed,
    ]


def _next(study: StudyRecord, record: StudyRecord, chosen: Chosen | None, standing: Standing | None) -> list[str]:
    """Return what follows for the model that a person takes."""
    if chosen is None or standing is None or not standing.is_done or not standing.leaders:
        return []
    first = standing.first
    if chosen.confirmation == record.name or chosen.number == first:
        return [f"`tuner export {study.name} DIR` writes trial {first}."]
    written = f"`tuner export {study.name} DIR` writes trial {chosen.number} all the same"
    if first is None:
        return [f"{written}: `tuner confirm {study.name} --seeds 3` tells more."]
    return [
        f"{written}, as no weights of trial {first} are kept: `tuner refit {study.name} DIR --trial {first}` trains it "
        "again.",
        "A study with `confirm` in its file keeps the weights of its leaders.",
    ]
