"""Looking at a study: columns, csv, following the log, the configuration, the machine, and what the shell completes."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest
from acceptance_support import COMMAND, Gate, Tuner

pytestmark = pytest.mark.rest

#: Fails at its second evaluation, in line 5 of its file, in trial 1.
FAILING = """\
import toy_training


def broken(run):
    return {}["alpha"]


def train(run):
    for evaluation in toy_training.train(run):
        if run.number == 1 and evaluation.step == 20:
            broken(run)
        yield evaluation
"""


def at_a_terminal(tuner: Tuner, columns: int, *arguments: str, **environment: str) -> list[str]:
    """Run the command at a terminal of so many columns; return the lines that it was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {key: value for key, value in tuner.environment.items() if key != "COLUMNS"}
    process = subprocess.Popen(
        [str(COMMAND), *arguments],
        cwd=tuner.folder,
        env={**inherited, "TERM": "xterm", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    received = b""
    deadline = time.monotonic() + 60
    while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            received += os.read(ours, 1 << 16)
        except OSError:  # how Linux says that the other end is closed
            break
    os.close(ours)
    assert process.wait(timeout=10) == 0
    return received.decode().replace("\r\n", "\n").splitlines()


def test_a_table_is_as_wide_as_the_terminal_with_states_in_colour(finished: Tuner) -> None:
    for columns in (60, 80, 140):
        lines = at_a_terminal(finished, columns, "trials", "finished")
        plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
        assert max(map(len, plain)) <= columns
        assert plain[0].split()[:3] == ["trial", "state", "loss"]
        assert [line.split()[0] for line in plain[1:21]] == [str(number) for number in range(20)]
    assert any("\x1b[32mcomplete" in line for line in lines)
    assert not any(
        "\x1b" in line for line in at_a_terminal(finished, 80, "trials", "finished", NO_COLOR="1", TERM="dumb")
    )


def test_a_pipe_gets_the_same_columns_without_colours(finished: Tuner) -> None:
    for columns, width in (("100", 100), ("", 120)):
        lines = finished.within(COLUMNS=columns).ok("trials", "finished").stdout.splitlines()
        assert max(map(len, lines)) <= width
        assert "\x1b" not in "".join(lines)
        assert all(line == line.rstrip() for line in lines)


def test_trials_are_sorted_chosen_and_written_as_csv(finished: Tuner) -> None:
    every = finished.json("trials", "finished")["trials"]
    complete = sorted((each for each in every if each["state"] == "complete"), key=lambda each: each["value"])
    best = finished.ok("trials", "finished", "--top", "3").stdout.splitlines()[1:4]
    assert [int(line.split()[0]) for line in best] == [each["number"] for each in complete[:3]]
    pruned = finished.json("trials", "finished", "--state", "pruned")["trials"]
    assert pruned == [each for each in every if each["state"] == "pruned"]
    by_rate = finished.json("trials", "finished", "--sort", "learning_rate")["trials"]
    rates = [each["hyperparameters"]["learning_rate"] for each in by_rate]
    assert rates == sorted(rates)
    rows = list(csv.DictReader(io.StringIO(finished.ok("trials", "finished", "--csv").stdout)))
    assert [(int(row["number"]), float(row["value"])) for row in rows] == [(t["number"], t["value"]) for t in every]
    assert [float(row["learning_rate"]) for row in rows] == [t["hyperparameters"]["learning_rate"] for t in every]
    for arguments in (("--csv", "--json"), ("--state", "lost")):
        assert finished.run("trials", "finished", *arguments).returncode == 2
    misspelt = finished.run("trials", "finished", "--sort", "learning_rat")
    assert misspelt.returncode == 2
    assert "no trial has it; did you mean 'learning_rate'?" in misspelt.stderr


def test_logs_follow_a_study_until_it_is_over(gated: Tuner, gate: Gate) -> None:
    study = gated.toy_study("held", budget={"trials": 2})
    with gated.running("start", study) as running:
        running.wait_for("trial 0 started")
        with gated.running("logs", "held", "--follow") as all_of_it, gated.running("logs", "held", "0", "-f") as one:
            gate.open()
            assert running.wait() == 0, running.stderr
            assert all_of_it.wait() == one.wait() == 0, all_of_it.stderr + one.stderr
    assert all_of_it.stdout == gated.ok("logs", "held").stdout
    assert one.stdout == gated.ok("logs", "held", "0").stdout
    lines = all_of_it.stdout.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", line) for line in lines)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{16}", all_of_it.stdout), "workers have short names"
    assert "complete" in lines[-1]


def test_ctrl_c_ends_following(gated: Tuner, gate: Gate) -> None:
    study = gated.toy_study("held", budget={"trials": 1})
    with gated.running("start", study) as running:
        running.wait_for("trial 0 started")
        following = subprocess.Popen(
            [str(COMMAND), "logs", "held", "-f"],
            cwd=gated.folder,
            env=dict(gated.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert following.stdout is not None
        assert "claimed" in following.stdout.readline()
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=60)
        assert following.returncode == 130
        assert "Traceback" not in said
        gate.open()
        assert running.wait() == 0, running.stderr


def test_the_configuration_of_a_study_is_a_file_that_starts_it_again(tuner: Tuner) -> None:
    tuner.ok("start", tuner.toy_study("told", budget={"trials": 1}, checkpoint_limit="1GB"))
    told = tuner.ok("config", "told").stdout
    (tuner.folder / "again.yaml").write_text(told, encoding="utf-8")
    again = tuner.ok("start", "again.yaml")
    assert again.stdout.startswith("Study told is finished: 1 of 1 trials"), again.stdout
    assert again.stderr == ""
    view = tuner.json("config", "told")
    assert list(view) == ["study", "config", "space"]
    assert view["config"]["checkpoint_limit"] == 2**30
    elsewhere = ("--storage", "sqlite:///other.db")
    tuner.ok("start", "again.yaml", *elsewhere)
    assert tuner.json("config", "told", *elsewhere) == view


def test_what_a_bug_report_needs_has_no_secret_in_it(tuner: Tuner) -> None:
    secret = "geheim123"
    telling = tuner.within(TUNER_STORAGE=f"postgresql://me:{secret}@127.0.0.1:1/x", HF_TOKEN=secret)
    text, view = telling.ok("env").stdout, telling.json("env")
    assert secret not in text + json.dumps(view)
    assert f"torch {view['packages']['torch']}" in text
    assert view["hub"] == {"offline": True}
    assert view["database"]["answers"] is False
    assert tuner.json("env")["database"] == {
        "kind": "sqlite",
        "answers": False,
        "studies": None,
        "problem": "there is none yet",
    }
    assert not (tuner.folder / "tuner.db").exists()


def test_a_shell_completes_studies_and_trials(finished: Tuner) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = (
        'eval "$(_TUNER_COMPLETE=bash_source tuner)"\n'
        'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _tuner_completion tuner; '
        'echo "${COMPREPLY[@]}"; }\n'
        'ask tuner show ""\nask tuner show finished 1\nask tuner trials finished --sort num\nask tuner st\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        cwd=finished.folder,
        env=dict(finished.environment),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "finished",
        "1 10 11 12 13 14 15 16 17 18 19",
        "number num_train_epochs",
        "start status stop",
    ]


@pytest.mark.parametrize("variables", [{"TUNER_STORAGE": "nonsense"}, {"TUNER_STORAGE_FILE": "/nowhere"}])
def test_an_error_says_nothing_to_somebody_who_types(tuner: Tuner, variables: dict[str, str]) -> None:
    asked = {"_TUNER_COMPLETE": "bash_complete", "COMP_WORDS": "tuner show ", "COMP_CWORD": "2"}
    done = tuner.within(**variables, **asked).cold.ok("show")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_own_training_that_fails_is_named_with_its_line_and_the_log(tuner: Tuner) -> None:
    (tuner.folder / "failing.py").write_text(FAILING, encoding="utf-8")
    tuner.ok("start", tuner.toy_study("failing", train="failing:train", budget={"trials": 2}))
    log = tuner.folder / "tuner-checkpoints" / "failing" / "trainers.log"
    trial = tuner.json("trials", "failing", "--state", "failed")["trials"][0]
    assert (trial["number"], trial["reason"]) == (1, f"KeyError: 'alpha' at failing.py:5; log: {log}")
    assert 'failing.py", line 5, in broken' in log.read_text(encoding="utf-8")
    assert "KeyError: 'alpha' at failing.py:5" in tuner.ok("show", "failing", "1").stdout


def test_a_model_that_is_not_cached_is_told_in_a_line_where_the_hub_is_not_asked(tuner: Tuner) -> None:
    done = tuner.run("start", tuner.study("away", model="nobody/no-such-model"))
    why = "the hub cannot be reached (or HF_HUB_OFFLINE=1 is set)"
    assert (done.returncode, done.stderr) == (1, f"Error: model 'nobody/no-such-model' is not cached here, and {why}\n")
