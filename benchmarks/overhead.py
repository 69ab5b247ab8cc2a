"""What a trial costs besides its training: this project, transformers' search, Ray Tune and a plain Optuna script.

Each system runs trials that load MiniLM, as any trial must, tell ten values to a median pruner that prunes none of
them, and end; nothing is trained. All draw the same seven hyperparameters with the same TPE (Ray is given them, and so
pays for no sampler), and must record the same configurations and values. What starts a system counts in no trial: the
whole process tree is looked at when 8 trials have ended and when 32 more have (2 and 8 where each saves 260 MiB).

Ours is the product: `tuner.service.start` with its supervisor, database, leases and a forked process for each trial;
only the function that trains is exchanged. Transformers' search is favoured: its studies are in memory, it evaluates
once a trial instead of ten times, and the one step that it cannot do without is subtracted. Ray reuses its actor. The
plain script does what its manual says, in one process, with SQLite.

Weights: transformers saves its model at the end of each trial by itself, which is shown with and without. Ours is shown
with the best weights kept, too, of trials that are each better than all before them: the most that it can cost.

Ray has an environment of its own, which `make .venv-ray/.made` makes; without it, Ray is left out.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from measuring import Measured, interleave, measure, median, tree_cpu_s
from no_training import KEEP, PERCENTS, load, read_study, study_file, value
from verdicts import Equality, Gate, Options, finish, parse, say, show

#: Trials that nothing is counted of, and those that are; where each saves its model; in small runs.
FEW, MORE = 8, 32
FEW_SAVED, MORE_SAVED = 2, 8
FEW_SMALL, MORE_SMALL = 1, 2
OURS, KEPT, PLAIN = "ours", "ours, best weights kept", "plain Optuna script"
THEIRS, UNSAVED, RAY = "transformers' search", "transformers' search, saving off", "Ray Tune, actor reused"
RAY_PYTHON = Path(__file__).parents[1] / ".venv-ray" / "bin" / "python"
MIB = 2**20


# ---- the systems; each runs in a process of its own, in a folder that is its own


class Marks:
    """What a system has taken when a few trials have ended, and when all have."""

    def __init__(self, folder: str, few: int, more: int) -> None:
        self._folder, self._at = Path(folder), (few, few + more)
        self.marks: list[dict[str, float]] = []

    def ended(self, count: int, *, less_s: float = 0.0) -> None:
        """Note what was taken, if it is time to.

        Args:
            count: Trials that have ended.
            less_s: Processor time that does not count.
        """
        if count in self._at[len(self.marks) :]:
            size = sum(
                path.lstat().st_blocks * 512
                for path in self._folder.rglob("*")
                if path.is_file() and not path.is_symlink()
            )
            self.marks.append({"cpu_s": tree_cpu_s() - less_s, "bytes": size, "resident": _resident()})


def run_ours(folder: str, few: int, more: int, configurations: list[Any], keep: bool) -> dict[str, Any]:
    """Run a study of the product."""
    import os

    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # where trainers find what they run
    os.environ["TUNER_CACHE"] = str(Path(folder).parent / "cache")
    os.environ.update({KEEP: "1"} if keep else {})
    from storage import Database, History, Studies
    from tuner.reporting.events import TrialEnded
    from tuner.service.run import Machine
    from tuner.service.start import start
    from tuner.supervisor import launch

    launch.BUILT_IN = "no_training:train"
    path, marks, ended = Path(folder) / "overhead.yaml", Marks(folder, few, more), itertools.count(1)
    config, _, _ = read_study(path)
    url = f"sqlite:///{folder}/tuner.db"

    def watch(event: Any) -> None:
        if isinstance(event, TrialEnded):
            marks.ended(next(ended))

    start(config, url, Machine(devices="cpu", workers=1), watch, source=str(path), budget={"trials": few + more})
    with Database(url) as database:
        found = History(database, Studies(database).get(config.name)).trials()
    assert all(trial.state == "complete" for trial in found), [trial.reason for trial in found]
    return _report([(trial.hyperparameters, [told for _, told in trial.steps]) for trial in found], marks)


def run_plain(folder: str, few: int, more: int, configurations: list[Any]) -> dict[str, Any]:
    """Run the loop that Optuna's manual shows."""
    import optuna

    from tuner.search.pruners import make_pruner
    from tuner.search.samplers import make_sampler
    from tuner.study.sources import find_model

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config, space, first = read_study(Path(folder) / "overhead.yaml")
    weights, marks = find_model(config.model or "", None).location, Marks(folder, few, more)
    study = optuna.create_study(
        study_name="plain",
        storage=f"sqlite:///{folder}/plain.db",
        direction="maximize",
        sampler=make_sampler(config, conditional=space.is_conditional),
        pruner=make_pruner(config.pruner),
    )
    study.enqueue_trial(first)
    for number in range(few + more):
        trial = study.ask()
        space.suggest(trial)
        load(weights, number)
        for percent in PERCENTS:
            trial.report(value(number, percent), percent)
            assert not trial.should_prune()
        study.tell(trial, value(number, max(PERCENTS)))
        marks.ended(number + 1)
    found = study.get_trials(deepcopy=False)
    return _report([(one.params, list(one.intermediate_values.values())) for one in found], marks)


def run_theirs(folder: str, few: int, more: int, configurations: list[Any], save: bool) -> dict[str, Any]:
    """Run `Trainer.hyperparameter_search`; what its steps take does not count."""
    import time

    import optuna
    from datasets import Dataset
    from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

    from tuner.search.pruners import make_pruner
    from tuner.search.samplers import make_sampler
    from tuner.study.sources import find_model

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config, space, first = read_study(Path(folder) / "overhead.yaml")
    weights, marks = find_model(config.model or "", None).location, Marks(folder, few, more)
    set_seed(0)
    storage = optuna.storages.InMemoryStorage()
    optuna.create_study(storage=storage, study_name="theirs", direction="maximize").enqueue_trial(first)
    rows = Dataset.from_dict({"input_ids": [[101, 2023, 102]], "attention_mask": [[1, 1, 1]], "labels": [0]})
    spent = {"since": 0.0, "steps": 0.0}

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            spent["since"] = time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            spent["steps"] += time.process_time() - spent["since"]

    def space_of(trial: optuna.Trial) -> dict[str, Any]:
        marks.ended(trial.number, less_s=spent["steps"])
        return space.suggest(trial).to_dict()

    trainer = Trainer(
        model_init=lambda trial: load(weights, 0 if trial is None else trial.number),
        args=TrainingArguments(
            output_dir=f"{folder}/theirs",
            max_steps=1,
            per_device_train_batch_size=1,
            eval_strategy="steps",
            eval_steps=1,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            **({} if save else {"save_strategy": "no"}),
        ),
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[Watch()],
    )
    trainer.hyperparameter_search(
        hp_space=space_of,
        compute_objective=lambda _: value(trainer._trial.number, max(PERCENTS)),
        n_trials=few + more,
        direction="maximize",
        backend="optuna",
        storage=storage,
        study_name="theirs",
        load_if_exists=True,
        sampler=make_sampler(config, conditional=space.is_conditional),
        pruner=make_pruner(config.pruner),
    )
    marks.ended(few + more, less_s=spent["steps"])
    found = optuna.load_study(storage=storage, study_name="theirs").get_trials(deepcopy=False)
    return _report([(one.params, [one.value]) for one in found], marks)


def run_ray(folder: str, few: int, more: int, configurations: list[Any], weights: str) -> dict[str, Any]:
    """Run Ray Tune with one actor that is reused."""
    import ray
    from ray import tune

    class Trial(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.reset_config(config)

        def reset_config(self, config: dict[str, Any]) -> bool:
            self.number, self.percent = config["number"], 0
            self.model = load(weights, self.number)
            return True

        def step(self) -> dict[str, Any]:
            self.percent += 10
            told = value(self.number, self.percent)
            done = self.percent == max(PERCENTS)
            return {"value": told, "done": done, "resident": _resident()}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            pass

    marks, ended = Marks(folder, few, more), itertools.count(1)

    class Watch(tune.Callback):  # type: ignore[misc]
        def on_trial_complete(self, *_: Any, **__: Any) -> None:
            marks.ended(next(ended))

    ray.init(
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=f"{folder}/t",
        object_store_memory=80 * MIB,
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}},
    )
    points = [{"number": number, "point": configurations[number]} for number in range(few + more)]
    tuner = tune.Tuner(
        Trial,
        param_space=tune.grid_search(points),
        tune_config=tune.TuneConfig(
            metric="value",
            mode="max",
            reuse_actors=True,
            max_concurrent_trials=1,
            scheduler=tune.schedulers.MedianStoppingRule(),
        ),
        run_config=tune.RunConfig(storage_path=f"{folder}/r", name="r", verbose=0, callbacks=[Watch()]),
    )
    found = sorted(tuner.fit(), key=lambda one: one.config["number"])
    told = [(one.config["point"], one.metrics_dataframe["value"].tolist()) for one in found]
    ray.shutdown()
    for mark, number in zip(marks.marks, (few, few + more), strict=True):
        mark["resident"] = found[number - 1].metrics["resident"]  # the actor's, which is what grows
    return _report(told, marks)


def _resident() -> int:
    """Return the bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def _report(told: list[tuple[Mapping[str, Any], list[float]]], marks: Marks) -> dict[str, Any]:
    return {"trials": [{"point": dict(point), "values": values} for point, values in told], "marks": marks.marks}


def draw(folder: str, trials: int) -> dict[str, Any]:
    """Return the configurations that all systems are to draw, and where the weights are."""
    import optuna

    from tuner.search.samplers import make_sampler
    from tuner.study.sources import find_model

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config, space, first = read_study(Path(folder) / "overhead.yaml")
    sampler = make_sampler(config, conditional=space.is_conditional)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(first)
    for number in range(trials):
        trial = study.ask()
        space.suggest(trial)
        study.tell(trial, value(number, max(PERCENTS)))
    return {
        "points": [trial.params for trial in study.trials],
        "weights": find_model(config.model or "", None).location,
    }


# ---- the comparison


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__)
    systems: dict[str, dict[str, Any]] = {
        OURS: {"function": run_ours, "keep": False},
        PLAIN: {"function": run_plain},
        UNSAVED: {"function": run_theirs, "save": False},
    }
    if not options.small:
        systems |= {KEPT: {"function": run_ours, "keep": True}, THEIRS: {"function": run_theirs, "save": True}}
    with tempfile.TemporaryDirectory() as home:
        study_file(Path(home), trials=FEW + MORE)
        drawn = measure(draw, folder=home, trials=FEW + MORE).report
        if RAY_PYTHON.exists():
            systems[RAY] = {"function": run_ray, "python": str(RAY_PYTHON), "weights": drawn["weights"]}
        else:
            say("Ray Tune is left out: make .venv-ray/.made")

        def one(name: str) -> Measured:
            few, more = (FEW_SAVED, MORE_SAVED) if name == THEIRS else (FEW, MORE)
            if options.small:
                few, more = FEW_SMALL, MORE_SMALL
            with tempfile.TemporaryDirectory(dir=home) as folder:
                study_file(Path(folder), trials=FEW + MORE)
                counts = {"few": few, "more": more}
                found = measure(**{**systems[name], **counts, "folder": folder, "configurations": drawn["points"]})
                return replace(found, report={**found.report, **counts})

        found = interleave({name: partial(one, name) for name in systems}, options.rounds)
    return _compare(options, found, drawn["points"])


def _compare(options: Options, found: dict[str, list[Measured]], points: list[Any]) -> int:
    def a_trial(name: str, what: str) -> float:
        return median(found[name], lambda one: _between(one, what) / one.report["more"])

    cost = {name: a_trial(name, "cpu_s") for name in found}
    rows = [
        (
            name,
            1000 * cost[name],
            cost[name] / cost[PLAIN],
            a_trial(name, "bytes") / 1024,
            a_trial(name, "resident") / 1024,
            median(each, lambda one: max(one.peak_bytes, one.report["marks"][1]["resident"])) / MIB,
            median(each, lambda one: one.report["marks"][1]["cpu_s"]),
        )
        for name, each in found.items()
    ]
    headings = ("system", "CPU ms", "of plain", "KiB on disk", "KiB of memory", "MiB at most", "from the start, CPU-s")
    show(options, "a trial without training", headings, rows)
    gates = [Gate("ours to a plain Optuna script", cost[OURS] / cost[PLAIN], at_most=1.3)]
    least = {THEIRS: 4.0, UNSAVED: 4.0, RAY: 3.0}
    gates += [Gate(f"{name} to ours", cost[name] / cost[OURS], at_least=least[name]) for name in least if name in cost]
    return finish(
        options,
        gates=gates,
        equalities=[
            Equality(f"{name}: configurations and values", float(_differing(each, points)))
            for name, each in found.items()
        ],
    )


def _between(one: Measured, what: str) -> float:
    """Return by how much a number has grown between the marks of a run."""
    before, after = one.report["marks"]
    return float(after[what] - before[what])


def _differing(found: list[Measured], points: list[Any]) -> int:
    """Return how many trials have another configuration than was drawn, or other values than they told."""
    count = 0
    for one in found:
        for number, trial in enumerate(one.report["trials"]):
            told = [value(number, percent) for percent in PERCENTS]
            count += trial["point"] != points[number] or trial["values"] != told[-len(trial["values"]) :]
    return count


if __name__ == "__main__":
    sys.exit(main())
