"""Seconds from `kill -9` to training again, and bytes moved: the `tuner` command beside transformers' Trainer.

MiniLM trains on film reviews, ten optimiser steps, each followed by an evaluation and a checkpoint. After the fifth
evaluation something is killed:

- our trainer: the command goes on by itself;
- our whole command: `tuner resume` is started at once, on the same machine, with the trunk cache there and with an
  empty one. Another machine would wait until the dead command's lease has expired, a minute by default;
- the process that runs Trainer: started again at once, with `resume_from_checkpoint=True`.

Taken is the wall time until the evaluation after the first new step is there: what the machine does besides matters,
so that these are seconds to compare within one run. All batches and losses are those of an undisturbed trial: ours to
the last bit, Trainer's to 1e-5 of them, with dropout 0. Bytes are those of one checkpoint, which is written at each
save and read once by who goes on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import yaml
from measuring import ENVIRONMENT, RESULT, calling, interleave, median
from texts import LAYERS, MODEL, REVIEWS, SEED, largest_difference, make_run, train_theirs
from verdicts import Equality, Options, finish, parse, show

TUNER = Path(sys.executable).with_name("tuner")
STEPS = 10
#: Frozen layers: none, and enough for a cache.
DEPTHS = (0, 4)
#: Evaluations before the kill. In the small mode a trial takes half a second, so it is killed earlier.
SEEN, SMALL_SEEN = 5, 3
#: Examples of an optimiser step and of the validation split, and tokens.
SIZES, SMALL_SIZES = (16, 16, 48), (4, 4, 8)
TOLERANCE = 1e-5
#: Seconds within which a line has to come: something is broken otherwise.
DEADLINE_S = 300.0
EVALUATED = r"trial 0 (\d+) %:"


class Process:
    """A command while it runs, and when it has said what."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **ENVIRONMENT, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[tuple[float, str]] = []
        self._seen = 0
        self._grew = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> tuple[float, re.Match[str]]:
        """Wait for a line after those that were waited for before; return when it came."""
        deadline = time.monotonic() + DEADLINE_S
        with self._grew:
            while True:
                while self._seen < len(self._lines):
                    at, line = self._lines[self._seen]
                    self._seen += 1
                    if match := re.search(pattern, line):
                        return at, match
                if self._ended or not self._grew.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no line {pattern!r} in:\n{''.join(line for _, line in self._lines)}")

    def end(self) -> None:
        """Wait for the end, which must be a good one."""
        code = self.process.wait(DEADLINE_S)
        self._reader.join()
        assert code == 0, "".join(line for _, line in self._lines)

    def trainer(self) -> psutil.Process:
        """Return the process that trains for a command of ours: a child of its child."""
        (trainer,) = [below for child in psutil.Process(self.process.pid).children() for below in child.children()]
        return trainer

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grew:
                self._lines.append((time.monotonic(), line))
                self._grew.notify_all()
        with self._grew:
            self._ended = True
            self._grew.notify_all()


@contextmanager
def running(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Process]:
    """Start a command; kill it if the block leaves it running."""
    process = Process(command, folder, environment)
    try:
        yield process
    finally:
        process.process.kill()
        process.process.wait()


# ---- ours


def resume_ours(
    *,
    frozen: int,
    killed: str,
    cold: bool = False,
    seen: int = SEEN,
    sizes: tuple[int, int, int],
    cache: Path,
    home: Path,
) -> dict[str, Any]:
    """Start a study of two equal trials, kill in the first one, and go on; the second is left in peace.

    Args:
        frozen: Frozen layers.
        killed: `trainer` or `command`.
        cold: Whether the trunk cache is gone when it goes on.
        seen: Evaluations before the kill.
        sizes: Of a step, of the validation split, and of a text.
        cache: Folder of what is prepared, for all measurements.
        home: Empty folder.
    """
    environment = {"TUNER_CACHE": str(cache)}
    (home / "study.yaml").write_text(yaml.safe_dump(_study(frozen, sizes)), encoding="utf-8")
    found: dict[str, Any] = {}
    with running([str(TUNER), "start", "study.yaml", "--workers", "1"], home, environment) as process:
        for _ in range(seen):
            process.wait_for(EVALUATED)
        if killed == "trainer":
            trainer = process.trainer()
            began = time.monotonic()
            trainer.kill()
            found["bytes"] = _size(home / "tuner-checkpoints", "manifest.json")
            found |= _again(process, began, seen)
            process.end()
    if killed == "command":
        began = time.monotonic()  # it is killed by now, and its processes with it
        found["bytes"] = _size(home / "tuner-checkpoints", "manifest.json")
        if cold:
            shutil.rmtree(cache / "trunk")
        with running([str(TUNER), "resume", "resume", "--workers", "1"], home, environment) as process:
            found |= _again(process, began, seen)
            process.end()
    trials = [_shown(number, home) for number in (0, 1)]
    assert [(trial["state"], trial["restarts"]) for trial in trials] == [("complete", 1), ("complete", 0)]
    losses = [[each["validation_loss"] for each in trial["evaluations"]] for trial in trials]
    (cache / "anatomy.json").write_text(json.dumps(_anatomy(home)), encoding="utf-8")
    return {**found, "losses": losses[0], "undisturbed": losses[1]}


def _anatomy(home: Path) -> dict[str, Any]:
    from storage import Database, Studies

    with Database(f"sqlite:///{home}/tuner.db") as database:
        anatomy: dict[str, Any] = Studies(database).get("resume").facts["anatomy"]
    return anatomy


def _study(frozen: int, sizes: tuple[int, int, int]) -> dict[str, Any]:
    batch, validation, tokens = sizes
    return {
        "name": "resume",
        "model": MODEL,
        "data": {
            "source": REVIEWS,
            "where": {"source": "imdb"},
            "splits": {"train": batch * STEPS, "validation": validation, "test": 8},
        },
        # What `make_run` makes, so that both sides train the same.
        "search_space": {
            "learning_rate": 2e-4,
            "batch_size": batch,
            "num_train_epochs": 1,
            "dropout": 0.0,
            "weight_decay": 0.01,
            "lr_scheduler_type": "linear",
            "frozen_layers": frozen / LAYERS,
            "warmup_ratio": 0.1,
            "head_learning_rate_factor": 1.0,
        },
        "early_stopping": "none",
        "pruner": "none",
        "evaluations": 10,
        "budget": {"trials": 2},
        "max_length": tokens,
        "precision": "fp32",
        "checkpoint_every": "0.01s",
        "seed": SEED,
    }


def _shown(number: int, home: Path) -> dict[str, Any]:
    command = [str(TUNER), "show", "resume", str(number), "--json"]
    shown: dict[str, Any] = json.loads(subprocess.run(command, cwd=home, stdout=subprocess.PIPE, check=True).stdout)
    return shown


def _again(process: Process, began: float, seen: int) -> dict[str, float]:
    """Wait until a trial trains again; return after how many seconds."""
    given, match = process.wait_for(r"trial 0 again (?:from optimiser step (\d+) )?on")
    step = int(match[1] or 0)
    evaluated, _ = process.wait_for(EVALUATED)
    return {"given_s": given - began, "again_s": evaluated - began, "repeated": float(seen - step)}


def _size(folder: Path, last: str) -> int:
    """Return the bytes of the newest checkpoint that is complete: it has the file that is written last.

    It is 0 where the kill came before a first checkpoint was complete.
    """
    complete = max(folder.rglob(last), key=lambda path: path.stat().st_mtime, default=None)
    return 0 if complete is None else sum(file.stat().st_size for file in complete.parent.iterdir())


# ---- theirs


def train_and_say(
    prepared: Mapping[str, Any], frozen: int, batch: int, folder: str, *, saves: bool = True
) -> dict[str, Any]:
    """Train with an evaluation and a checkpoint each step; go on from a checkpoint that is there."""
    import transformers

    class Say(transformers.TrainerCallback):
        def on_evaluate(self, arguments: Any, state: Any, *_: Any, **more: Any) -> None:
            losses.append(more["metrics"]["eval_loss"])
            print(f"trial 0 {100 * state.global_step // STEPS} %: evaluated", flush=True)  # noqa: T201

        def on_train_begin(self, arguments: Any, state: Any, *_: Any, **more: Any) -> None:
            print(f"trial 0 again from optimiser step {state.global_step} on", flush=True)  # noqa: T201

    losses: list[float] = []
    run = make_run(prepared, frozen=frozen, epochs=1.0, batch_size=batch)
    every_step: dict[str, Any] = {"eval_strategy": "steps", "eval_steps": 1}
    if saves:
        every_step |= {"save_strategy": "steps", "save_steps": 1}
    resume = any(Path(folder).glob("checkpoint-*"))
    train_theirs(run, folder, arguments=every_step, callbacks=[Say()], resume=resume)
    return {"losses": losses[:-1]}  # without the one that is made after training


def resume_theirs(*, frozen: int, sizes: tuple[int, int, int], cache: Path, home: Path) -> dict[str, Any]:
    """Start Trainer on what our command has prepared, kill it, and start it again."""
    (home / "scratch").mkdir()
    command = calling(
        train_and_say,
        home / "scratch",
        prepared=_prepared(cache),
        frozen=frozen,
        batch=sizes[0],
        folder=str(home / "checkpoints"),
    )
    with running(command, home, {}) as process:
        for _ in range(SEEN):
            process.wait_for(EVALUATED)
        process.process.kill()
    began = time.monotonic()
    size = _size(home / "checkpoints", "trainer_state.json")
    with running(command, home, {}) as process:
        found = _again(process, began, SEEN)
        process.end()
    losses = json.loads((home / "scratch" / RESULT).read_text(encoding="utf-8"))["losses"]
    return {**found, "bytes": size, "losses": losses}


def _prepared(cache: Path) -> dict[str, Any]:
    """Return what our command has left, as `prepare_texts` returns it."""
    (facts,) = (cache / "prepared").glob("[0-9a-f]*/facts.json")
    anatomy = json.loads((cache / "anatomy.json").read_text(encoding="utf-8"))
    return {"folder": str(facts.parent), "anatomy": anatomy}


# ---- both


def main() -> int:
    """Run the benchmark; return the exit code."""
    options = parse(__doc__)
    with tempfile.TemporaryDirectory() as cache:
        return _small(options, Path(cache)) if options.small else _whole(options, Path(cache))


def _small(options: Options, cache: Path) -> int:
    """Kill our trainer alone; Trainer is left in peace. Of the head alone, so that checkpoints are small."""
    frozen = LAYERS
    with tempfile.TemporaryDirectory() as home:
        ours = resume_ours(
            frozen=frozen, killed="trainer", seen=SMALL_SEEN, sizes=SMALL_SIZES, cache=cache, home=Path(home)
        )
    with tempfile.TemporaryDirectory() as folder:
        theirs = train_and_say(_prepared(cache), frozen, SMALL_SIZES[0], folder, saves=False)
    return _finish(options, {f"k={frozen}: our trainer": [ours], f"k={frozen}: Trainer": [theirs]})


def _whole(options: Options, cache: Path) -> int:
    systems: dict[str, Callable[[], dict[str, Any]]] = {}
    for frozen in DEPTHS:
        ours: dict[str, dict[str, Any]] = {"our trainer": {"killed": "trainer"}, "our command": {"killed": "command"}}
        if frozen:
            ours["our command, cold cache"] = {"killed": "command", "cold": True}
        for name, told in ours.items():
            systems[f"k={frozen}: {name}"] = partial(
                _in_a_folder, resume_ours, frozen=frozen, sizes=SIZES, cache=cache, **told
            )
        systems[f"k={frozen}: Trainer"] = partial(_in_a_folder, resume_theirs, frozen=frozen, sizes=SIZES, cache=cache)
    found = interleave(systems, options.rounds)
    rows = []
    for name, rounds in found.items():
        parts = [
            median(rounds, lambda one, part=part: one[part])  # type: ignore[misc]
            for part in ("given_s", "again_s", "repeated", "bytes")
        ]
        rows.append((name, *parts[:3], parts[3] / 2**20))
    show(
        options,
        "Seconds from `kill -9`, wall time",
        ("k of 6 frozen: killed", "begins again", "next evaluation", "evaluations made again", "MiB written, read"),
        rows,
    )
    return _finish(options, found)


def _in_a_folder(function: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        return function(**arguments, home=Path(home))


def _finish(options: Options, found: Mapping[str, list[dict[str, Any]]]) -> int:
    equalities = []
    for name, rounds in found.items():
        depth, _, who = name.partition(": ")
        for one in rounds:
            # Ours is held against the trial that was left in peace, and Trainer against that same trial.
            beside = one if who.startswith("our") else found[f"{depth}: our trainer"][0]
            undisturbed = beside["undisturbed"][-len(one["losses"]) :]  # Trainer tells what it did since it was resumed
            allowed = 0.0 if who.startswith("our") else TOLERANCE
            equalities.append(Equality(f"losses, {name}", largest_difference(one["losses"], undisturbed), allowed))
    return finish(options, equalities=equalities)


if __name__ == "__main__":
    sys.exit(main())
