"""Make the databases in this folder again, with the versions of tuner that wrote them; README.md has the commands.

Each `--tuner` is the command of an installed version. The studies are run in /srv/study, which must not exist: its name
is in the databases, where no folder of the machine that made them belongs. Names of the machine are replaced.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "acceptance"))

from acceptance_support import build_data
from databases import HERE, PLAIN, dump, place

FOLDER = Path("/srv/study")
GATE = FOLDER / "gate"
DEADLINE_S = 240.0
#: Seconds after which trials of a killed command are taken for interrupted on every machine.
LEASE_S = 2
TOY: dict[str, Any] = {
    "train": "fixture_training:train",
    "metric": {"name": "score", "direction": "maximize"},
    "pruner": {"name": "percentile", "percentile": 50, "n_startup_trials": 1, "n_warmup_steps": 8, "n_min_trials": 1},
    "budget": {"trials": 12},
    "seed": 11,
}
REAL: dict[str, Any] = {
    "model": str(FOLDER / "model"),
    "data": {
        "source": str(FOLDER / "sentences"),
        "splits": {"train": "train", "validation": "validation", "test": "test"},
    },
    "metric": "loss",
    "search_space": {
        "learning_rate": {"low": 3e-4, "high": 3e-3, "log": True},
        "batch_size": 8,
        "num_train_epochs": 40,
        "lr_scheduler_type": ["linear", "constant"],
        "frozen_layers": 0,
    },
    "pruner": "none",
    "early_stopping": "none",
    "evaluations": 10,
    "budget": {"trials": 2},
    "max_length": 16,
    "seed": 11,
}


class Command:
    """The `tuner` command of some version, in the folder of the study."""

    def __init__(self, path: str) -> None:
        self.path = path
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TUNER_", "PYTHON"))}
        cache = str(FOLDER / "cache")
        self.environment = {**kept, **PLAIN, "HF_HUB_OFFLINE": "1", "TUNER_CACHE": cache, "FIXTURE_GATE": str(GATE)}
        self.environment["OMP_NUM_THREADS"] = "1"  # several threads wait for each other on a busy machine

    def run(self, *arguments: str) -> str:
        """Run it to its end; return what it printed."""
        command = [self.path, *arguments]
        done = subprocess.run(
            command, cwd=FOLDER, env=self.environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert done.returncode == 0, (arguments, done.returncode, done.stderr)
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Return what a reading command prints."""
        return json.loads(self.run(*arguments, "--json"))

    def until(self, condition: Callable[[str], object], act: Callable[[subprocess.Popen[Any]], object], *a: str) -> int:
        """Start it; once its stderr, or anything else, fulfils a condition, act; return the exit code."""
        log = FOLDER / "stderr.txt"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [self.path, *a], cwd=FOLDER, env=self.environment, stderr=stderr, process_group=0
            )
            try:
                wait_until(lambda: condition(log.read_text(encoding="utf-8")) or process.poll() is not None)
                assert process.poll() is None, log.read_text(encoding="utf-8")
                act(process)
                return process.wait(DEADLINE_S)
            finally:
                process.kill()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def gate(**allowed: int) -> None:
    """Let trials do so many optimiser steps: `gate(t6=23)`."""
    GATE.mkdir(exist_ok=True)
    for name, steps in allowed.items():
        (GATE / f"waiting-{name[1:]}").unlink(missing_ok=True)
        (GATE / name[1:]).write_text(str(steps), encoding="ascii")


def waiting(*, at_least: int) -> bool:
    return len(list(GATE.glob("waiting-*"))) >= at_least


def write_study(name: str, document: dict[str, Any]) -> str:
    path = FOLDER / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"name": name, **document}, sort_keys=False), encoding="utf-8")
    return path.name


def make_interrupted(tuner: Command) -> None:
    """Trials complete, pruned, failed and diverged; one that a killed command held, one interrupted, one paused."""
    gate(t6=23, t7=17, t8=21, t9=19)
    study = write_study("interrupted", TOY)
    lease = ("--lease", f"{LEASE_S}s")
    tuner.run("start", study, "--trials", "6", "--workers", "1")
    tuner.until(
        lambda _: waiting(at_least=4),
        lambda _: tuner.run("pause", "interrupted"),
        *("resume", "interrupted", "--trials", "12", "--workers", "4", *lease),
    )
    gate(t6=27, t7=26, t8=25, t9=27)
    tuner.until(
        lambda _: waiting(at_least=2),
        lambda process: process.send_signal(signal.SIGINT),
        *("resume", "interrupted", "--workers", "2", *lease),
    )
    gate(t6=30, t7=30, t8=30, t9=30)
    tuner.until(
        lambda _: waiting(at_least=1),
        lambda process: process.kill(),
        *("resume", "interrupted", "--workers", "1", *lease),
    )
    time.sleep(LEASE_S + 1)


def make_finished(tuner: Command) -> None:
    """Ten trials to their ends, after an edit of the budget and of what is kept."""
    study = write_study("finished", {**TOY, "budget": {"trials": 6}, "keep": 2})
    tuner.run("start", study, "--workers", "2")
    tuner.run("edit", "finished", "--trials", "10", "--keep", "1")
    tuner.run("resume", "finished", "--workers", "1")


def make_fine_tuning(tuner: Command) -> None:
    """A tiny BERT: trial 0 complete, trial 1 interrupted after its third evaluation or a later one."""
    put_model_and_data("fine-tuning")
    study = write_study("fine-tuning", REAL)
    tuner.until(
        lambda said: re.search(r"trial 1 [3-9]/10", said),
        lambda process: process.send_signal(signal.SIGINT),
        *("start", study, "--workers", "1"),
    )


def make_version_2(tuner: Command) -> None:
    """Two schemas ago: six trials to their ends, one interrupted with a checkpoint, one to come."""
    gate(t6=23)
    study = write_study("version-2", {**TOY, "budget": {"trials": 8}})
    tuner.until(
        lambda _: waiting(at_least=1),
        lambda process: process.send_signal(signal.SIGINT),
        *("start", study, "--workers", "1"),
    )


def make_version_1(tuner: Command) -> None:
    """The first schema, without checkpoints to go on from: one trial complete, one interrupted, one to come."""
    put_model_and_data("version-1")
    space = {**REAL["search_space"], "num_train_epochs": 10}
    study = write_study("version-1", {**REAL, "budget": {"trials": 3}, "search_space": space, "evaluations": 2})
    tuner.until(
        lambda said: re.search(r"trial 1 4/10", said),
        lambda process: process.send_signal(signal.SIGINT),
        *("start", study, "--workers", "1"),
    )


MAKERS = {
    "interrupted": make_interrupted,
    "finished": make_finished,
    "fine-tuning": make_fine_tuning,
    "version-1": make_version_1,
    "version-2": make_version_2,
}


def put_model_and_data(name: str) -> bool:
    """Put the tiny model and its data into the folder, where a study needs them; return whether it does."""
    if name not in ("fine-tuning", "version-1"):
        return False
    write_tiny(HERE / "model", HERE / "sentences")
    for each in ("model", "sentences"):
        shutil.copytree(HERE / each, FOLDER / each)
    return True


def write_tiny(model: Path, data: Path) -> None:
    """Write a BERT of a few thousand weights, its tokenizer and its data, unless they are there."""
    if model.exists():
        return
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    build_data(data, train=48, validation=20, test=10)
    words = [f"w{number}" for number in range(30)]
    vocabulary = {
        word: at for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bad", "good", *words])
    }
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(word, vocabulary[word]) for word in ("[CLS]", "[SEP]")]
    )
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "pad", "cls", "sep", "mask")}
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        initializer_range=0.2,
    )
    BertForMaskedLM(config).save_pretrained(model)
    PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=16, **special).save_pretrained(model)


def neutral(path: Path) -> str:
    """Return a database as text that names no machine."""
    text = dump(path)
    host = re.escape(socket.gethostname()[:24])
    text = re.sub(rf"\b{host}-(\d+)-([0-9a-f]{{8}})(-[0-9a-f]{{16}})?\b", r"machine-\1-\2", text)
    text = re.sub(rf"'{re.escape(socket.gethostname())}'", "'machine'", text)
    for word in (socket.gethostname(), str(Path.home()), "/tmp/", os.path.realpath(sys.prefix)):
        found = re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)
        assert found is None, f"{word}: {text[found.start() - 80 : found.end() + 80]}"
    return text


def read(tuner: Command, name: str) -> dict[str, Any]:
    """Return what the reading commands print of a study, by command."""
    trials = tuner.json("trials", name)
    told = {"status": tuner.json("status", name), "trials": trials}
    told["show"] = [tuner.json("show", name, str(trial["number"])) for trial in trials["trials"]]
    return {**told, **{each: tuner.json(each, name) for each in ("best", "logs")}, "list": tuner.json("list")}


def fresh() -> None:
    shutil.rmtree(FOLDER)
    FOLDER.mkdir()


def write(path: Path, found: Any) -> None:
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def make(name: str, writer: Command, reader: Command) -> None:
    """Make one folder: a database by the version that writes it, outputs by the version that reads it."""
    into = HERE / name
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    FOLDER.mkdir()
    try:
        shutil.copy(HERE / "fixture_training.py", FOLDER)
        MAKERS[name](writer)
        with closing(sqlite3.connect(FOLDER / "tuner.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (into / "database.sql").write_text(neutral(FOLDER / "tuner.db"), encoding="utf-8")
        if (FOLDER / "tuner-checkpoints").is_dir():
            shutil.copytree(
                FOLDER / "tuner-checkpoints", into / "checkpoints", ignore=shutil.ignore_patterns("trainers.log")
            )
        fresh()
        place(name, FOLDER)
        if name.startswith("version"):
            reader.run("db", "upgrade")
        write(into / "read.json", read(reader, name))
        if name not in ("finished", "version-1"):
            more = ("--any-versions",) if put_model_and_data(name) else ()
            reader.run("resume", name, "--workers", "1", *more)
            write(into / "resumed.json", reader.json("trials", name))
    finally:
        shutil.rmtree(FOLDER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=MAKERS)
    parser.add_argument("--tuner", required=True, help="the command that writes the database")
    parser.add_argument("--reader", help="the command that reads it, if it is another")
    given = parser.parse_args()
    make(given.name, Command(given.tuner), Command(given.reader or given.tuner))


if __name__ == "__main__":
    main()
