"""The dashboard in Chromium: what a person sees, and what a script in an uploaded file cannot do."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from acceptance_support import Tuner
from asking import ADDRESS, ask
from browsers import chromium
from optuna.artifacts import FileSystemArtifactStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.rest

TOKEN = "0123456789abcdef0123456789abcdef"
#: Calls the page's own API, and so deletes, where it runs as the dashboard's.
ATTACK = b"""<script>
fetch("/api/studies/1", {method: "DELETE"}); document.title = "it ran"; localStorage.setItem("ran", "1")
</script>"""
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg"><script>localStorage.setItem("ran", "1")</script></svg>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these tests."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Tuner:
    """A finished study `watched` of three trials, the first with two files."""
    tuner = new_tuner(tmp_path_factory.mktemp("watched"))
    tuner.ok("start", tuner.toy_study("watched"))
    (tuner.folder / "files").mkdir()
    store = FileSystemArtifactStore(tuner.folder / "files")
    storage = optuna.storages.RDBStorage(f"sqlite:///{tuner.folder}/tuner.db")
    for name, content, kind in (("page.html", ATTACK, "text/html"), ("picture.svg", PICTURE, "image/svg+xml")):
        key = str(uuid.uuid4())
        store.write(key, io.BytesIO(content))
        meta = {"artifact_id": key, "filename": name, "mimetype": kind, "encoding": None}
        storage.set_study_system_attr(1, f"artifacts:{key}", json.dumps(meta))
    storage.remove_session()
    storage.engine.dispose()
    return tuner


@pytest.fixture(scope="module")
def address(study: Tuner) -> Iterator[str]:
    arguments = ("dashboard", "--port", "0", "--artifacts", "files")
    with study.within(TUNER_DASHBOARD_TOKEN=TOKEN).running(*arguments) as running:
        yield running.wait_for(ADDRESS)[1]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser says of the page."""
    return []


@pytest.fixture
def page(browser: Browser, address: str, complaints: list[str]) -> Iterator[Page]:
    """A page that logs in."""
    with browser.new_context(http_credentials={"username": "me", "password": TOKEN}) as context:
        context.set_default_timeout(60_000)
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened


@pytest.fixture
def whole(page: Page, complaints: list[str]) -> Iterator[Page]:
    """A page that must find all that it needs."""
    yield page
    assert complaints == []


def trials_of(study: Tuner) -> list[dict[str, Any]]:
    trials: list[dict[str, Any]] = study.json("trials", "watched")["trials"]
    return trials


def test_who_cannot_log_in_sees_nothing(browser: Browser, address: str) -> None:
    from playwright.sync_api import Error

    with browser.new_context() as context, pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        context.new_page().goto(f"{address}/dashboard")  # a person would be asked for them
    with browser.new_context(http_credentials={"username": "me", "password": "a guess"}) as context:
        page = context.new_page()
        page.goto(f"{address}/dashboard/studies/1")
        assert page.locator("body").inner_text().strip() == "that is not the dashboard's token, or not the password"


def test_who_logs_in_finds_the_study(whole: Page, address: str) -> None:
    whole.goto(address)
    whole.get_by_text("watched").first.click()
    whole.wait_for_url("**/dashboard/studies/1**")


def test_the_trials_are_listed_and_each_is_shown_with_its_value_and_its_note(
    whole: Page, address: str, study: Tuner
) -> None:
    trials = trials_of(study)
    whole.goto(f"{address}/dashboard/studies/1/trials?numbers=0")
    whole.get_by_text(f"{len(trials)} Trials").wait_for()
    for trial in trials:
        whole.get_by_text(f"Trial {trial['number']}", exact=True).click()
        whole.get_by_role("heading", name=f"Trial {trial['number']} (").wait_for()
        whole.get_by_text(f"complete, value {trial['value']:.6g}").wait_for()
        whole.get_by_role("heading", name="Learning curve").wait_for()
        whole.get_by_role("heading", name="Effective configuration").wait_for()
        rows = whole.locator("table").first.locator("tbody tr")
        assert [row.split()[0] for row in rows.all_inner_texts()] == [str(step["step"]) for step in trial["steps"]]


def test_the_curves_of_the_trials_are_drawn(whole: Page, address: str, study: Tuner) -> None:
    trials = trials_of(study)
    whole.goto(f"{address}/dashboard/studies/1")
    curves = whole.locator("#graph-intermediate-values .trace.scatter")
    curves.nth(len(trials) - 1).wait_for(state="attached")
    points = [curves.nth(number).locator(".point").count() for number in range(curves.count())]
    assert points == [len(trial["steps"]) for trial in trials]


def test_a_change_that_is_refused_is_told_on_the_page(page: Page, address: str, study: Tuner) -> None:
    page.goto(f"{address}/dashboard")
    page.get_by_text("watched").first.wait_for()
    said = page.evaluate("fetch('/api/studies/1', {method: 'DELETE'}).then(answer => answer.json())")
    assert "--allow-writes" in said["reason"]
    assert len(trials_of(study)) == 3


@pytest.mark.parametrize("name", ["page.html", "picture.svg"])
def test_a_script_in_a_file_does_not_run(
    page: Page, complaints: list[str], address: str, study: Tuner, name: str
) -> None:
    known = f"Bearer {TOKEN}"
    files = ask(address, "/api/studies/1", authorization=known).json["artifacts"]
    key = next(each["artifact_id"] for each in files if each["filename"] == name)
    path = f"/artifacts/1/{key}"
    # Beside the study, as the page shows files.
    page.goto(f"{address}/dashboard/studies/1")
    page.get_by_text(name).first.wait_for()
    assert complaints == []
    # Followed as a link, it is saved and not shown.
    with page.expect_download() as download:
        page.evaluate("path => { window.location.href = path }", path)
    assert Path(download.value.path()).read_bytes() in (ATTACK, PICTURE)
    # In a frame or as an object, of the dashboard's own page, neither.
    page.evaluate(
        """path => new Promise(done => {
            const frame = document.createElement("iframe"); frame.src = path; document.body.append(frame);
            const other = document.createElement("object"); other.data = path; document.body.append(other);
            fetch(path).then(answer => answer.text()).then(done)
        })""",
        path,
    )
    assert page.evaluate("localStorage.getItem('ran')") is None
    assert page.title() != "it ran"
    assert len(trials_of(study)) == 3


#: Graphs of tuner's, and what is drawn in each.
GRAPHS = {
    "learning-curves": ".scatter .point",
    "score-against-cost": ".scatter .point",
    "hyperparameters": ".parcoords .axis",
    "search-by-depth": ".bars .point",
    "timeline": ".bars .point",
}


def test_the_graphs_of_tuners_are_drawn_and_values_have_the_name_of_the_metric(whole: Page, address: str) -> None:
    whole.goto(f"{address}/dashboard/studies/1")
    for graph, mark in GRAPHS.items():
        drawn = whole.locator(f'[id="user-defined-plot:{graph}"]')
        drawn.locator(mark).first.wait_for(state="attached")
        box = drawn.bounding_box()
        assert box is not None
        assert box["height"] > 100
    whole.locator("#plot-history").get_by_text("score").first.wait_for()
    assert whole.get_by_text("Objective 0").count() == 0
    whole.get_by_text("score, higher is better").wait_for()


def test_the_note_of_the_study_is_a_page(whole: Page, address: str) -> None:
    whole.goto(f"{address}/dashboard/studies/1/note")
    whole.get_by_role("heading", name="watched: finished").wait_for()
    whole.get_by_role("heading", name="How to read this page").wait_for()
    assert "[tuner]" not in whole.locator("body").inner_text()
    # Of what is refused, nothing is offered.
    pencil = whole.locator('[data-testid="EditIcon"]')
    assert pencil.count() >= 1
    assert not pencil.first.is_visible()


def test_the_files_of_a_trial_are_offered_and_hold_its_metrics(whole: Page, address: str, study: Tuner) -> None:
    whole.goto(f"{address}/dashboard/studies/1/trials?numbers=1")
    for name in ("configuration.json", "metrics.csv", "log.txt"):
        whole.get_by_text(name).first.wait_for()
    found = whole.evaluate(
        """fetch("/api/studies/1").then(answer => answer.json()).then(async study => {
            const trial = study.trials[1]
            const read = file => fetch(`/artifacts/1/${trial.trial_id}/${file.artifact_id}`).then(got => got.text())
            return Promise.all(trial.artifacts.map(read))
        })"""
    )
    trial = trials_of(study)[1]
    configuration = json.loads(found[0])
    assert configuration["hyperparameters"] == trial["hyperparameters"]
    rows = [line.split(",")[:2] for line in found[1].splitlines()[1:]]
    assert [(int(step), float(value)) for step, value in rows] == [
        (each["step"], each["value"]) for each in trial["steps"]
    ]
    assert "end" in found[2].splitlines()[-1]


def test_controls_that_would_be_refused_are_not_shown(whole: Page, address: str) -> None:
    whole.goto(f"{address}/dashboard")
    whole.get_by_text("watched").first.wait_for()
    for name in ("rename study", "delete study"):
        assert whole.get_by_label(name).count() >= 1, "optuna-dashboard names its controls otherwise"
        assert not whole.get_by_label(name).first.is_visible()
    assert not whole.get_by_text("Create", exact=True).first.is_visible()


def test_several_studies_are_listed_and_an_empty_database_says_what_will_be_there(
    browser: Browser, new_tuner: Callable[[Path], Tuner], tmp_path: Path
) -> None:
    tuner = new_tuner(tmp_path)
    with tuner.running("dashboard", "--port", "0") as running, browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(running.wait_for(ADDRESS)[1])
        page.get_by_role("heading", name="No study yet").wait_for()
        for name in ("first", "second"):
            tuner.ok("start", tuner.toy_study(name, budget={"trials": 1}))
        # The page looks again by itself.
        for name in ("first", "second"):
            page.get_by_text(name).first.wait_for()
