"""A report of a study: the same numbers as those of the reading commands, in one file that a browser opens offline."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from acceptance_support import Gate, Tuner
from browsers import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.rest

#: Ends the weaker half of the trials early.
PRUNER = {"name": "percentile", "percentile": 50, "n_startup_trials": 2, "n_warmup_steps": 10, "n_min_trials": 2}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """A finished study `judged` of two trials, of texts with classes; and its report `judged.json`."""
    tuner = new_tuner(tmp_path_factory.mktemp("judged"))
    space = {"learning_rate": {"low": 3e-4, "high": 2e-2, "log": True}, "num_train_epochs": 3}
    tuner.ok("start", tuner.study("judged", search_space=space, budget={"trials": 2}, search="plain", pruner="none"))
    assert tuner.ok("report", "judged", "judged.json").stdout == "Wrote judged.json\n"
    return tuner


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """A finished study `toy` without a model, with pruned trials; and its report `toy.html`."""
    tuner = new_tuner(tmp_path_factory.mktemp("toy"))
    tuner.ok("start", tuner.toy_study("toy", budget={"trials": 12}, pruner=PRUNER))
    tuner.ok("report", "toy", "toy.html")
    return tuner


@pytest.fixture
def page(toy: Tuner) -> Iterator[Page]:
    """The report of `toy` in a browser that has no network, and that must complain of nothing."""
    complaints: list[str] = []
    with chromium() as browser, browser.new_context(offline=True) as context:
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("requestfailed", lambda request: complaints.append(request.url))
        opened.goto((toy.folder / "toy.html").as_uri())
        yield opened
    assert complaints == []


def test_the_numbers_of_a_report_are_those_that_the_reading_commands_print(judged: Tuner) -> None:
    told = json.loads((judged.folder / "judged.json").read_text(encoding="utf-8"))
    assert told["status"] == judged.json("status", "judged")
    assert told["best"] == judged.json("best", "judged")
    assert told["trials"] == [judged.json("show", "judged", str(number)) for number in range(2)]
    assert told["errors"] == judged.json("errors", "judged")
    assert told["data"]["account"]["rows"]["splits"] == {"train": 96, "validation": 40, "test": 20}
    assert told["missing"] is None


def test_json_prints_the_report_and_without_examples_nothing_slow_is_done(judged: Tuner) -> None:
    told = judged.json("report", "judged", "--no-examples")
    written = json.loads((judged.folder / "judged.json").read_text(encoding="utf-8"))
    assert (told["errors"], told["data"]["account"]) == (None, None)
    assert "without examples" in told["missing"]
    same = ("study", "sentences", "status", "best", "trials", "cost", "repeat")
    assert [told[key] for key in same] == [written[key] for key in same]


def test_on_a_machine_without_the_data_the_report_says_that_its_examples_are_missing(judged: Tuner) -> None:
    done = judged.ok("report", "judged", "elsewhere.md", "--data", "nowhere.csv")
    assert "Left out: the confusion and the examples. This machine could not judge the models: " in done.stderr
    assert "nowhere.csv" in (judged.folder / "elsewhere.md").read_text(encoding="utf-8")


def test_a_browser_shows_a_report_without_a_network(page: Page) -> None:
    drawn = page.locator("figure svg")
    assert drawn.count() == 6
    for number in range(drawn.count()):
        box = drawn.nth(number).bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 50
    assert page.get_by_role("img").count() == drawn.count()
    assert "full runs of trial 0" in page.locator("#costs svg text").all_text_contents()


def test_the_trials_of_a_page_are_sorted_by_a_click(page: Page, toy: Tuner) -> None:
    trials: list[dict[str, Any]] = toy.json("trials", "toy")["trials"]
    first = page.locator("#trials tbody tr th")
    assert first.all_inner_texts() == [str(trial["number"]) for trial in trials]
    heading = page.locator("#trials thead").get_by_role("button", name="score")
    heading.click()
    upward = [str(trial["number"]) for trial in sorted(trials, key=lambda trial: trial["value"])]
    assert first.all_inner_texts() == upward
    heading.click()
    assert first.all_inner_texts() == upward[::-1]


def test_a_report_replaces_a_report_and_nothing_else_and_leaves_no_half_file(toy: Tuner) -> None:
    def written() -> set[str]:
        return {path.name for path in toy.folder.iterdir()}

    mine = toy.folder / "mine.md"
    mine.write_text("# My notes\n", encoding="utf-8")
    before = written()
    refused = toy.run("report", "toy", "mine.md")
    assert (refused.returncode, mine.read_text(encoding="utf-8")) == (1, "# My notes\n")
    assert (
        refused.stderr
        == "Error: mine.md exists and is no report of tuner; give another FILE, or --force to replace it\n"
    )
    toy.ok("report", "toy", "mine.md", "--force")
    toy.ok("report", "toy", "mine.md")
    toy.ok("report", "toy", "toy.html")
    assert mine.read_text(encoding="utf-8").startswith("<!-- shichimi report ")
    assert written() == before
    assert mine.stat().st_mode & 0o777 == 0o666 & ~_umask()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("toy", "report.pdf"), 2, "report.pdf: a report ends in .html, .md or .json"),
        (("toy",), 2, "give a FILE, such as toy.html; or --json, which prints the report"),
        (("toy", "nowhere/toy.html"), 1, "nowhere is no folder; make it, or give another FILE"),
        (("nobody", "nobody.html"), 1, "no study 'nobody'"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_in_one_line(
    toy: Tuner, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = toy.run("report", *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_paused_study_and_one_without_a_complete_trial_have_a_report_on_each_database(
    gated: Tuner, gate: Gate, url: str
) -> None:
    where = ("--storage", url)
    with gated.running("start", gated.toy_study("held"), *where, "--checkpoints", "store", "--beat", "0.5s") as running:
        gate.open(8)  # no trial comes to its end
        running.wait_for(r"trial 0 10 %")
        gated.ok("pause", "held", *where)
        assert running.wait() == 0, running.stderr
    told = gated.json("report", "held", "held.html", *where)
    assert told["status"]["state"] == "paused"
    assert told["best"] is None
    assert told["status"] == gated.json("status", "held", *where)
    page = (gated.folder / "held.html").read_text(encoding="utf-8")
    assert "The study is paused." in page
    gated.ok("report", "held", "held.md", *where)


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found
