"""What it costs to find what 36 unpruned trials find: whole studies, run by the command, on the tasks of `depths.py`.

    benchmarks/target.py                # adds the studies that are missing; --rounds says how many seeds a task, 3
    benchmarks/target.py --small        # one short study, into no table

The reference is the best validation value of 36 trials that `depths.py` has recorded: twelve configurations at three
depths, each with a random head and trained to its end. `ours` is a study as it is by default, with a budget of so many
full runs that it does not end before: what is measured is what is spent when a complete trial reaches the reference.
`rungs` is halving with random heads over all depths, `heads` the head alone, `tpe` is Optuna's sampler with its
percentile pruner. All of them train and validate on the rows of the recorded trials. Each line of `target/TASK.jsonl`
is one study. As many run at a time as there are processors.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import yaml
from depths import run_of, study_of, test_scores
from points import request_of
from verdicts import Equality, Gate, finish, parse, say, show

FOLDER = Path(__file__).parent / "target"
TABLES = Path(__file__).parent / "depths"
SEEDS, CONFIGURATIONS = 3, 12
#: Full runs that a study may spend.
MOST = 4
#: Full runs at the median in which ours is to reach the reference, and the standard errors of a test value (1,000 rows)
#: by which what it returns may be worse than the trial of the reference.
ASKED, NOISE = 3.0, 2.0
#: What each system changes of the study file.
SYSTEMS: dict[str, dict[str, Any]] = {
    "ours": {"budget": {"runs": MOST}, "stop": "none"},
    "rungs": {"search": {"promotion": "halving"}, "budget": {"trials": 24}},
    "heads": {"search": "plain", "pruner": "none", "budget": {"trials": 36}, "search_space": {"frozen_layers": 1.0}},
    "tpe": {"search": "plain", "sampler": "tpe", "pruner": "percentile", "budget": {"trials": 12}},
}


def reference(task: str) -> tuple[float, float]:
    """Return the best validation value of the recorded trials, and its value on the test split."""
    rows = [json.loads(line) for line in (TABLES / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()]
    known = [row for row in rows if row["name"] != "head" and row["diverged"] is None]
    unpruned = [
        row for row in known if row["name"].endswith("/random") and int(row["name"].split("/")[0]) < CONFIGURATIONS
    ]
    best = max(unpruned, key=lambda row: max(row["values"]))
    return max(best["values"]), best["test"]


def split_files(task: str, folder: Path) -> dict[str, Any]:
    """Write the rows of the recorded trials into a file a split; return the part of a study file that names them."""
    from tuner.training.progress import silent
    from tuner.training.split_rows import split_rows
    from tuner.training.tasks import get_task

    home = folder / f"splits-{task}"
    study = study_of(task, folder)
    names = {name: name for name in study["data"]["splits"]}
    data = {"source": str(home), "text": "text", "label": "label", "splits": names}
    if home.exists():
        return data
    config, _, _, request = request_of(study, str(folder))
    found = split_rows(get_task(config.task), request, silent)
    fresh = Path(tempfile.mkdtemp(dir=folder))
    for name, split in found.splits.items():
        with (fresh / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            written = csv.writer(file)
            written.writerow(["text", "label"])
            written.writerows(
                zip(split["text"], (found.labels[int(each)] for each in found.targets[name]), strict=True)
            )
    fresh.rename(home)
    return data


def search(task: str, system: str, seed: int, folder: Path, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run one study by the command; return what it has found, and at what cost.

    Args:
        task: near or far.
        system: One of `SYSTEMS`.
        seed: The study's seed.
        folder: Where data and caches are.
        more: Changes of the study file beside those of the system.
    """
    from storage import CheckpointStore, store_url

    changes = {**SYSTEMS[system], **(more or {})}
    study = {**study_of(task, folder), "name": f"{task}-{system}-{seed}"}
    study["data"] = split_files(task, folder)
    space = {**study["search_space"], **changes.pop("search_space", {})}
    study = {**study, **changes, "search_space": space, "seed": seed}
    home = Path(tempfile.mkdtemp(dir=folder))
    found, best = run_study(study, home)
    store = CheckpointStore(store_url(str(home / "tuner-checkpoints")), study["name"], scratch=home / "scratch")
    kept = best.checkpoints.best
    assert kept is not None
    weights, _ = store.fetch(kept.key, kept.sha256)
    run = run_of(task, folder, study)
    scores = test_scores(run, lambda to: shutil.copytree(weights, to, dirs_exist_ok=True))
    shutil.rmtree(home, ignore_errors=True)
    return {
        "name": f"{system}/{seed}",
        **found,
        "best": {"number": best.number, "value": best.value, "hyperparameters": best.hyperparameters},
        "test": round(scores.value, 5),
    }


def run_study(study: dict[str, Any], home: Path) -> tuple[dict[str, Any], Any]:
    """Run a study by the command, with one thread; return how it went, and its best trial.

    Args:
        study: The content of the study file.
        home: An empty folder.
    """
    from storage import Database, History, Studies

    (home / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [str(Path(sys.executable).with_name("tuner")), "start", "study.yaml"]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    with Database(f"sqlite:///{home}/tuner.db") as database:
        history = History(database, Studies(database).get(study["name"]))
        trials = history.trials()
        best = history.best(trials)
    assert best is not None
    unit = trials[0].device_s
    ended = sorted(trials, key=lambda trial: (trial.ended or "", trial.number))
    course, spent, top = [], 0.0, float("-inf")
    for trial in ended:
        spent += trial.device_s / unit
        if trial.state == "complete" and trial.value is not None and trial.value > top:
            top = trial.value
            course.append([round(spent, 3), round(top, 5)])
    total = sum(trial.device_s for trial in trials)
    return {
        "trials": len(trials),
        "runs": round(total / unit, 3),
        "device_s": round(total, 1),
        "course": course,
    }, best


def reached(row: dict[str, Any], wanted: float) -> float | None:
    """Return the full runs that a study had spent when it reached a value; None where it did not."""
    return next((runs for runs, value in row["course"] if value >= wanted), None)


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=SEEDS)
    folder = Path(tempfile.gettempdir()) / "tuner-depths"
    folder.mkdir(exist_ok=True)
    if options.small:
        return _small(options, folder)
    FOLDER.mkdir(exist_ok=True)
    for task in ("near", "far"):
        split_files(task, folder)  # once, before several processes want them
    there = {(task, row["name"]) for task in ("near", "far") for row in _rows(task)}
    wanted = [
        (task, system, seed)
        for system in SYSTEMS
        for seed in range(1, options.rounds + 1)
        for task in ("near", "far")
        if (task, f"{system}/{seed}") not in there
    ]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(search, *each, folder): each for each in wanted}
        for future in as_completed(running):
            task, system, seed = running[future]
            with (FOLDER / f"{task}.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(future.result()) + "\n")
            say(f"  {task} {system} {seed}")
    return _report(options)


def _rows(task: str) -> list[dict[str, Any]]:
    return rows_of(FOLDER / f"{task}.jsonl")


def _of(system: str, task: str) -> list[dict[str, Any]]:
    return [row for row in _rows(task) if row["name"].startswith(f"{system}/")]


def _unit(row: dict[str, Any]) -> float:
    """Return the device seconds of a study's trial 0."""
    return float(row["device_s"] / row["runs"])


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table; none where it does not exist."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _report(options: Any) -> int:
    shown, gates = [], []
    for task in ("near", "far"):
        value, test = reference(task)
        for system in SYSTEMS:
            rows = _of(system, task)
            if not rows:
                continue
            # The trial 0 of `heads` is the head alone, so that its full runs are others.
            others = _of("ours", task) if system == "heads" else rows
            scale = statistics.median(map(_unit, rows)) / statistics.median(map(_unit, others or rows))
            # A study that has not reached it has spent all for nothing.
            runs = [scale * (reached(row, value) or float("inf")) for row in rows]
            tests = statistics.mean(row["test"] for row in rows)
            best = statistics.mean(row["best"]["value"] for row in rows)
            spent = scale * statistics.mean(row["runs"] for row in rows)
            shown.append((task, system, len(rows), statistics.median(runs), spent, best, value, tests, test))
            if system == "ours":
                error = NOISE * (test * (1 - test) / 1000) ** 0.5
                gates += [
                    Gate(f"{task}: full runs to the reference", statistics.median(runs), at_most=ASKED, unit=""),
                    Gate(f"{task}: test value beside the reference's", tests - test, at_least=-error, unit=""),
                ]
    headings = ("task", "system", "studies", "FR to it", "FR in all", "best", "reference", "test", "its test")
    show(options, "Medians of the full runs, means of the values", headings, shown)
    return finish(options, gates=gates, equalities=[])


def _small(options: Any, folder: Path) -> int:
    """Run one short study of the near task."""
    data = {**study_of("near", folder)["data"], "splits": {"train": 39, "validation": 26, "test": 26}}
    more = {"data": data, "max_length": 16, "budget": {"trials": 3}, "stop": None}
    row = search("near", "ours", 1, folder, more)
    show(options, "one study", ("trials", "FR", "best"), [(row["trials"], row["runs"], row["best"]["value"])])
    return finish(options, gates=[], equalities=[Equality("trials that are missing", float(3 - row["trials"]))])


if __name__ == "__main__":
    sys.exit(main())
