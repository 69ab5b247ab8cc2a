"""What a trial's attempts hand on to later ones, for training of one's own."""

from __future__ import annotations

import json

from acceptance_support import Tuner

#: Training whose trials name a device kind, another one than they run on, or none; each first attempt crashes.
NAMING = """
import json
import os
from dataclasses import replace
from pathlib import Path

import toy_training

NAMED = ({"device": "cpu"}, {}, {"device": "cuda"})


def train(run):
    with Path(f"{run.number}.json").open("a") as file:
        file.write(json.dumps([run.threads, run.micro_batch]) + "\\n")
    run.record({**NAMED[run.number], "threads": 7, "micro_batch": 3})
    training = toy_training.train(replace(run, record=lambda effective: None))
    yield next(training)
    if len(Path(f"{run.number}.json").read_text().splitlines()) == 1:
        os._exit(1)
    yield from training
"""


def test_threads_and_micro_batch_are_handed_on_where_the_device_is_of_the_kind_that_was_named(tuner: Tuner) -> None:
    (tuner.folder / "naming.py").write_text(NAMING, encoding="utf-8")
    tuner.ok("start", tuner.toy_study("handed", train="naming:train", budget={"trials": 3}))
    for number, is_handed_on in enumerate([True, True, False]):
        lines = (tuner.folder / f"{number}.json").read_text(encoding="utf-8").splitlines()
        first, again = (json.loads(line) for line in lines)
        assert first != [7, 3]
        assert (again == [7, 3]) == is_handed_on, (number, again)
