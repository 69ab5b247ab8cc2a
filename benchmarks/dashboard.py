"""The dashboard: the answer to a study's page, of tuner's dashboard beside plain optuna-dashboard on the same database.

The study has 1,000 and 5,000 finished trials of ten reports, each with its note, as a supervisor writes them; ten are
written and then copied row by row. Each server answers three times for the data of the study's page, through WSGI in a
fresh process: the first answer fills its caches and draws the figures, the later ones are what the page asks for again
every few seconds. Compared are the first and the last answer. optuna-dashboard's time grows with the square of the
trials that have notes, so that with 5,000 of them one answer takes minutes: it is measured at 1,000 only, and the gate
at 5,000 is in CPU-seconds. The page itself then asks for new trials alone.

Both must tell of the same trials: their numbers, states, values, curves and notes are held against each other.

Then each serves the page, and Chromium opens it: the seconds from the address to a page with the best trial and a drawn
history, of a server that has just begun. Without a Chromium this part is left out, and the table says so.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from growth import grow, run_trials
from growth_systems import WRITTEN, Clock, Ours
from measuring import interleave, measure, median, section
from no_training import study_file
from verdicts import Equality, Gate, Options, finish, parse, show

#: Trials of the study; where both are compared; and CPU-seconds that any answer may take with the most trials.
SIZES, COMPARED, MOST_S = (1000, 5000), 1000, 5.0
#: Seconds until the page can be used, with the most trials.
PAGE_MOST_S = 5.0
#: What a page shows once it can be used.
DRAWN = ".js-plotly-plot .scatterlayer .trace"
SMALL_SIZES, SMALL_COMPARED = (20,), 20
ANSWERS = 3
OURS, PLAIN = "tuner", "optuna-dashboard"


def write_study(folder: Path, size: int) -> str:
    """Write a database with a study of so many finished trials; return its URL."""
    url = f"sqlite:///{folder}/grown-{size}.db"
    system = Ours(url, study_file(folder, trials=size), size)
    run_trials(system, WRITTEN, 1, Clock())
    grow(system, size)
    system.close()
    return url


def answer(which: str, url: str) -> dict[str, Any]:
    """Ask a dashboard for a study's page some times; return how long each took, and what the last one said."""
    import io
    import json

    if which == OURS:
        from tuner.dashboard.app import Source

        _, application = Source(url, writes=False, artifacts=None).open()
    else:
        import optuna
        import optuna_dashboard

        application = optuna_dashboard.wsgi(optuna.storages.RDBStorage(url))

    def asked() -> bytes:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/api/studies/1",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
            "HTTP_ACCEPT_ENCODING": "",
        }
        return b"".join(application(environ, lambda *_: None))

    cpu, body = [], b""
    for _ in range(ANSWERS):
        with section() as spent:
            body = asked()
        cpu.append(spent.cpu_s)
    names = ("number", "state", "values", "intermediate_values", "note")
    told = [[trial[name] for name in names] for trial in json.loads(body)["trials"]]
    return {"cpu_s": cpu, "bytes": len(body), "told": told}


def chromium() -> str | None:
    """Return the machine's Chromium, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def opened(which: str, url: str, program: str) -> float:
    """Serve a study's page and open it; return the seconds until it can be used."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    beside = Path(sys.executable)
    command = {
        OURS: [beside.with_name("tuner"), "dashboard", "--storage", url, "--port", str(port)],
        PLAIN: [beside.with_name("optuna-dashboard"), url, "--port", str(port)],
    }[which]
    # As root Chromium has no sandbox, and what it shows here is ours.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=program, args=[*flags, "--disable-gpu"])
                page = browser.new_page()
                page.set_default_timeout(600_000)
                began = time.monotonic()
                page.goto(f"http://127.0.0.1:{port}/dashboard/studies/1")
                page.get_by_text("Best Trial").first.wait_for()
                page.locator(DRAWN).first.wait_for()
                took = time.monotonic() - began
                browser.close()
        finally:
            server.terminate()
    return took


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # there is no waiting for another process's port
    raise RuntimeError("the server did not begin")


def page_gates(options: Options, urls: dict[int, str], compared: int) -> list[Gate]:
    """Open the page of each study in Chromium, show how long it took, and return what was promised."""
    program = chromium()
    if program is None:
        show(options, "the page in Chromium", ("trials", "dashboard", "usable, s"), [("", "no Chromium here", "")])
        return []
    rows, gates = [], []
    for size, url in urls.items():
        systems = (OURS, PLAIN) if size == compared else (OURS,)
        calls = {which: partial(opened, which, url, program) for which in systems}
        times = {which: median(found, float) for which, found in interleave(calls, options.rounds).items()}
        rows += [(f"{size:,}", which, times[which]) for which in systems]
        if size == compared:
            gates.append(Gate(f"the page with {size:,} trials", times[PLAIN] / times[OURS], at_least=1.0))
    gates.append(Gate(f"the page with {max(urls):,} trials", times[OURS], at_most=PAGE_MOST_S, unit=" s"))
    show(options, "the page in Chromium", ("trials", "dashboard", "usable, s"), rows)
    return gates


def main() -> int:
    """Measure, compare and judge."""
    options = parse(__doc__)
    sizes, compared = (SMALL_SIZES, SMALL_COMPARED) if options.small else (SIZES, COMPARED)
    rows, gates, equalities = [], [], []
    urls: dict[int, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            url = urls[size] = write_study(Path(folder), size)
            systems = (OURS, PLAIN) if size == compared else (OURS,)
            calls = {which: partial(measure, answer, which=which, url=url) for which in systems}
            found = interleave(calls, options.rounds)
            times = {
                which: [median(found[which], lambda one, place=place: one.report["cpu_s"][place]) for place in (0, -1)]
                for which in systems
            }
            for which in systems:
                first, again = times[which]
                rows.append((f"{size:,}", which, first, again, found[which][0].report["bytes"] / 1e6))
            if size == compared:
                ours, theirs = (found[which][0].report["told"] for which in (OURS, PLAIN))
                equalities.append(Equality(f"trials, curves and notes of {size:,}", _differences(ours, theirs)))
                for place, name in enumerate(("first answer", "later answers")):
                    ratio = times[PLAIN][place] / times[OURS][place]
                    gates.append(Gate(f"{name} with {size:,} trials", ratio, at_least=1.0))
            if size == max(sizes):
                slowest = max(times[OURS])
                gates.append(Gate(f"the slowest answer with {size:,} trials", slowest, at_most=MOST_S, unit=" CPU-s"))
        show(options, "the data of a study's page", ("trials", "dashboard", "first, CPU-s", "again, CPU-s", "MB"), rows)
        gates += page_gates(options, urls, compared)
    return finish(options, gates=gates, equalities=equalities)


def _differences(ours: list[Any], theirs: list[Any]) -> float:
    """Return how many trials the two tell otherwise. Values are shown with six digits here."""
    for trial in (*ours, *theirs):
        trial[2] = [float(f"{value:.6g}") for value in trial[2]]
    return float(abs(len(ours) - len(theirs)) + sum(one != other for one, other in zip(ours, theirs, strict=False)))


if __name__ == "__main__":
    sys.exit(main())
