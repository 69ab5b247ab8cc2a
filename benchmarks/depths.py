"""What depth, initial head and early values tell: a table of real trials, which fills up over several runs.

    benchmarks/depths.py                # adds the trials that are missing; --rounds says how many configurations, 16
    benchmarks/depths.py --small        # two short trials, into no table

A configuration is drawn from the preset of text classification. It is trained with no layer frozen, with half of them,
and with all; with a random head and, but for the head alone, with a fitted one. Two tasks: `near`, of which package a
docstring is (`docstrings.py`), and `far`, the sentiment of a film review. Every trial is evaluated at 1, 2, 4, 8, 16,
32, 64 and 100 %; its best weights are evaluated on the test split at the end.

Each line of `depths/TASK.jsonl` is one trial. Each trial has one process and one thread; as many run at a time as there
are processors, so seconds are processor seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from docstrings import write_docstrings
from points import draw_points, prepare_study
from texts import quiet
from verdicts import Equality, finish, parse, show

from search_spaces import FITTED, RANDOM, Hyperparameters

FOLDER = Path(__file__).parent / "depths"
EXAMPLE = Path(__file__).parents[1] / "examples" / "rotten_tomatoes.yaml"
CONFIGURATIONS, SEED = 16, 7
LOOKS = (1, 2, 4, 8, 16, 32, 64, 100)
#: Frozen share of the layers, and initial head.
ARMS = ((0.0, RANDOM), (0.0, FITTED), (0.5, RANDOM), (0.5, FITTED), (1.0, RANDOM))
SPLITS = {"train": 640, "validation": 500, "test": 1000}


def study_of(task: str, folder: Path) -> dict[str, Any]:
    """Return the content of a study file.

    Args:
        task: near or far.
        folder: Where data may be written.
    """
    study: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    if task == "near":
        data = folder / "docstrings.csv"
        if not data.exists():
            write_docstrings(data, rows=3000)
        study["data"] = {"source": str(data), "text": "text", "label": "package"}
    study["data"]["splits"] = dict(SPLITS)
    return {**study, "name": task, "seed": SEED}


def run_of(task: str, folder: Path, study: dict[str, Any]) -> Any:
    """Prepare a task; return a run without hyperparameters of its own."""
    import torch

    from tuner.trial.run import Speed, TrialRun, TrunkHome

    quiet()
    torch.set_num_threads(1)
    config, model, _, prepared = prepare_study(study, str(folder))
    point = {"learning_rate": 5e-5, "batch_size": 32, "num_train_epochs": 3, "dropout": 0.1, "weight_decay": 0.01}
    shares = tuple(sorted({share for share, _ in ARMS}))
    return TrialRun(
        number=0,
        hyperparameters=Hyperparameters.from_values({**point, "lr_scheduler_type": "linear", "frozen_layers": 1.0}),
        task=config.task,
        model=model,
        data=prepared.folder,
        anatomy=prepared.anatomy,
        metric=config.metric.name,
        direction=config.metric.direction,
        seed=config.seed,
        precision="fp32",
        looks=LOOKS,
        threads=1,
        speed=Speed(),
        trunk=TrunkHome(folder=folder / "trunk", weights=prepared.weights, shares=shares),
    )


def fit(task: str, folder: Path, study: dict[str, Any]) -> dict[str, Any]:
    """Fit the head of a task, unless that is done; return what it found."""
    from tuner.training.head.fitting import fit_head
    from tuner.training.model.weights import save_weights

    run = run_of(task, folder, study)
    home = folder / f"head-{task}"
    if not (home / "facts.json").exists():
        began = time.process_time()
        head = fit_head(run)
        home.mkdir(exist_ok=True)
        save_weights(head.weights, home)
        facts = {"rate": head.learning_rate, "epochs": head.epochs, "value": head.value, "loss": head.loss}
        (home / "facts.json").write_text(json.dumps({**facts, "cpu_s": time.process_time() - began}))
    found: dict[str, Any] = json.loads((home / "facts.json").read_text())
    return found


def train(task: str, folder: Path, study: dict[str, Any], point: dict[str, Any]) -> dict[str, Any]:
    """Train one trial, and evaluate its best weights on the test split.

    Args:
        task: near or far.
        folder: Where data, caches and heads are.
        study: The content of the study file.
        point: The hyperparameters.
    """
    from tuner.errors import Diverged
    from tuner.training.loop import train as train_trial
    from tuner.trial.run import HeadHome
    from tuner.trial.saver import NoSaver

    run = replace(
        run_of(task, folder, study),
        hyperparameters=Hyperparameters.from_values(point),
        head=HeadHome(folder=folder / f"head-{task}", key=task),
    )
    kept: dict[str, Any] = {}

    class Keeps(NoSaver):
        def keep(self, evaluation: Any, write: Any) -> None:
            kept.update(evaluation=evaluation, write=write)

    seen, seconds = [], []
    diverged = None
    began = time.process_time()
    try:
        for evaluation in train_trial(replace(run, saver=Keeps())):
            seen.append(evaluation)
            seconds.append(round(time.process_time() - began, 3))
    except Diverged as error:
        diverged = str(error)
    row: dict[str, Any] = {
        "point": point,
        "steps": [each.step for each in seen],
        "values": [round(each.value, 5) for each in seen],
        "losses": [round(each.validation_loss, 5) for each in seen],
        "cpu_s": seconds,
        "diverged": diverged,
    }
    if not seen:
        return row
    began = time.process_time()
    scores = test_scores(run, kept["write"])
    return {
        **row,
        "best": {"step": kept["evaluation"].step, "rows": kept["evaluation"].rows},
        "last": {"step": seen[-1].step, "rows": seen[-1].rows},
        "test": round(scores.value, 5),
        "test_rows": scores.rows,
        "test_cpu_s": round(time.process_time() - began, 3),
    }


def test_scores(run: Any, write: Callable[[Path], Any]) -> Any:
    """Return the scores of weights on the test split, which no trial opens.

    Args:
        run: A run with their task, model and data.
        write: Writes the weights into a folder.
    """
    import torch
    from datasets import load_from_disk

    from tuner.training.data.encoded import LOCKED, EncodedData
    from tuner.training.evaluation import evaluate
    from tuner.training.model.loading import build_model
    from tuner.training.model.weights import restore_weights
    from tuner.training.tasks import get_task
    from tuner.training.trunk.forward import ForwardPasses

    coder, anatomy = get_task(run.task), run.anatomy
    assert run.model is not None
    assert run.data is not None
    assert anatomy is not None
    data = EncodedData.open(run.data, coder.examples, anatomy.padding)
    padding = json.loads((run.data / "facts.json").read_text())["padding"]
    test = coder.examples(
        load_from_disk(str(run.data / LOCKED / "test")),
        {**padding, **(anatomy.padding.values if anatomy.padding else {})},
    )
    model = build_model(coder.blueprint(run.model, data.labels, run.seed, anatomy.padding), dropout=None)
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch))
        restore_weights(model, Path(scratch))
    passes = ForwardPasses(
        model, anatomy, replace(data, validation=test), torch.device("cpu"), depths=[], speed=run.speed
    )
    scores = evaluate(coder, model, passes, run)
    assert scores is not None
    return scores


def name_of(point: dict[str, Any], number: int) -> str:
    """Return the name of a trial in the table."""
    return f"{number}/{point['frozen_layers']:g}/{point['head_init']}"


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__, rounds=CONFIGURATIONS)
    if options.small:
        with tempfile.TemporaryDirectory() as scratch:
            return _small(options, Path(scratch))
    folder = Path(tempfile.gettempdir()) / "tuner-depths"
    folder.mkdir(exist_ok=True)
    FOLDER.mkdir(exist_ok=True)
    cpus = len(os.sched_getaffinity(0))
    for task in ("near", "far"):
        study, path = study_of(task, folder), FOLDER / f"{task}.jsonl"
        drawn = draw_points(study, CONFIGURATIONS, SEED)[: options.rounds]
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        there = {row["name"] for row in rows}
        wanted = {
            name_of(point, number): point
            for number, one in enumerate(drawn)
            for share, head in ARMS
            for point in [{**one, "frozen_layers": share, "head_init": head}]
        }
        with ProcessPoolExecutor(cpus, multiprocessing.get_context("spawn")) as pool:
            head = pool.submit(fit, task, folder, study).result()
            if "head" not in there:
                _append(path, {"name": "head", **head})
            running = {
                pool.submit(train, task, folder, study, point): name
                for name, point in wanted.items()
                if name not in there
            }
            for future in as_completed(running):
                _append(path, {"name": running[future], **future.result()})
    return finish(options, gates=[], equalities=[])


def _append(path: Path, row: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(f"  {path.stem} {row['name']}", file=sys.stderr, flush=True)  # noqa: T201


def _small(options: Any, folder: Path) -> int:
    """Train two short trials of the near task, one with each head."""
    study = study_of("near", folder)
    study["data"]["splits"] = {"train": 39, "validation": 26, "test": 26}
    study |= {"max_length": 16}
    fit("near", folder, study)
    point = {**draw_points(study, 1, SEED)[0], "num_train_epochs": 1.0, "batch_size": 8, "frozen_layers": 0.5}
    rows = {head: train("near", folder, study, {**point, "head_init": head}) for head in (RANDOM, FITTED)}
    show(
        options,
        "two trials",
        ("head", "steps", "first loss"),
        [(k, len(r["steps"]), r["losses"][0]) for k, r in rows.items()],
    )
    return finish(
        options,
        gates=[],
        equalities=[Equality("looks of the two", float(rows[RANDOM]["steps"] != rows[FITTED]["steps"]))],
    )


if __name__ == "__main__":
    sys.exit(main())
