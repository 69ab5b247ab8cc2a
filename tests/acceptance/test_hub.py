"""The hub goes away: what is cached has to do, with one notice and no long wait; without a cache, one clear line."""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import SLOW, Tuner, records_of
from servers.server import HOST, free_port

pytestmark = pytest.mark.rest

NAME, MODEL = "hub", "tests/tiny"
COMMIT = "0" * 40
#: What the hub says of a file that is there, and of one that is not.
_FOUND = {"X-Repo-Commit": COMMIT, "ETag": '"tiny"', "Content-Length": "0"}
_MISSING = {"X-Repo-Commit": COMMIT, "X-Error-Code": "EntryNotFound", "Content-Length": "0"}


class Hub:
    """Something in the hub's place, which says of a model's files which there are.

    Args:
        port: Where it listens.
        model: The model's folder.
    """

    def __init__(self, port: int, model: Path) -> None:
        self.url = f"http://{HOST}:{port}"
        self.asked: list[str] = []
        self.hangs = False
        self._over = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                hub.asked.append(self.path)
                if hub.hangs:
                    hub._over.wait()
                there = self.path == "/" or (model / self.path.rsplit("/", 1)[1]).is_file()
                self.send_response(200 if there else 404)
                for key, value in _FOUND.items() if there else _MISSING.items():
                    self.send_header(key, value)
                self.end_headers()

            do_GET = do_HEAD  # noqa: N815 (the name that is called)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hub(model_folder: Path) -> Iterator[Hub]:
    hub = Hub(free_port(), model_folder)
    yield hub
    hub.close()


@pytest.fixture
def online(tuner: Tuner, tmp_path: Path) -> Tuner:
    """The command on a machine that has the model cached, as a download leaves it, and may ask the hub."""
    cache_model(tuner.model, tmp_path / "hf")
    environment = {key: value for key, value in tuner.environment.items() if key != "HF_HUB_OFFLINE"}
    online = Tuner(folder=tuner.folder, environment=environment, model=tuner.model, data=tuner.data)
    return online.within(HF_HOME=str(tmp_path / "hf"), TUNER_CACHE=str(tmp_path / "cache"), NO_PROXY=HOST)


def cache_model(model: Path, home: Path) -> None:
    entry = home / "hub" / f"models--{MODEL.replace('/', '--')}"
    shutil.copytree(model, entry / "snapshots" / COMMIT)
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text(COMMIT, encoding="ascii")


def notices(text: str) -> list[str]:
    """Return what is said of the hub, without the time of day, and without lines of the study of this name."""
    lines = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", line) for line in text.splitlines()]
    return [line for line in lines if "hub" in line and not line.startswith("study hub")]


def test_a_study_goes_on_from_the_cache_where_the_hub_swallows_everything(online: Tuner, hub: Hub) -> None:
    hub.hangs = True
    away = online.within(HF_ENDPOINT=hub.url)
    done = away.ok("start", away.study(NAME, model=MODEL, budget={"trials": 2}))
    told = f"the hub {hub.url} does not answer: "
    assert [line.startswith(told) for line in notices(done.stderr)] == [True], done.stderr
    assert len(hub.asked) == 1, "it is asked once, not for each file of each trial"
    assert records_of(NAME, f"sqlite:///{online.folder}/tuner.db").states == {"COMPLETE": 2}, "trial 0 and a head alone"


def test_a_trial_never_asks_a_hub_that_went_away_after_the_study_began(online: Tuner, hub: Hub) -> None:
    beside = online.within(HF_ENDPOINT=hub.url)
    with beside.running("start", beside.study(NAME, model=MODEL, budget={"trials": 2}, pruner="none")) as running:
        running.wait_for("trial 0 started")
        hub.hangs, before = True, len(hub.asked)
        assert before > 1, "the hub was there when the study began"
        assert running.wait() == 0, running.stderr
    assert hub.asked[before:] == []
    assert notices(running.stderr) == []


def test_a_machine_without_the_model_says_so_in_a_line_and_the_trial_waits_for_one_that_has_it(
    online: Tuner, tmp_path: Path
) -> None:
    away = online.within(HF_ENDPOINT=f"http://{HOST}:{free_port()}")
    bare = away.within(HF_HOME=str(tmp_path / "empty"), TUNER_CACHE=str(tmp_path / "other"))
    study = away.study(NAME, model=MODEL, budget={"trials": 1}, **SLOW)
    check_refused(bare, "start", study)
    assert not (online.folder / "tuner.db").exists()
    with away.running("start", study) as running:  # which is told that nothing listens there, and goes on
        running.wait_for(r"the hub http://.* does not answer: Connection refused; going on with what is cached here")
        running.wait_for("trial 0 20 %")
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait() == 75, running.stderr
    check_refused(bare, "resume", NAME)
    (slot,) = records_of(NAME, f"sqlite:///{online.folder}/tuner.db").slots
    assert (slot.state, slot.attempt, slot.crashes) == ("interrupted", 1, 0)
    with away.running("resume", NAME) as running:
        running.wait_for("trial 0 again from optimiser step")
        assert running.wait() == 0, running.stderr


def check_refused(tuner: Tuner, *command: str) -> None:
    done = tuner.run(*command)
    assert done.returncode == 1, done.stderr
    *before, last = done.stderr.splitlines()
    assert len(before) == 1, done.stderr
    assert last.startswith(f"Error: model '{MODEL}' is not cached here, and the hub http://"), done.stderr
    assert "Traceback" not in done.stderr
