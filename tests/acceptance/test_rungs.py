"""Trials that are put aside at rungs, promoted and ended: on every database, by one worker, two or two machines.

Decisions follow from the values alone. So a study comes to the same trials, values and ends whoever decides, however
often they are killed, and in whichever order the trials come to a rung.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from acceptance_support import Records, Tuner, points, records_of, stored_files
from crashing import RUNG_POINTS
from servers import MariaDBServer, PostgresServer, S3Server

pytestmark = pytest.mark.rest

TRIALS = 8
LOOKS = [4, 8, 16, 32, 64, 100]
#: How many go on from each rung, by the plan: the best one in two.
PLACES = {4: 4, 8: 2, 16: 1, 32: 1, 64: 1}
#: A step takes long enough that a checkpoint of later rungs is worth its cost, and of the first one may not be.
PAUSE_S = "0.01"
STUDY: dict[str, Any] = {
    "train": "toy_training:at_looks",
    "search": "auto",
    "pruner": None,
    # What others draw depends on what has ended before.
    "sampler": "random",
    "budget": {"trials": TRIALS},
    "checkpoint_every": "0.2s",
    "keep": TRIALS,
    "seed": 3,
}
WORKERS = ("--workers", "2", "--lease", "2s")
#: When a moment is reached first; and some later, when there is more to lose.
CASES = [
    *(("sqlite", point, 1) for point in RUNG_POINTS),
    ("sqlite", "promoted", 3),
    # Between the value at a rung and the verdict.
    *((backend, "reported", 9) for backend in ("sqlite", "postgresql")),
    *(("postgresql", point, 1) for point in RUNG_POINTS),
    # Of a third one it has to be seen that what is one transaction elsewhere is one there.
    *(("mariadb", point, 1) for point in ("shelved", "promoted", "ending")),
]
#: Cases at a time: they wait for leases as much as for a processor.
AT_ONCE = 3
#: By one worker, by two, by two machines that go on with what a third has begun, and with the checkpoints in S3.
UNDISTURBED = ("sqlite", "one", 0)
CALM = [
    *((backend, "two", 0) for backend in ("sqlite", "postgresql", "mariadb")),
    *((backend, "machines", 0) for backend in ("sqlite", "postgresql")),
    ("sqlite", "s3", 0),
]
CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What has become of a study."""

    records: Records
    #: Content of the store's files, by path.
    files: dict[str, bytes]
    ended: list[subprocess.CompletedProcess[str]]

    @property
    def trials(self) -> list[tuple[Any, ...]]:
        """Of each trial what may not depend on who trained it, and when."""
        kept = ("number", "state", "hyperparameters", "value", "steps")
        return [tuple(trial[key] for key in kept) for trial in self.records.trials]

    @property
    def promoted(self) -> dict[int, int]:
        """How far each trial may have trained in the end."""
        return {slot.trial_number: slot.target for slot in self.records.slots if slot.trial_number is not None}  # type: ignore[misc]

    @property
    def weights(self) -> dict[tuple[str, str], bytes]:
        """The weights that are kept, by trial and name, besides the manifests, which name the attempts."""
        paths = {path: Path(path) for path in self.files if not path.endswith("/manifest.json")}
        return {(path.parts[1], path.name): self.files[name] for name, path in paths.items()}


def outcome_of(tuner: Tuner, url: str, how: str, count: int, s3: S3Server | None) -> Outcome:
    """Run a study to its end: in peace, or by way of one end at a moment."""
    store = tuner.folder / "store"
    checkpoints = str(store)
    if s3 is not None:
        tuner, checkpoints = tuner.within(**s3.environment), s3.make_bucket("rungs")
    tuner = tuner.within(TOY_PAUSE_S=PAUSE_S, TOY_STEPS="100", TOY_BEST_BYTES="1000")
    start = ("start", tuner.toy_study("rungs", **STUDY), *WORKERS, "--storage", url, "--checkpoints", checkpoints)
    go_on = ("resume", "rungs", "--workers", "2", "--lease", "2s", "--storage", url)
    if how == "one":
        ended = [tuner.run(*start, "--workers", "1")]
    elif how in ("two", "s3"):
        ended = [tuner.run(*start)]
    elif how == "machines":
        ended = _two_machines(tuner, url, start)
    else:
        crashed = replace(tuner, command=(*CRASHING, how, str(count), "SIGKILL")).run(*start)
        assert crashed.returncode == -signal.SIGKILL, crashed.stderr
        ended = [tuner.run(*go_on)]
    if s3 is not None:
        assert not store.exists()
        access = {"endpoint_url": s3.url, "key": "tests", "secret": "tests"}
        fsspec.filesystem("s3", **access).get(f"{checkpoints}/", f"{store}/", recursive=True)
    return Outcome(records=records_of("rungs", url), files=stored_files(store), ended=ended)


def _two_machines(tuner: Tuner, url: str, start: tuple[str, ...]) -> list[subprocess.CompletedProcess[str]]:
    """Begin a study, and have two machines go on with it at once."""
    with tuner.running(*start) as first:
        first.wait_for(r"trial 0 started on ")
        first.process.send_signal(signal.SIGTERM)
        assert first.wait() == 75, first.stderr
    machine = ("worker", "rungs", "--lease", "2s", "--storage", url)
    with tuner.running(*machine) as one, tuner.running(*machine) as other:
        codes = {each: each.wait() for each in (one, other)}
    return [subprocess.CompletedProcess(machine, code, each.stdout, each.stderr) for each, code in codes.items()]


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]
) -> Iterator[dict[Any, Future[Outcome]]]:
    """The outcome of each case that is asked for, and of a study that one worker runs, as they are worked out."""
    selected = [each for each in request.session.items if isinstance(each, pytest.Function)]
    wanted = [each.callspec.params["case"] for each in selected if each.path == request.path and _has_case(each)]
    names = {"postgresql": "postgres_server", "mariadb": "mariadb_server"}
    servers: dict[str, PostgresServer | MariaDBServer] = {
        backend: request.getfixturevalue(name)
        for backend, name in names.items()
        if any(backend == each for each, _, _ in wanted)
    }

    s3: S3Server | None = None
    if any(how == "s3" for _, how, _ in wanted):
        s3 = request.getfixturevalue("s3_server")

    def work_out(backend: str, how: str, count: int) -> Outcome:
        tuner = new_tuner(tmp_path_factory.mktemp(f"{backend}-{how}-{count}"))
        url = f"sqlite:///{tuner.folder}/tuner.db"
        if backend in servers:
            url = servers[backend].create_database(f"rungs_{how}_{count}")
        return outcome_of(tuner, url, how, count, s3 if how == "s3" else None)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        yield {case: pool.submit(work_out, *case) for case in dict.fromkeys([UNDISTURBED, *wanted])}
        pool.shutdown(cancel_futures=True)


def _has_case(test: pytest.Function) -> bool:
    return hasattr(test, "callspec") and "case" in test.callspec.params


def reached(records: Records) -> dict[int, list[int]]:
    """Return the percents at which each trial has a value."""
    return {trial["number"]: [step["step"] for step in trial["steps"]] for trial in records.trials}


def kinds(records: Records, trial: int | None = None) -> Counter[str]:
    return Counter(event["kind"] for event in records.events if trial in (None, event["trial"]))


def assert_sound(outcome: Outcome) -> None:
    """See that each trial has one life, and none is left or doubled."""
    records = outcome.records
    assert [each.returncode for each in outcome.ended] == [0] * len(outcome.ended), [e.stderr for e in outcome.ended]
    assert all("Traceback" not in each.stderr for each in outcome.ended)
    assert [trial["number"] for trial in records.trials] == list(range(TRIALS))
    assert len(set(points({"trials": records.trials}).values())) == TRIALS
    assert {slot.state for slot in records.slots} == {"finished"}
    assert set(records.states) == {"COMPLETE", "PRUNED"}
    reports = Counter((event["trial"], event["step"]) for event in records.events if event["kind"] == "report")
    assert set(reports.values()) == {1}, "no value is reported twice"
    assert Counter(event["trial"] for event in records.events if event["kind"] == "end") == dict.fromkeys(
        range(TRIALS), 1
    )
    for trial in records.trials:
        steps = [step["step"] for step in trial["steps"]]
        assert steps == LOOKS[: len(steps)]
        # A trial trains no further than it was let: to 4 %, or to where it was promoted.
        assert steps[-1] <= outcome.promoted[trial["number"]]
        last = [event for event in records.events if event["trial"] == trial["number"]][-1]
        assert last["kind"] == "end"


# ---- in peace


def test_of_the_trials_at_each_rung_the_best_half_goes_on_and_trial_0_in_any_case(
    outcomes: dict[Any, Future[Outcome]],
) -> None:
    outcome = outcomes[UNDISTURBED].result()
    assert_sound(outcome)
    records = outcome.records
    assert reached(records)[0] == LOOKS
    values = {trial["number"]: {s["step"]: s["value"] for s in trial["steps"]} for trial in records.trials}
    ranked = set(range(TRIALS))
    for rung, places in PLACES.items():
        best = sorted(ranked, key=lambda number: (-values[number][rung], number))[:places]
        on = {number for number in ranked if max(values[number]) > rung}
        assert on - {0} == set(best) - {0}, f"from {rung} %"
        ranked = set(best)  # trial 0 is ranked as long as it has a place
    complete = [trial["number"] for trial in records.trials if trial["state"] == "complete"]
    assert set(complete) == {0, *ranked}
    assert (kinds(records)["promoted"], kinds(records)["decided"]) == (
        sum(len(steps) - 1 for number, steps in reached(records).items() if number),
        0,
    )
    for trial in records.trials:
        if trial["state"] == "pruned":
            last = trial["steps"][-1]
            assert f"{last['value']:.4g} at {last['step']} %, needed " in trial["reason"]
            assert trial["reason"].endswith(" on")
    # The weights of complete trials stay, and nothing of those that were put aside.
    assert {name for name, _ in outcome.weights} == {f"trial-{number:05d}" for number in complete}


def test_trials_are_put_aside_with_a_checkpoint_where_that_is_cheaper_than_to_train_again(
    outcomes: dict[Any, Future[Outcome]],
) -> None:
    records = outcomes[UNDISTURBED].result().records
    put_aside = [event for event in records.events if event["kind"] == "shelved"]
    assert put_aside
    assert all(event["step"] in PLACES for event in put_aside)
    assert kinds(records, trial=0)["shelved"] == 0
    kept = [event for event in put_aside if "no checkpoint is kept" not in event["detail"]]
    assert kept, "the first one has no cost to compare with"
    assert all(f" at {event['step']} %" in event["detail"] for event in put_aside)


@pytest.mark.parametrize("case", CALM, ids=lambda case: "-".join(map(str, case)))
def test_two_workers_and_two_machines_decide_as_one_does(
    outcomes: dict[Any, Future[Outcome]], case: tuple[str, str, int]
) -> None:
    expected, outcome = outcomes[UNDISTURBED].result(), outcomes[case].result()
    assert_sound(outcome)
    assert outcome.trials == expected.trials
    assert outcome.promoted == expected.promoted
    assert outcome.weights == expected.weights


# ---- disturbed


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_killed_while_trials_are_put_aside_promoted_or_ended_a_study_becomes_what_it_would_have_been(
    outcomes: dict[Any, Future[Outcome]], case: tuple[str, str, int]
) -> None:
    expected, outcome = outcomes[UNDISTURBED].result(), outcomes[case].result()
    assert_sound(outcome)
    assert outcome.trials == expected.trials
    assert outcome.promoted == expected.promoted
    assert outcome.weights == expected.weights
