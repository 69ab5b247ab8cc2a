"""A tiny model, a tiny task, and the installed command in a folder of its own."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import psutil
import yaml
from forked_command import ForkedCommand, can_be_forked

if TYPE_CHECKING:
    from storage import SlotRecord

COMMAND = Path(sys.executable).with_name("tuner")
#: A busy machine is slow; nothing here waits as long on one that works.
DEADLINE_S = 120.0
#: Values of the label, in the order of the logits.
LABELS = ("negative", "positive")
_TELLING = {"negative": "bad", "positive": "good"}
_FILLERS = [f"w{number}" for number in range(30)]
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

Found = TypeVar("Found")


def build_model(folder: Path) -> Path:
    """Write a BERT of two small layers and its tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*_SPECIAL, *_TELLING.values(), *_FILLERS])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.2,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def build_data(folder: Path, *, train: int = 96, validation: int = 40, test: int = 20) -> Path:
    """Write a csv a split: sentences of random words, in which one word tells the label."""
    rng = random.Random(0)
    folder.mkdir(parents=True)
    for split, rows in (("train", train), ("validation", validation), ("test", test)):
        texts = []
        for number in range(rows):
            words, label = rng.choices(_FILLERS, k=5), LABELS[number % 2]
            words[rng.randrange(5)] = _TELLING[label]
            texts.append((" ".join(words), label))
        write_csv(folder / f"{split}.csv", ["text", "label"], texts)
    return folder


def write_csv(path: Path, header: list[str], rows: list[tuple[str, ...]]) -> Path:
    """Write a csv file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def wait_until(condition: Callable[[], Found | None], what: str, timeout: float = DEADLINE_S) -> Found:
    """Ask again and again until something is found; a deadline makes a hang an error that says what was awaited."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {timeout:g} s")


class Running:
    """The command while it runs, in a process group of its own as a shell would give it."""

    def __init__(
        self,
        arguments: list[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        stdin: int | IO[str] = subprocess.DEVNULL,
        forked: bool = False,
    ) -> None:
        self.process: subprocess.Popen[str] | ForkedCommand
        if forked:
            self.process = ForkedCommand(arguments, folder, environment, stdin)
        else:
            self.process = subprocess.Popen(
                arguments,
                cwd=folder,
                env=dict(environment),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                process_group=0,
            )
        self._lines: list[str] = []
        self._seen = 0
        self._grew = threading.Condition()
        self._ended = False
        self._out: list[str] = []
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._read_out)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        with self._grew:
            return "".join(self._lines)

    @property
    def stdout(self) -> str:
        return "".join(self._out)

    def wait_for(self, pattern: str, timeout: float = DEADLINE_S) -> re.Match[str]:
        """Wait for a line on stderr, after the one that was waited for before."""
        deadline = time.monotonic() + timeout
        with self._grew:
            while True:
                while self._seen < len(self._lines):
                    self._seen += 1
                    if match := re.search(pattern, self._lines[self._seen - 1]):
                        return match
                if self._ended or not self._grew.wait(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no line {pattern!r} on stderr:\n{''.join(self._lines)}")

    def wait(self, timeout: float = DEADLINE_S) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return code

    def descendants(self) -> list[psutil.Process]:
        """Return the processes below the command: the fork server, then its trainers."""
        return psutil.Process(self.pid).children(recursive=True)

    def trainers(self) -> list[psutil.Process]:
        """Return the trainers that run."""
        parents = psutil.Process(self.pid).children()
        return [trainer for parent in parents for trainer in parent.children()]

    def close(self) -> None:
        """End whatever still runs."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._grew:
                self._lines.append(line)
                self._grew.notify_all()
        with self._grew:
            self._ended = True
            self._grew.notify_all()

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        self._out.append(self.process.stdout.read())


@dataclass(frozen=True, kw_only=True)
class Tuner:
    """The installed command in one folder."""

    folder: Path
    environment: Mapping[str, str]
    model: Path
    data: Path
    command: tuple[str, ...] = (str(COMMAND),)
    #: Whether it may be forked from a process that has imported it, which takes a tenth of the time.
    forked: bool = True

    def run(self, *arguments: str, timeout: float = DEADLINE_S, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as typed:
            typed.write(stdin)
            typed.seek(0)
            running = self._start(arguments, stdin=typed)
            try:
                code = running.wait(timeout)
            finally:
                running.close()
        return subprocess.CompletedProcess([*self.command, *arguments], code, running.stdout, running.stderr)

    def ok(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command, which must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done

    def json(self, *arguments: str) -> Any:
        """Return what a reading command prints as JSON."""
        return json.loads(self.ok(*arguments, "--json").stdout)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """Start the command; end it with the block."""
        running = self._start(arguments)
        try:
            yield running
        finally:
            running.close()

    def study(self, name: str, /, **changes: Any) -> str:
        """Write a study file; a change to None leaves the key out. Return its name in the folder."""
        document: dict[str, Any] = {
            "name": name,
            "model": str(self.model),
            "data": {
                "source": str(self.data),
                "splits": {"train": "train", "validation": "validation", "test": "test"},
            },
            "metric": "accuracy",
            "search_space": {
                "learning_rate": {"low": 3e-4, "high": 2e-2, "log": True},
                "batch_size": [8, 16],
                "num_train_epochs": {"low": 1, "high": 3},
                "lr_scheduler_type": ["linear", "constant"],
            },
            "budget": {"trials": 4},
            "max_length": 16,
            **changes,
        }
        return self._write_study(name, document)

    def within(self, **environment: str) -> Tuner:
        """Return the command with more variables in its environment."""
        return replace(self, environment={**self.environment, **environment})

    def toy_study(self, name: str, /, **changes: Any) -> str:
        """Write a study file that trains without torch, as `toy_training` does, and that module beside it."""
        shutil.copy(Path(__file__).with_name("toy_training.py"), self.folder)
        document = {
            "name": name,
            "train": "toy_training:train",
            "metric": {"name": "score", "direction": "maximize"},
            "pruner": "none",
            "budget": {"trials": 3},
            **changes,
        }
        return self._write_study(name, document)

    @property
    def cold(self) -> Tuner:
        """The command as a process that imports all that it needs, as in the hands of a user."""
        return replace(self, forked=False)

    def _start(self, arguments: tuple[str, ...], *, stdin: int | IO[str] = subprocess.DEVNULL) -> Running:
        """Start the command: forked, unless it is another one, or has variables that libraries read at their import."""
        forked = self.forked and self.command == (str(COMMAND),) and can_be_forked(self.environment)
        return Running([*self.command, *arguments], self.folder, self.environment, stdin=stdin, forked=forked)

    def _write_study(self, name: str, document: Mapping[str, Any]) -> str:
        path = self.folder / f"{name}.yaml"
        written = {key: value for key, value in document.items() if value is not None}
        path.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
        return path.name


#: A trial of seconds: long enough to be interrupted once its first evaluation is seen.
SLOW = {
    "search_space": {
        "learning_rate": {"low": 3e-4, "high": 3e-3, "log": True},
        "batch_size": 8,
        "num_train_epochs": 20,
        "lr_scheduler_type": ["linear", "constant"],
        "frozen_layers": 0,
    },
    "early_stopping": "none",
    "pruner": "none",
    "evaluations": 10,
}


def points(trials: Any) -> dict[int, str]:
    """Return the hyperparameters of each trial of `tuner trials --json`, by number, as text that compares."""
    return {trial["number"]: json.dumps(trial["hyperparameters"], sort_keys=True) for trial in trials["trials"]}


def states_of(url: str, *, folder: Path) -> dict[str, int]:
    """Return how many trials of each state Optuna's own table has; a relative SQLite file is below the folder."""
    import sqlalchemy as sa

    engine = sa.create_engine(url.replace("sqlite:///", f"sqlite:///{folder}/"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT state, count(*) AS trials FROM trials GROUP BY state"))
        return {row.state: row.trials for row in rows}


@dataclass(frozen=True, kw_only=True)
class Records:
    """What the database says of a study, read in this process: quicker than by commands."""

    #: As the reading commands show them.
    trials: list[dict[str, Any]]
    events: list[dict[str, Any]]
    slots: list[SlotRecord]
    #: Of Optuna's own table, how many trials are in each state.
    states: dict[str, int]


def records_of(name: str, url: str) -> Records:
    """Read what the database says of a study."""
    import sqlalchemy as sa

    from storage import Database, Events, History, Slots, Studies
    from tuner.reporting.views import event_view, trial_view

    with Database(url) as database:
        study = Studies(database).get(name)
        with database.read() as connection:
            query = sa.text("SELECT state, count(*) AS trials FROM trials WHERE study_id = :study GROUP BY state")
            states = {row.state: row.trials for row in connection.execute(query, {"study": study.id})}
        return Records(
            trials=[trial_view(trial) for trial in History(database, study).trials()],
            events=[event_view(event) for event in Events(database, study.id).all()],
            slots=Slots(database, study.id).all(),
            states=states,
        )


def stored_files(store: Path) -> dict[str, bytes]:
    """Return the content of all that is in a store's folder, by path; not what trainers have said."""
    files = (path for path in store.rglob("*") if path.is_file() and path.name != "trainers.log")
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in files}


class Gate:
    """Lets toy trials go on up to a step, in a folder that `TOY_GATE` names; at first up to none.

    Args:
        folder: The folder, which is made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.open(0)

    @property
    def environment(self) -> dict[str, str]:
        """What leads trials to it."""
        return {"TOY_GATE": str(self._folder)}

    def open(self, step: int = 1 << 30, *, trial: int | None = None) -> None:
        """Let one trial, or all those that are not named, go on until it has done so many steps."""
        path = self._folder / ("all" if trial is None else str(trial))
        fresh = path.with_name(f".{path.name}")
        fresh.write_text(str(step), encoding="ascii")
        fresh.rename(path)
