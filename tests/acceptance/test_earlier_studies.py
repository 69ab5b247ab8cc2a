"""Studies that an earlier version left unfinished go on to their ends. See tests/earlier/README.md."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from acceptance_support import Tuner
from earlier.databases import HERE, PLAIN, place
from earlier.percents import trial_in_percents

#: Seconds are those of the machine.
TIMES = ("device_s",)


def resumed(name: str) -> list[dict[str, Any]]:
    """Return the trials as the earlier version ended them, with their steps in percents."""
    found = json.loads((HERE / name / "resumed.json").read_text(encoding="utf-8"))["trials"]
    return [without_times(trial_in_percents(trial)) for trial in found]


def is_said_today(reason: str | None, then: str | None) -> bool:
    """Return whether a trial ended for the reason of which version 0.1 said it in its own words."""
    tenths = (r"at tenth (\d+)", r"at \g<1>0 %"), (r"that of tenth (\d+)", r"that at \g<1>0 %")
    for old, new in tenths:
        then = None if then is None else re.sub(old, new, then)
    weak = None if then is None else re.fullmatch(r"pruned: (\S+ at \d+ %) was among the weakest so far", then)
    if weak is not None and reason is not None:
        return re.fullmatch(rf"{re.escape(weak[1])}, needed \d\.\d+", reason) is not None
    return reason == then


def without_times(trial: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in trial.items() if key not in TIMES}


@pytest.mark.rest
@pytest.mark.parametrize("name", ["interrupted", "version-2"])
def test_an_earlier_study_goes_on_to_the_very_end_that_the_earlier_version_came_to(tuner: Tuner, name: str) -> None:
    """Trials keep their numbers, go on from their checkpoints, and those to come are drawn and pruned as before."""
    place(name, tuner.folder)
    tuner = tuner.within(**PLAIN)
    tuner.ok("db", "upgrade")
    begun = tuner.json("trials", name)["trials"]
    assert any(trial["state"] == "interrupted" for trial in begun)
    over = {trial["number"] for trial in begun if trial["state"] in ("complete", "pruned", "failed")}
    tuner.ok("resume", name, "--workers", "1")
    ended = [without_times(trial) for trial in tuner.json("trials", name)["trials"]]
    assert [each["number"] for each in ended] == list(range(len(ended)))
    for now, then in zip(ended, resumed(name), strict=True):
        assert now == {**then, "reason": now["reason"]}
        # What was written for people stays in the words in which it was written.
        is_old = then["number"] in over
        assert now["reason"] == then["reason"] if is_old else is_said_today(now["reason"], then["reason"])
    assert tuner.json("status", name)["state"] == "finished"


@pytest.mark.rest
def test_fine_tuning_that_an_earlier_version_began_goes_on_from_its_checkpoint(tuner: Tuner) -> None:
    place("fine-tuning", tuner.folder)
    tuner.ok("db", "upgrade")
    here = ("--model", str(HERE / "model"), "--data", str(HERE / "sentences"), "--any-versions")
    done = tuner.ok("resume", "fine-tuning", "--workers", "1", *here)
    assert re.search(r"trial 1 again from optimiser step \d+ on cpu", done.stderr), done.stderr
    ended = tuner.json("trials", "fine-tuning")["trials"]
    for now, then in zip(ended, resumed("fine-tuning"), strict=True):
        assert now["hyperparameters"] == then["hyperparameters"]
        assert (now["number"], now["state"], now["restarts"]) == (then["number"], then["state"], then["restarts"])
        assert [each["step"] for each in now["steps"]] == [each["step"] for each in then["steps"]]
        # Bit for bit only on the same processor with the same libraries.
        assert [each["value"] for each in now["steps"]] == pytest.approx(
            [each["value"] for each in then["steps"]], rel=1e-3
        )
    tuner.ok("export", "fine-tuning", "exported", *here)
