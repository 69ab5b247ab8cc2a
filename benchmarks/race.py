"""A whole search: the same 24 points of the seven hyperparameters, trained by four systems, nothing pruned.

MiniLM on single sentences of film reviews (rotten_tomatoes), of at most 64 tokens. The points are drawn at random from
our preset space, with 1 or 2 epochs, and queued in each system's own Optuna study; each trial is evaluated once, at its
end, on the same validation rows. One worker, and one core for every system: `tuner start` gives a lone worker as many
threads as there are cores, where the others are told to use one. CPU-seconds are of the whole process tree, with
imports.

- ours: `tuner start` on a study file: database, supervisor, trainers, checkpoints, as anybody would run it.
- HF by hand: `Trainer.hyperparameter_search`, with dropout and freezing (no gradient, no dropout) written into
  `model_init`, saving nothing.
- HF as used: the same as documentation and examples show it: the arguments of `TrainingArguments` are searched, the
  whole model is trained with the dropout of its configuration, and each epoch is saved.
- plain Optuna: a loop written by hand around `study.optimize`: AdamW, a schedule, batches padded to their longest text,
  frozen layers without gradient.
- Ray Tune: the same loop as a trainable whose actor is used again, where `.venv-ray` is made.

Orders of batches and initial heads differ between systems: scores are to be equal within noise, and the mean difference
stands beside its standard error.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from measuring import Measured, interleave, measure, measure_here, median, run
from points import EQUAL_RATES, draw_points, prepare_study
from race_peers import (
    RAY,
    SEED,
    measure_ray,
    queue,
    search_by_hand,
    search_with_trainer,
    threads_of,
    told,
)
from texts import MODEL, REVIEWS
from verdicts import Equality, Gate, finish, parse, say, show

TUNER = Path(sys.executable).with_name("tuner")
TRIALS, SMALL_TRIALS = 24, 2
OURS, BY_HAND, AS_USED, PLAIN, RAY_TUNE = "ours", "HF by hand", "HF as used", "plain Optuna", "Ray Tune"


def study_of(*, trials: int, train: int, validation: int, tokens: int) -> dict[str, Any]:
    """Return the content of the study file."""
    return {
        "name": "race",
        "model": MODEL,
        "data": {
            "source": REVIEWS,
            "where": {"source": "rotten_tomatoes"},
            "splits": {"train": train, "validation": validation, "test": 8},
        },
        "search_space": {"num_train_epochs": {"type": "int", "low": 1, "high": 2}, **EQUAL_RATES},
        "pruner": "none",
        "early_stopping": "none",
        "evaluations": 1,
        "precision": "fp32",
        "budget": {"trials": trials},
        "max_length": tokens,
        "seed": SEED,
    }


# ---- ours


def run_ours(*, points: list[dict[str, Any]], study: dict[str, Any], cache: str) -> Measured:
    """Run `tuner start` on the queued points."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
        url = queue(Path(home) / "tuner.db", points)
        command = [TUNER, "start", "study.yaml", "--workers", "1", "--devices", "cpu"]
        # Its own trunk cache, empty: building it counts. The encoded texts are there, as for the others.
        taken = run(command, folder=Path(home), environment={"TUNER_CACHE": _own_cache(cache, home)})
        return replace(taken, report={"trials": told(url), "threads": threads_of(url)})


def _own_cache(cache: str, home: str) -> str:
    own = Path(home) / "cache"
    own.mkdir()
    (own / "prepared").symlink_to(Path(cache) / "prepared", target_is_directory=True)
    return str(own)


# ---- the race


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=1)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # whatever is started here has it from here
    sizes = (
        {"train": 24, "validation": 16, "tokens": 12}
        if options.small
        else {"train": 640, "validation": 320, "tokens": 64}
    )
    study = study_of(trials=SMALL_TRIALS if options.small else TRIALS, **sizes)
    points = draw_points(study, study["budget"]["trials"], SEED)
    show(
        options,
        "The points",
        ("trial", *points[0]),
        [
            (str(number), *(f"{value:.3g}" if isinstance(value, float) else value for value in point.values()))
            for number, point in enumerate(points)
        ],
    )
    called = measure_here if options.small else measure
    with tempfile.TemporaryDirectory() as cache:
        prepared = called(prepare_rows, study=study, cache=cache).report
        theirs = {"points": points, "folder": prepared["folder"], "location": prepared["location"]}
        systems = {
            OURS: partial(run_ours, points=points, study=study, cache=cache),
            BY_HAND: partial(called, search_with_trainer, as_used=False, **theirs),
            AS_USED: partial(called, search_with_trainer, as_used=True, **theirs),
            PLAIN: partial(called, search_by_hand, **theirs),
        }
        if RAY.exists():
            systems[RAY_TUNE] = partial(measure_ray, **theirs)
        else:
            say(f"{RAY_TUNE} is left out: there is no {RAY.parents[1].name}; `make .venv-ray/.made` makes it")
        found = interleave(systems, options.rounds)
    cost = {name: median(each, lambda one: one.cpu_s) for name, each in found.items()}
    values = {name: [one["value"] for one in each[0].report["trials"]] for name, each in found.items()}
    rows = []
    for name in found:
        apart = [one - other for one, other in zip(values[name], values[OURS], strict=True)]
        error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
        ratio = f"{cost[name] / cost[OURS]:.3g}x"
        peak = max(one.peak_bytes for one in found[name]) / 2**20
        rows.append((name, cost[name], ratio, max(values[name]), statistics.mean(apart), error, peak))
    show(
        options,
        f"{len(points)} trials, whole process trees",
        ("system", "CPU-s", "beside ours", "best accuracy", "mean accuracy beside ours", "standard error", "peak MB"),
        rows,
    )
    show(
        options,
        "Accuracy by trial",
        ("trial", "frozen", *found),
        [
            (str(number), f"{point['frozen_layers']:g}", *(values[name][number] for name in found))
            for number, point in enumerate(points)
        ],
    )
    return finish(
        options,
        gates=[
            Gate("HF by hand, CPU beside ours", cost[BY_HAND] / cost[OURS], at_least=2.0),
            Gate("HF as used, CPU beside ours", cost[AS_USED] / cost[OURS], at_least=3.0),
        ],
        equalities=[
            Equality(f"points that {name} trained", float(sum(map(_differ, each[0].report["trials"], points))))
            for name, each in found.items()
        ]
        + [Equality("threads that ours used beside one", float(found[OURS][0].report["threads"] - 1))],
    )


def _differ(trial: Mapping[str, Any], point: Mapping[str, Any]) -> bool:
    """Return whether a trial was of another point; what a system does not search is not compared."""
    shared = trial["params"].keys() & point.keys()
    return len(shared) < 5 or any(trial["params"][name] != point[name] for name in shared)


def prepare_rows(*, study: dict[str, Any], cache: str) -> dict[str, Any]:
    """Encode the texts for all systems; return where they and the model are."""
    _, model, _, prepared = prepare_study(study, cache)
    return {"folder": str(prepared.folder), "location": model.location}


if __name__ == "__main__":
    sys.exit(main())
