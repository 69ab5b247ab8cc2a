"""The test split: locked until it is opened, opened once, and what it tells is of the weights that are exported."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, records_of
from test_export import evaluate_without_us

pytestmark = pytest.mark.rest

NAME = "judged"
STUDY: dict[str, Any] = {"search": "plain", "budget": {"trials": 3}, "checkpoints": "store", "seed": 3}
LEASE = ("--lease", "2s")
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


def verdict_of(tuner: Tuner, *where: str) -> Any:
    return tuner.json("best", NAME, *where)["verdict"]


def note_of(url: str) -> str:
    """Return the note that optuna-dashboard shows beside the study."""
    from storage import Database, Studies
    from tuner.search.dashboard_note import note_text

    with Database(url) as database:
        study = Studies(database).get(NAME)
        return note_text(None, database.optuna_storage.get_study_system_attrs(study.id))


def openings(url: str) -> list[str]:
    """Return what the event log tells of the test split."""
    told = [event["detail"] for event in records_of(NAME, url).events if event["kind"] == "judged"]
    return [each for each in told if "test" in each]


@pytest.fixture(scope="module")
def searched(new_tuner: Callable[[Path], Tuner], tmp_path_factory: pytest.TempPathFactory) -> Tuner:
    """A study that is over, and whose test split is closed."""
    tuner = new_tuner(tmp_path_factory.mktemp("searched"))
    tuner.ok("start", tuner.study(NAME, **STUDY), *LEASE)
    return tuner


@pytest.fixture
def closed(searched: Tuner, tmp_path: Path) -> Tuner:
    """The same in a folder of its own."""
    shutil.copytree(searched.folder, tmp_path / "copy")
    return replace(searched, folder=tmp_path / "copy")


def test_the_verdict_is_that_of_plain_transformers_on_the_exported_weights(closed: Tuner, tmp_path: Path) -> None:
    assert verdict_of(closed) is None
    assert "test split: 20 rows, locked; `tuner test` opens it, once" in closed.ok("status", NAME).stdout
    found = closed.json("test", NAME)
    verdict = found["verdict"]
    closed.ok("export", NAME, str(tmp_path / "winner"))
    closed.ok("export", NAME, str(tmp_path / "recipe"), "--trial", "0")
    with (closed.data / "test.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    winner, _ = evaluate_without_us(tmp_path / "winner", rows)
    recipe, _ = evaluate_without_us(tmp_path / "recipe", rows)
    assert verdict["test_value"] == pytest.approx(winner, abs=1e-6)
    assert verdict["recipe_value"] == pytest.approx(recipe, abs=1e-6)
    assert verdict["difference"] == pytest.approx(winner - recipe, abs=1e-6)
    assert (verdict["split"], verdict["rows"], verdict["guess"]) == ("test", 20, 0.5)
    assert verdict["word"] in ("better", "indistinguishable")
    assert verdict["interval"][0] <= verdict["difference"] <= verdict["interval"][1]
    assert verdict["trial"] == closed.json("best", NAME)["trial"]
    for shown in (closed.ok("best", NAME).stdout, closed.ok("status", NAME).stdout):
        assert found["sentences"][0] in shown
    assert found["sentences"][0] in note_of(f"sqlite:///{closed.folder}/tuner.db")
    again = closed.run("test", NAME)
    method = "McNemar's exact test of the rows that one of the two alone gets right: p = "
    *sentences, told, trial_0 = again.stdout.splitlines()
    assert (again.returncode, sentences) == (0, found["sentences"])
    assert told == f"{method}{verdict['p_value']:.2g}."
    assert trial_0.startswith("Trial 0 is the published recipe, changed by your space: ")
    assert "the test split was opened before; nothing is read again" in again.stderr
    assert len(openings(f"sqlite:///{closed.folder}/tuner.db")) == 2, "it is opened, and tells its verdict"


def test_a_study_that_goes_on_after_its_verdict_says_that_its_test_split_is_spent(closed: Tuner) -> None:
    before = closed.json("test", NAME)["verdict"]
    closed.ok("resume", NAME, "--trials", "8", *LEASE)
    best, after = closed.json("best", NAME)["trial"], verdict_of(closed)
    assert {**after, "is_of_best": None, "sentences": None} == {**before, "is_of_best": None, "sentences": None}
    assert after["is_of_best"] is (best == before["trial"])
    spent = f"Its test split is spent: the study went on after, and trial {best} has no test value."
    assert (spent in closed.ok("best", NAME).stdout) is (best != before["trial"])
    kept = closed.run("export", NAME, "old", "--trial", str(before["trial"]))
    assert kept.returncode == 0, "the weights that the verdict is about stay"


def test_a_study_that_is_not_over_keeps_its_test_split_closed(closed: Tuner) -> None:
    closed.ok("edit", NAME, "--trials", "4")
    done = closed.run("test", NAME)
    assert done.returncode == 1
    assert "is not over, and its test split can be opened once" in done.stderr
    assert openings(f"sqlite:///{closed.folder}/tuner.db") == []
    assert closed.json("test", NAME, "--now")["verdict"]["rows"] == 20


def test_a_study_without_a_test_split_is_told_how_to_have_one(tuner: Tuner) -> None:
    data = {"source": str(tuner.data), "splits": {"train": "train", "validation": "validation"}}
    refused = tuner.run("start", tuner.study("bare", data=data, test="at_end"))
    assert refused.returncode == 78
    told = "bare.yaml: test: is 'at_end': there is no test split; give data.splits.test rows, or leave `test` out"
    assert told in refused.stderr
    tuner.ok("start", tuner.study("bare", data=data, search="plain", budget={"trials": 1}))
    done = tuner.run("test", "bare")
    assert done.returncode == 78
    assert "data.splits.test: is missing" in done.stderr
    assert "The study has no test split that could tell more." in tuner.ok("best", "bare").stdout


def test_nothing_reads_the_test_split_before_it_is_opened(tuner: Tuner, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    watched = tmp_path / "watched"
    watched.mkdir()
    # Every Python process of the command notes the files of the locked split that it opens, and maps.
    (watched / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def watch(event, arguments):\n"
        "    if event == 'open' and '/locked/' in str(arguments[0]) and 'r' in str(arguments[1] or 'r'):\n"
        f"        with os.fdopen(os.open({str(opened)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 'a') as file:\n"
        "            file.write(str(arguments[0]) + '\\n')\n"
        "sys.addaudithook(watch)\n",
        encoding="utf-8",
    )
    command = tuner.cold.within(PYTHONPATH=str(watched), TUNER_CACHE=str(tmp_path / "cache"))
    command.ok("start", command.study(NAME, **STUDY), *LEASE)
    # Preparation writes it; nothing is read.
    opened.unlink(missing_ok=True)
    others = ("status", "best", "errors"), ("export", NAME, "model"), ("refit", NAME, "refitted")
    confirm = ("confirm", NAME, "--top", "1", "--seeds", "1")
    for arguments in (*((name, NAME) for name in others[0]), *others[1:], confirm, ("resume", NAME, "--trials", "4")):
        command.ok(*arguments)
    assert not opened.exists(), opened.read_text(encoding="utf-8")
    command.ok("test", NAME)
    assert "locked/test" in opened.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("backend", "points"),
    [("sqlite", ("opening", "opened", "tested")), ("postgresql", ("opened",)), ("mariadb", ("tested",))],
)
def test_it_is_opened_once_though_its_machine_is_killed_and_two_others_ask_at_once(
    tuner: Tuner, backend: str, points: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tuner.folder}/tuner.db"
    if backend != "sqlite":
        url = request.getfixturevalue({"postgresql": "postgres_url", "mariadb": "mariadb_url"}[backend])
    where = (*LEASE, "--storage", url)
    tuner.ok("start", tuner.study(NAME, **STUDY), *where)
    for point in points:
        crashed = replace(tuner, command=(*CRASHING, point, "1", "SIGKILL")).run("test", NAME, *where)
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
    ask = ("test", NAME, "--json", *where)
    with tuner.running(*ask) as one, tuner.running(*ask) as other:
        assert (one.wait(), other.wait()) == (0, 0), one.stderr + other.stderr
    verdicts = [json.loads(each.stdout)["verdict"] for each in (one, other)]
    assert verdicts[0] == verdicts[1]
    told = openings(url)
    assert len(told) == 2, told
    assert told[0].startswith("the test split is opened for trials 0, ")


def test_a_study_that_asks_for_it_opens_its_test_split_at_its_end_and_not_before(tuner: Tuner) -> None:
    study = tuner.study(NAME, **{**STUDY, "test": "at_end"})
    crashed = replace(tuner, command=(*CRASHING, "opened", "1", "SIGKILL")).run("start", study, *LEASE)
    assert crashed.returncode == -signal.SIGKILL
    assert verdict_of(tuner) is None
    done = tuner.ok("start", study, *LEASE)
    verdict = verdict_of(tuner)
    assert verdict["sentences"][0] in done.stdout
    assert len(openings(f"sqlite:///{tuner.folder}/tuner.db")) == 2
    assert "Study judged is finished" in tuner.ok("start", study, *LEASE).stdout


def test_the_mistakes_of_the_winner_are_told_with_file_and_line_of_validation_and_then_of_the_test_split(
    closed: Tuner,
) -> None:
    for split in ("validation", "test"):
        found = closed.json("errors", NAME)
        assert found["split"] == split
        with (closed.data / f"{split}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert found["rows"] == len(rows)
        assert sum(map(sum, found["confusion"])) == len(rows)
        assert sum(found["confusion"][number][number] for number in range(2)) == found["right"]
        for each in (*found["confident_mistakes"], *found["only_winner"], *found["only_recipe"]):
            name, _, line = each["place"].partition(", line ")
            assert name.endswith(f"{split}.csv")
            row = rows[int(line) - 2]
            assert (each["text"], each["label"]) == (row["text"], row["label"])
            winner = each["predictions"][-1]["label"] == row["label"]
            assert winner is (each in found["only_winner"])
        shown = closed.ok("errors", NAME).stdout
        assert shown.startswith(
            f"trial {found['trial']} gets {len(rows) - found['right']} of {len(rows)} {split} rows wrong\n"
        )
        closed.ok("test", NAME)
