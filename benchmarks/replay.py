"""What each technique is worth: 16 points of the quickstart's space replayed with everything off, on, and one by one.

The points are drawn at random from the space of `examples/rotten_tomatoes.yaml`; data, model and metric are that
study's. The split and the evaluations are those of the example in version 0.1: 300 rows to validate, seed 9, five
evaluations. Every system trains each point to its end with `tuner.training.loop.train`, in a process of its own, so
that imports are in none of the figures. The trunk cache is empty at the start: its building counts. Dropout draws the
same numbers with the cache and without it, others with the one-token layer: scores are equal within noise.

- off: frozen layers are computed in every pass, the last layer for all tokens, batches are cut as they come;
- cache, one token, parts: one technique alone, at every fourth point, held against the same points of `off`; the
  building of the cache is then shared by fewer trials;
- on: all three, as by default.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from measuring import interleave, measure, median, section
from points import draw_points, prepare_study
from texts import quiet
from verdicts import Equality, Gate, finish, parse, show

EXAMPLE = Path(__file__).parents[1] / "examples" / "rotten_tomatoes.yaml"
TRIALS, SMALL_TRIALS = 16, 2
#: Each technique alone is replayed at one point in so many.
ALONE = 4
SEED = 1
TECHNIQUES = {"cache": "trunk_cache", "one token": "one_token", "parts": "length_grouping"}
SYSTEMS = {
    "off": {},
    **{name: {technique: True} for name, technique in TECHNIQUES.items()},
    "on": dict.fromkeys(TECHNIQUES.values(), True),
}


def train(*, points: list[dict[str, Any]], study: dict[str, Any], speed: dict[str, bool], cache: str) -> dict[str, Any]:
    """Train every point.

    Args:
        points: Hyperparameters.
        study: The content of the study file.
        speed: The techniques that are on.
        cache: Folder for the encoded data, and under it the trunk cache of this system.
    """
    from search_spaces import Hyperparameters
    from tuner.training.loop import train as train_trial
    from tuner.trial.looks import LOOKS
    from tuner.trial.run import Speed, TrialRun, TrunkHome

    quiet()
    config, model, space, prepared = prepare_study(study, cache)
    shares = tuple(space.parameters["frozen_layers"].extremes())
    techniques = Speed(**{**dict.fromkeys(TECHNIQUES.values(), False), **speed})
    trials = []
    with tempfile.TemporaryDirectory() as trunk:
        run = TrialRun(
            number=0,
            hyperparameters=Hyperparameters.from_values(points[0]),
            task=config.task,
            model=model,
            data=prepared.folder,
            anatomy=prepared.anatomy,
            metric=config.metric.name,
            direction=config.metric.direction,
            seed=config.seed,
            precision="fp32",
            looks=LOOKS[config.evaluations],
            threads=1,
            speed=techniques,
            trunk=TrunkHome(folder=Path(trunk), weights=prepared.weights, shares=shares),
        )
        for point in points:
            with section() as spent:
                evaluations = list(train_trial(replace(run, hyperparameters=Hyperparameters.from_values(point))))
            trials.append(
                {
                    "cpu_s": spent.cpu_s,
                    "frozen": point["frozen_layers"],
                    "best": max(each.value for each in evaluations),
                    "losses": [each.validation_loss for each in evaluations],
                }
            )
    return {"trials": trials}


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=1)
    study = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    # The example validates on more rows now and at rungs. With those, the figures of README.md would not compare with
    # new ones.
    study["data"]["splits"] = {"train": 640, "validation": 300, "test": 1000}
    study["evaluations"] = 5
    study["seed"] = 9
    if options.small:
        study["data"]["splits"] = {"train": 24, "validation": 16, "test": 8}
        study |= {"max_length": 16, "search_space": {"num_train_epochs": 1, "frozen_layers": 0.5, "batch_size": 8}}
    points = draw_points(study, SMALL_TRIALS if options.small else TRIALS, SEED)
    with tempfile.TemporaryDirectory() as cache:
        every = {name: ALONE if name in TECHNIQUES and not options.small else 1 for name in SYSTEMS}
        arguments: dict[str, dict[str, Any]] = {
            name: {"points": points[:: every[name]], "study": study, "cache": cache, "speed": speed}
            for name, speed in SYSTEMS.items()
        }
        if options.small:
            # In this process: imports would take longer than all the rest.
            found = {name: [train(**each)["trials"]] for name, each in arguments.items()}
        else:
            measures = {name: partial(measure, train, **each) for name, each in arguments.items()}
            rounds = interleave(measures, options.rounds)
            found = {name: [one.report["trials"] for one in each] for name, each in rounds.items()}
    off = found["off"][0]
    rows, ratios = [], {}
    for name, each in found.items():
        beside = [trials[:: every[name]] for trials in found["off"]]
        cost, without = median(each, _cost), median(beside, _cost)
        apart = [one["best"] - other["best"] for one, other in zip(each[0], beside[0], strict=True)]
        error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
        best = max(one["best"] for one in each[0])
        ratios[name] = without / cost
        difference = statistics.mean(apart)
        rows.append((name, len(apart), cost, without, f"{ratios[name]:.3g}x", best, difference, error))
    headings = (
        "techniques",
        "trials",
        "CPU-s",
        "off, the same trials",
        "off / this",
        "best score",
        "mean score beside off",
        "standard error",
    )
    show(options, f"{len(points)} trials of the quickstart's study, nothing pruned", headings, rows)
    by_depth: dict[float, list[tuple[float, float]]] = {}
    for without, with_all in zip(off, found["on"][0], strict=True):
        by_depth.setdefault(without["frozen"], []).append((without["cpu_s"], with_all["cpu_s"]))
    means = {share: [statistics.mean(side) for side in zip(*pairs, strict=True)] for share, pairs in by_depth.items()}
    show(
        options,
        "By frozen share of the layers, CPU-s of a trial",
        ("frozen", "trials", "off", "on", "ratio"),
        [
            (f"{share:g}", len(by_depth[share]), off_s, on_s, f"{off_s / on_s:.3g}x")
            for share, (off_s, on_s) in sorted(means.items())
        ],
    )
    same = all(
        one["losses"] == other["losses"] for one, other in zip(off[:: every["cache"]], found["cache"][0], strict=True)
    )
    return finish(
        options,
        gates=[Gate("everything on", ratios["on"], at_least=2.0)],
        equalities=[Equality("losses with the cache and without it, to the last bit", 0.0 if same else 1.0)],
    )


def _cost(trials: list[dict[str, Any]]) -> float:
    """Return the CPU-seconds of some trials."""
    return sum(one["cpu_s"] for one in trials)


if __name__ == "__main__":
    sys.exit(main())
