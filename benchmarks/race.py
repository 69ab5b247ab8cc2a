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

import math
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
from measuring import Equality, Gate, Measured, finish, interleave, measure, measure_here, median, parse, run, say, show
from points import EQUAL_RATES, draw_points, prepare_study
from texts import LAYERS, MODEL, REVIEWS, freeze, quiet

TUNER = Path(sys.executable).with_name("tuner")
RAY = Path(__file__).parents[1] / ".venv-ray" / "bin" / "python"
TRIALS, SMALL_TRIALS = 24, 2
SEED = 3
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


def queue(path: Path, points: list[dict[str, Any]]) -> str:
    """Write an Optuna study into a new SQLite file with all points waiting; return its URL."""
    import optuna

    url = f"sqlite:///{path}"
    study = optuna.create_study(storage=url, study_name="race", direction="maximize")
    for point in points:
        study.enqueue_trial(point)
    return url


def told(url: str) -> list[dict[str, Any]]:
    """Return hyperparameters and value of each trial, by number."""
    import optuna

    trials = optuna.load_study(study_name="race", storage=url).trials
    return [
        {"params": dict(trial.params), "value": trial.value} for trial in sorted(trials, key=lambda one: one.number)
    ]


def threads_of(url: str) -> int:
    """Return the most threads that any of our trials has used."""
    import optuna

    trials = optuna.load_study(study_name="race", storage=url).trials
    return max(trial.user_attrs["effective"]["threads"] for trial in trials)


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


# ---- theirs


def splits_of(folder: str) -> dict[str, Any]:
    """Return the encoded rows of training and validation split."""
    import datasets

    quiet()
    return {
        split: datasets.load_from_disk(str(Path(folder) / split)).remove_columns("length")
        for split in ("train", "validation")
    }


def build(location: str, *, dropout: float | None, frozen: float) -> Any:
    """Return a fresh model, with as many layers frozen as one does by hand."""
    import torch
    import transformers

    torch.manual_seed(SEED)
    more = {} if dropout is None else {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    model = transformers.AutoModelForSequenceClassification.from_pretrained(location, num_labels=2, **more)
    freeze(model, math.floor(frozen * LAYERS + 0.5))
    return model


def suggest(trial: Any) -> dict[str, Any]:
    """Name the seven, and the warm-up, as the queued points have them."""
    point = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-7, 1.0, log=True),
        "batch_size": trial.suggest_categorical("batch_size", [8, 16, 32, 64]),
        "num_train_epochs": trial.suggest_int("num_train_epochs", 1, 2),
        "weight_decay": trial.suggest_categorical("weight_decay", [0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2]),
        "lr_scheduler_type": trial.suggest_categorical(
            "lr_scheduler_type", ["linear", "cosine", "constant_with_warmup"]
        ),
        "warmup_ratio": trial.suggest_float("warmup_ratio", 0.0, 0.2),
    }
    point["dropout"] = trial.suggest_float("dropout", 0.0, 0.3)
    point["frozen_layers"] = trial.suggest_categorical("frozen_layers", [0, 0.25, 0.5, 0.75, 1])
    return point


def search_with_trainer(*, points: list[dict[str, Any]], folder: str, location: str, as_used: bool) -> dict[str, Any]:
    """Search with `Trainer.hyperparameter_search`."""
    import optuna
    import torch
    import transformers

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    rows = splits_of(folder)
    applied: list[dict[str, Any]] = []

    class Noting(transformers.TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, *_: Any, **__: Any) -> None:
            applied.append(
                {
                    "learning_rate": args.learning_rate,
                    "batch_size": args.per_device_train_batch_size,
                    "num_train_epochs": args.num_train_epochs,
                    "weight_decay": args.weight_decay,
                    "lr_scheduler_type": args.lr_scheduler_type.value,
                    "warmup_ratio": args.warmup_steps,
                }
            )

    def space(trial: Any) -> dict[str, Any]:
        point = suggest(trial)
        return {
            "learning_rate": point["learning_rate"],
            "per_device_train_batch_size": point["batch_size"],
            "num_train_epochs": point["num_train_epochs"],
            "weight_decay": point["weight_decay"],
            "lr_scheduler_type": point["lr_scheduler_type"],
            "warmup_steps": point["warmup_ratio"],
        }

    def model_init(trial: Any) -> Any:
        if as_used or trial is None:
            return build(location, dropout=None, frozen=0.0)
        point = suggest(trial)
        return build(location, dropout=point["dropout"], frozen=point["frozen_layers"])

    with tempfile.TemporaryDirectory() as scratch:
        trainer = transformers.Trainer(
            args=transformers.TrainingArguments(
                output_dir=scratch,
                use_cpu=True,
                seed=SEED,
                report_to=[],
                save_strategy="epoch" if as_used else "no",
                logging_strategy="no",
                disable_tqdm=True,
                # A float: the search casts a value to the type of what is there, and a ratio would become 0.
                warmup_steps=0.0,
            ),
            model_init=model_init,
            train_dataset=rows["train"],
            eval_dataset=rows["validation"],
            data_collator=transformers.DataCollatorWithPadding(transformers.AutoTokenizer.from_pretrained(location)),
            compute_metrics=lambda found: {"accuracy": float((found[0].argmax(-1) == found[1]).mean())},
            callbacks=[Noting()],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        url = queue(Path(scratch) / "optuna.db", points)
        trainer.hyperparameter_search(
            space,
            compute_objective=lambda metrics: metrics["eval_accuracy"],
            n_trials=len(points),
            direction="maximize",
            backend="optuna",
            storage=url,
            study_name="race",
            load_if_exists=True,
        )
        # What Trainer has applied, which need not be what Optuna has recorded.
        return {
            "trials": [
                {**trial, "params": trial["params"] | values} for trial, values in zip(told(url), applied, strict=True)
            ]
        }


def train_by_hand(point: Mapping[str, Any], rows: Mapping[str, Any], location: str) -> float:
    """Train and evaluate one point as a careful person would write it; return the accuracy."""
    import torch
    import transformers

    model = build(location, dropout=point["dropout"], frozen=point["frozen_layers"])
    collate = transformers.DataCollatorWithPadding(transformers.AutoTokenizer.from_pretrained(location))
    loader = torch.utils.data.DataLoader(
        rows["train"],
        batch_size=point["batch_size"],
        shuffle=True,
        collate_fn=collate,
        generator=torch.Generator().manual_seed(SEED),
    )
    trained = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    groups = [
        {"params": [each for _, each in trained if each.ndim > 1], "weight_decay": point["weight_decay"]},
        {"params": [each for _, each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=point["learning_rate"])
    steps = len(loader) * point["num_train_epochs"]
    schedule = transformers.get_scheduler(
        point["lr_scheduler_type"],
        optimizer,
        num_warmup_steps=math.ceil(point["warmup_ratio"] * steps),
        num_training_steps=steps,
    )
    model.train()
    for _ in range(point["num_train_epochs"]):
        for batch in loader:
            model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_([each for _, each in trained], 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()
    right = 0
    with torch.no_grad():
        for batch in torch.utils.data.DataLoader(rows["validation"], batch_size=32, collate_fn=collate):
            labels = batch.pop("labels")
            right += int((model(**batch).logits.argmax(-1) == labels).sum())
    return right / len(rows["validation"])


def search_by_hand(*, points: list[dict[str, Any]], folder: str, location: str) -> dict[str, Any]:
    """Search with a plain Optuna script."""
    import optuna
    import torch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    rows = splits_of(folder)
    with tempfile.TemporaryDirectory() as scratch:
        url = queue(Path(scratch) / "optuna.db", points)
        study = optuna.load_study(study_name="race", storage=url)
        study.optimize(lambda trial: train_by_hand(suggest(trial), rows, location), n_trials=len(points))
        return {"trials": told(url)}


def search_with_ray(*, points: list[dict[str, Any]], folder: str, location: str) -> dict[str, Any]:
    """Search with Ray Tune, one actor that is used again."""
    import resource

    import ray
    from ray import tune

    here = str(Path(__file__).parent)

    class Trainable(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            # Of an editable installation the environment behind Ray's shows nothing but what it depends on.
            sys.path[1:1] = [here, str(Path(here).parent)]
            import torch

            torch.set_num_threads(1)
            self._rows = splits_of(folder)

        def step(self) -> dict[str, Any]:
            accuracy = train_by_hand(self.config["point"], self._rows, location)
            usage = resource.getrusage(resource.RUSAGE_SELF)
            spent = {"actor": os.getpid(), "cpu_s": usage.ru_utime + usage.ru_stime, "peak_kb": usage.ru_maxrss}
            return {"accuracy": accuracy, "done": True, **spent}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.config = new_config
            return True

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Keep nothing."""

        def load_checkpoint(self, checkpoint: Any) -> None:
            """Nothing was kept."""

    with tempfile.TemporaryDirectory() as scratch:
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _temp_dir=scratch)
        tuner = tune.Tuner(
            Trainable,
            param_space=tune.grid_search([{"number": number, "point": point} for number, point in enumerate(points)]),
            tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=1),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        )
        found = sorted(tuner.fit(), key=lambda each: each.config["number"])
        ray.shutdown()
    # Ray's daemon ignores the end of its children, so that the kernel counts what they took in no parent.
    actors: dict[int, float] = {}
    for each in found:
        actor = each.metrics["actor"]
        actors[actor] = max(actors.get(actor, 0.0), each.metrics["cpu_s"])
    return {
        "trials": [{"params": each.config["point"], "value": each.metrics["accuracy"]} for each in found],
        "unseen_s": sum(actors.values()),
        "unseen_peak_bytes": max(each.metrics["peak_kb"] for each in found) * 1024,
    }


def measure_ray(**arguments: Any) -> Measured:
    """Measure Ray Tune, with what its actors say they took."""
    taken = measure(search_with_ray, python=RAY, **arguments)
    return replace(
        taken,
        cpu_s=taken.cpu_s + taken.report["unseen_s"],
        peak_bytes=max(taken.peak_bytes, taken.report["unseen_peak_bytes"]),
    )


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
