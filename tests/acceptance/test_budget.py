"""Going on with a study: its budget, its file, and what the terminal shows meanwhile."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from acceptance_support import Tuner, points


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> tuple[Tuner, str, str]:
    """A study of 3 trials, then given 5 at a terminal; with stderr of the first run, and what the terminal showed."""
    tuner = new_tuner(tmp_path_factory.mktemp("grown"))
    # So long that a view which looks a few times a second sees each trial run.
    space = {"learning_rate": {"low": 1e-4, "high": 1e-3, "log": True}, "batch_size": [8, 16], "num_train_epochs": 6}
    study = tuner.study("grown", budget={"trials": 3}, evaluations=5, pruner="none", search_space=space)
    first = tuner.within(CUDA_VISIBLE_DEVICES="").ok("start", study, "--workers", "2")
    before = points(tuner.json("trials", "grown"))
    shown = at_a_terminal(tuner, "start", study, "--workers", "2", "--trials", "5")
    after = points(tuner.json("trials", "grown"))
    assert list(before) == [0, 1, 2]
    assert list(after) == [0, 1, 2, 3, 4]
    assert before.items() <= after.items()
    return tuner, first.stderr, shown


def at_a_terminal(tuner: Tuner, *arguments: str, timeout: float = 120) -> str:
    """Run the command with a terminal for its output; return everything that it was sent."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*tuner.command, *arguments],
        cwd=tuner.folder,
        env={**tuner.environment, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    received = b""
    deadline = time.monotonic() + timeout
    try:
        while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            try:
                chunk = os.read(ours, 1 << 16)
            except OSError:  # how Linux says that the other end is closed
                break
            received += chunk
        assert process.wait(timeout=10) == 0, received.decode(errors="replace")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return received.decode()


def test_a_larger_budget_runs_the_rest_and_stays(grown: tuple[Tuner, str, str]) -> None:
    tuner, _, _ = grown
    status = tuner.json("status", "grown")
    assert status["trials"] | {"total": 5, "complete": 5} == status["trials"]
    assert status["budget"]["trials"] == 5
    done = tuner.ok("start", "grown.yaml")  # whose file still says 3
    assert done.stdout.startswith("Study grown is finished: 5 of 5 trials (5 complete, 0 pruned, 0 failed).")
    assert done.stderr == ""
    assert tuner.ok("resume", "grown").stdout == done.stdout
    assert tuner.ok("worker", "grown").stdout == done.stdout
    assert tuner.json("status", "grown")["trials"]["total"] == 5


def test_a_changed_study_file_is_refused_with_the_keys_that_differ(grown: tuple[Tuner, str, str]) -> None:
    tuner, _, _ = grown
    document = yaml.safe_load((tuner.folder / "grown.yaml").read_text(encoding="utf-8"))
    before = tuner.json("trials", "grown")
    document["max_length"] = 12
    document["data"]["splits"]["test"] = "validation"
    document["search_space"]["batch_size"] = [8]
    (tuner.folder / "changed.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    done = tuner.run("start", "changed.yaml")
    assert done.returncode == 78
    assert done.stderr == (
        "Error: changed.yaml: study 'grown' exists with another data.splits.test, max_length, "
        "search_space.batch_size; give the study another name, or undo the change\n"
    )
    assert done.stdout == ""
    assert tuner.json("trials", "grown") == before


def test_the_summary_names_the_best_trial_and_what_to_do_next(grown: tuple[Tuner, str, str]) -> None:
    tuner, _, _ = grown
    best = tuner.json("best", "grown")
    text = tuner.ok("start", "grown.yaml").stdout
    published = best["recipe"]
    (row,) = re.findall(r"^  best +(\d+) +(\S+) +\d+ right +\S.*$", text, re.MULTILINE)
    assert row == (str(best["trial"]), f"{best['value']:.4f}")
    if best["trial"]:
        assert re.search(rf"^  recipe +0 +{published['value']:.4f} +\d+ right +\S.*$", text, re.MULTILINE)
    assert f"rial 0 (accuracy {published['value']:.4f}, " in text
    assert re.search(r"^  Verdict: \S", text, re.MULTILINE)
    assert "Trial 0 is the published recipe, changed by your space: " in text
    for change in published["changes"]:
        assert f"(published {change['published']:g})" in text
    spent = tuner.json("status", "grown")["spent"]
    assert spent["runs"] > 1
    assert f"Spent: {spent['runs']:.1f} runs (" in text
    assert text.splitlines()[-4:] == [
        "  See it     tuner dashboard",
        "  Settle it  tuner test grown",
        "  Go on      tuner resume grown --trials 13",
        "  Take it    tuner export grown grown-model",
    ]


def test_a_pipe_gets_one_line_an_event(grown: tuple[Tuner, str, str]) -> None:
    _, piped, _ = grown
    timed = piped.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in timed), piped
    told, *lines = [line[20:] for line in timed]
    assert told == "no GPU found: trials train on the CPU"
    assert lines[0] == "study grown: 0 of 3 trials finished, 2 workers"
    events = [
        r"trial \d started on cpu: lr \S+ batch \d+ epochs \d+ .*frozen \S+",
        r"trial \d \d+ %: value \d\.\d{4}, training loss \d+\.\d{4}, validation loss \d+\.\d{4}",
        r"trial \d complete value \d\.\d{4}( \(.*\))? after \d+s; \d/3, best \d\.\d{4} \(trial \d\)(, about \S+ left)?",
    ]
    counts = [sum(re.fullmatch(event, line) is not None for line in lines) for event in events]
    assert counts[0] == counts[2] == 3
    assert sum(counts) == len(lines) - 1, piped
    assert "\x1b" not in piped


def test_a_terminal_shows_the_running_trials_with_their_curves_the_best_and_the_time_left(
    grown: tuple[Tuner, str, str],
) -> None:
    _, _, shown = grown
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.search(r"RUNNING  where  done +accuracy  curve", plain)
    assert re.search(r" [34] +cpu:[01] +[█░]{10}", plain)
    assert re.search(r" [345]/5  .* gone(, about \S+ left)?", plain)
    assert re.search(r"BEST .*accuracy +against trial 0 \(noise is about ", plain)
    assert re.search(r"^  best +\d ", plain, re.MULTILINE)
