"""What the reading commands print, how quickly they start, and what ends a command with which code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from acceptance_support import Tuner
from typing_person import answer

SEVEN = [
    "learning_rate",
    "batch_size",
    "num_train_epochs",
    "dropout",
    "weight_decay",
    "lr_scheduler_type",
    "frozen_layers",
]
STATES = ("complete", "pruned", "failed", "running", "paused", "interrupted", "shelved")
HEAVY = ("torch", "transformers", "optuna", "datasets", "accelerate", "sklearn")
WHAT_WAS_IMPORTED = f"""
import atexit, json, sys
def show():
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    print("imported:" + json.dumps(loaded), file=sys.stderr)
atexit.register(show)
from tuner.cli.main import main
main()
"""


def test_status_tells_how_a_study_stands(finished: Tuner) -> None:
    status = finished.json("status", "finished")
    trials, best = status["trials"], status["best"]
    assert list(status)[:4] == ["study", "state", "trials", "best"]
    assert (status["study"], status["state"]) == ("finished", "finished")
    assert set(trials) == {"total", *STATES}
    assert trials["total"] == trials["complete"] + trials["pruned"] == 20
    assert trials["pruned"] > 0
    assert set(best) == {"trial", "value"}
    assert status["budget"]["trials"] == 20
    assert 0 < status["budget"]["spent_s"] <= status["budget"]["spent_device_s"] * 1.5
    assert status["workers"] == []


def test_status_without_a_name_and_list_tell_of_every_study(finished: Tuner) -> None:
    status = finished.json("status", "finished")
    assert finished.json("status") == {"studies": [status]}
    assert finished.json("list") == {"studies": [{key: status[key] for key in ("study", "state", "trials", "best")}]}


def test_trials_tells_of_each_trial(finished: Tuner) -> None:
    view = finished.json("trials", "finished")
    assert view["study"] == "finished"
    assert [trial["number"] for trial in view["trials"]] == list(range(20))
    for trial in view["trials"]:
        assert list(trial) == [
            "number",
            "state",
            "value",
            "reason",
            "hyperparameters",
            "steps",
            "device_s",
            "restarts",
        ]
        assert list(trial["hyperparameters"])[:7] == SEVEN
        steps = [step["step"] for step in trial["steps"]]
        # A trial of six optimiser steps is evaluated after each, under the last look that it ends.
        assert steps == sorted(set(steps))
        assert set(steps) <= set(range(10, 101, 10))
        assert trial["restarts"] == 0
        assert trial["device_s"] > 0
        if trial["state"] == "pruned":
            assert trial["value"] == trial["steps"][-1]["value"]
            assert trial["reason"].startswith(f"{trial['value']:.4g} at {steps[-1]} %, needed ")
        else:
            assert (trial["state"], trial["reason"], steps[-1]) == ("complete", None, 100)


def test_best_tells_the_best_trial_and_what_was_really_trained(finished: Tuner) -> None:
    best = finished.json("best", "finished")
    trials = finished.json("trials", "finished")["trials"]
    complete = [trial for trial in trials if trial["state"] == "complete"]
    assert best["value"] == min(trial["value"] for trial in complete)
    assert (best["study"], best["metric"], best["direction"]) == ("finished", "loss", "minimize")
    assert best["hyperparameters"] == trials[best["trial"]]["hyperparameters"]
    assert list(best["hyperparameters"])[:7] == SEVEN
    rates = best["effective"]["learning_rates"]
    assert best["hyperparameters"]["learning_rate"] == pytest.approx(min(rates.values()))
    assert best["default"] == {"trial": 0, "value": trials[0]["value"]}
    assert {"trial": best["trial"], "value": best["value"]} == finished.json("status", "finished")["best"]


def test_show_tells_everything_of_one_trial(finished: Tuner) -> None:
    shown = finished.json("show", "finished", "0")
    trial = finished.json("trials", "finished")["trials"][0]
    assert trial.items() <= shown.items()
    assert [entry["step"] for entry in shown["evaluations"]] == list(range(10, 101, 10))
    assert {"train_loss", "validation_loss", "epoch", "learning_rate"} <= set(shown["evaluations"][0])
    assert shown["started"] < shown["ended"] or shown["started"] == shown["ended"]
    assert shown["ended"].endswith("Z")
    assert shown["effective"]["optimiser_steps"] > 0


@pytest.mark.parametrize("arguments", [("status",), ("list",), ("trials", "finished"), ("best", "finished")])
def test_people_get_lines_instead_of_json(finished: Tuner, arguments: tuple[str, ...]) -> None:
    done = finished.ok(*arguments)
    assert not done.stdout.startswith("{")
    assert done.stderr == ""
    if arguments[0] == "trials":
        assert len(done.stdout.splitlines()) == 21  # with the titles of the columns


def test_show_writes_a_trial_for_people(finished: Tuner) -> None:
    lines = finished.ok("show", "finished", "0").stdout.splitlines()
    assert lines[0].startswith("Trial 0 of finished: complete, loss 0.")
    assert lines[1].startswith("  This is the generic recipe") or lines[1].startswith("  This is the published recipe")
    assert [line for line in lines if line and not line.startswith(" ")][1:] == [
        "Hyperparameters",
        "Learning curve",
        "What was trained",
    ]
    assert any(line.split()[:2] == ["100", "%"] for line in lines)
    assert any(line.split()[:4] == ["machine", "fp32", "on", "cpu,"] for line in lines)
    assert not any(word in line for line in lines for word in ("###", "**", "|", "precision: no", "hidden states"))
    everything = finished.ok("show", "finished", "0", "--all").stdout.splitlines()
    assert [line for line in lines if line not in everything and not line.startswith("    ")] == []
    assert any(line.split()[:1] == ["gradients"] for line in everything)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("status", "finished"),
        ("list",),
        ("trials", "finished"),
        ("show", "finished", "0"),
        ("best", "finished"),
        ("logs", "finished"),
        ("config", "finished"),
        ("env",),
        ("status", "finished", "--json"),
    ],
)
def test_help_and_reading_commands_load_no_heavy_library(finished: Tuner, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", WHAT_WAS_IMPORTED, *arguments],
        cwd=finished.folder,
        env=dict(finished.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr == "imported:[]\n"


def test_help_of_every_command_is_there(tuner: Tuner) -> None:
    commands = [
        "init",
        "check",
        "start",
        "resume",
        "worker",
        "status",
        "list",
        "trials",
        "show",
        "best",
        "export",
        "delete",
        "dashboard",
    ]
    text = tuner.ok("--help").stdout
    for command in commands:
        assert f"\n  {command} " in text
    for command in ("start", "trials", "dashboard"):
        assert tuner.ok(command, "--help").stdout.startswith(f"Usage: tuner {command} ")
    assert list(tuner.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("status", "nobody"), 1, "no study 'nobody'"),
        (("best", "nobody"), 1, "there is: finished"),
        (("resume", "nobody"), 1, "no study 'nobody'"),
        (("export", "nobody", "out"), 1, "no study 'nobody'"),
        (("delete", "nobody", "--yes"), 1, "no study 'nobody'"),
        (("show", "finished", "99"), 1, "study 'finished' has no trial 99; the last is 19"),
        (("export", "finished", "out", "--trial", "99"), 1, "no trial 99"),
        (("status", "finished", "--storage", "sqlite:///nowhere.db"), 1, "there is no database"),
        (("status", "finished", "--storage", "gibberish"), 78, "storage 'gibberish' is no database URL"),
        (("statsu",), 2, "did you mean 'status'?"),
        (("start",), 2, "Missing argument"),
        (("status", "--frobnicate"), 2, "No such option"),
        (("show", "finished", "one"), 2, "not a valid integer"),
        (("start", "study.yaml", "--workers", "0"), 2, "--workers"),
        ((), 2, "Usage: tuner"),
    ],
)
def test_a_command_that_cannot_do_what_it_is_asked_says_why_and_exits_so(
    finished: Tuner, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = finished.run(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if code not in (0, 2):
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1


def test_a_study_without_a_complete_trial_has_no_best(tuner: Tuner) -> None:
    create_without_trials(tuner, "fresh")
    done = tuner.run("best", "fresh")
    assert done.returncode == 1
    assert done.stderr == "Error: study 'fresh' has no complete trial yet; `tuner status fresh` shows why\n"
    status = tuner.json("status", "fresh")
    assert (status["state"], status["best"]) == ("interrupted", None)
    assert status["trials"] == {"total": 4, **dict.fromkeys(STATES, 0)}
    assert tuner.json("trials", "fresh") == {"study": "fresh", "trials": []}
    assert tuner.run("export", "fresh", "out").returncode == 1


def test_a_database_in_which_nothing_has_begun_says_when_a_study_is_there(tuner: Tuner) -> None:
    from storage import Database

    url = f"sqlite:///{tuner.folder}/tuner.db"
    once = "`tuner start` makes one once data and model are read"
    assert once in tuner.run("status").stderr
    Database(url, create=True).close()
    for command in ("status", "list"):
        done = tuner.ok(command)
        assert (done.stdout, done.stderr) == (
            "",
            "There is no study yet; `tuner start STUDY.yaml` makes one once data and model are read.\n",
        )
    assert tuner.json("status") == {"studies": []}
    assert f"there is: none yet; {once}" in tuner.run("logs", "one").stderr


def test_delete_without_a_terminal_is_refused_in_a_line(tuner: Tuner) -> None:
    create_without_trials(tuner, "one")
    for typed in ("", "y\n"):
        done = tuner.run("delete", "one", stdin=typed)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "Error: nothing is removed: nobody can be asked without a terminal; `tuner delete one --yes` removes it\n"
        )
    assert tuner.json("status", "one")["study"] == "one"


@pytest.mark.rest
def test_delete_asks_first_and_removes_the_study_and_its_weights(tuner: Tuner) -> None:
    create_without_trials(tuner, "one")
    create_without_trials(tuner, "two")
    weights = tuner.folder / "tuner-checkpoints" / "one" / "trial-00000"
    weights.mkdir(parents=True)
    asked = b"Remove study 'one' with 0 trials and all checkpoints? [y/N]: "
    stays = b"Nothing is removed: study 'one' stays as it is."
    assert answer(tuner, "delete", "one", answers=[(asked, "n"), (stays, None)]) == 1
    assert tuner.json("status", "one")["study"] == "one"
    assert weights.exists()

    assert answer(tuner, "delete", "one", answers=[(asked, "y"), (b"Removed study 'one'.", None)]) == 0
    assert not weights.parent.exists()
    assert tuner.run("status", "one").returncode == 1
    assert tuner.run("delete", "two", "--yes").stdout == "Removed study 'two'.\n"
    assert tuner.json("list") == {"studies": []}


def create_without_trials(tuner: Tuner, name: str) -> None:
    """Create a study of which no trial has begun, as a command does that is stopped before its first one."""
    from storage import Database, Studies
    from tuner.study.study_file import read_config

    config = read_config(tuner.folder / tuner.study(name))
    with Database(f"sqlite:///{tuner.folder}/tuner.db", create=True) as database:
        Studies(database).create(
            name,
            direction="maximize",
            config=config.to_dict(),
            facts={},
            trials=config.budget.trials,
            first={"dropout": 0.1},
        )


def test_init_writes_a_study_file_once(tuner: Tuner) -> None:
    done = tuner.ok("init")
    assert done.stdout == "Wrote study.yaml. Next: tuner check study.yaml\n"
    written = (tuner.folder / "study.yaml").read_text(encoding="utf-8")
    again = tuner.run("init")
    assert again.returncode == 2
    assert "study.yaml exists; give another path" in again.stderr
    assert (tuner.folder / "study.yaml").read_text(encoding="utf-8") == written
    assert tuner.run("init", "nowhere/study.yaml").returncode == 2
    assert tuner.run("init", "--example", "nothing").returncode == 2
    assert document(tuner.folder / "study.yaml")["task"] == "text-classification"


def test_the_example_is_the_one_of_the_repository_and_can_be_read(tuner: Tuner) -> None:
    from tuner.study.study_file import read_config

    tuner.ok("init", "--example", "rotten-tomatoes")
    written = tuner.folder / "rotten-tomatoes.yaml"
    example = Path(__file__).parents[2] / "examples" / "rotten_tomatoes.yaml"
    assert written.read_bytes() == example.read_bytes()
    config = read_config(written)
    assert (config.name, config.budget.trials, config.budget.runs) == ("rotten-tomatoes", None, 4.0)


def document(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_json_of_a_reading_command_is_one_object_on_stdout(finished: Tuner) -> None:
    for arguments in (["status", "finished"], ["list"], ["trials", "finished"], ["best", "finished"]):
        done = finished.ok(*arguments, "--json")
        assert done.stderr == ""
        assert isinstance(json.loads(done.stdout), dict)
