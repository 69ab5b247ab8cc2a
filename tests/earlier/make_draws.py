"""Print what sampler and pruner of the installed tuner answer, or write it: `make_draws.py --write`.

NumPy is kept from instructions that only some processors have: they round otherwise in the last bit, or put equal
numbers in another order, and TPE then draws other points.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from databases import PLAIN

#: Where versions of tuner have what is asked: the first that is there counts.
PLACES = {
    "make_sampler": ("tuner.search.samplers", "tuner.study"),
    "make_pruner": ("tuner.search.pruners", "tuner.study"),
    "parse_config": ("tuner.study.study_file", "tuner.config"),
}


def steps_per_tenth() -> int:
    """Return how many steps of the installed version are a tenth of a schedule: its step is a tenth or a percent."""
    try:
        last: int = importlib.import_module("tuner.trial.evaluation").LAST_STEP
    except (AttributeError, ImportError):
        return 1
    return last // 10


def of_tuner(name: str) -> Any:
    for place in PLACES[name]:
        try:
            return getattr(importlib.import_module(place), name)
        except ImportError:
            continue
    raise ImportError(f"{name} is in none of {', '.join(PLACES[name])}")


def config(**changes: Any) -> Any:
    from drawing import document

    return of_tuner("parse_config")(document(**changes), source="the fixture", folder=Path("/srv/study"))


def without_nan(told: dict[str, Any]) -> dict[str, Any]:
    steps = {step: None if math.isnan(value) else value for step, value in told["steps"].items()}
    return {**told, "steps": steps}


def main() -> None:
    if not PLAIN.items() <= os.environ.items():  # NumPy reads it when it is imported
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **PLAIN})
    from drawing import (
        PRUNERS,
        SPACES,
        answers,
        draw,
        invented_curves,
        invented_end,
        invented_history,
        space_of,
        written,
    )

    per_tenth = steps_per_tenth()
    draws = {}
    for name in SPACES:
        space = space_of(name)
        history, ends = invented_history(space), {}

        def record(number: int, params: Any, ends: dict[int, Any] = ends) -> Any:
            return ends.setdefault(number, invented_end(number, params))

        sampler = of_tuner("make_sampler")(config(), conditional=space.is_conditional)
        points = draw(sampler, space, history, record, per_tenth)
        draws[name] = {
            "history": [without_nan(told) for told in history],
            "drawn": [{"params": point, **without_nan(ends[at])} for at, point in enumerate(points, len(history))],
        }
    curves = invented_curves()
    found = {
        name: answers(of_tuner("make_pruner")(config(pruner=written(pruner, per_tenth)).pruner), curves, per_tenth)
        for name, pruner in PRUNERS.items()
    }
    text = json.dumps({"draws": draws, "prunings": {"curves": curves, "answers": found}}, allow_nan=False, indent=1)
    # A list of numbers or of answers, and the values by step, on one line each.
    text = re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda found: " ".join(found[0].split()), text)
    if sys.argv[1:] == ["--write"]:
        Path(__file__).with_name("draws.json").write_text(text + "\n", encoding="utf-8")
    else:
        print(text)  # noqa: T201 (what it is for)


if __name__ == "__main__":
    main()
