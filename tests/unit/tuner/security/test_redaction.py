from __future__ import annotations

import subprocess
import sys

import pytest

from tuner.security import known_secrets
from tuner.security.known_secrets import keep_secret, learn, strike_out
from tuner.security.redaction import redact, storable, storable_json, traceback_of


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_secrets, "_known", set())


def test_a_secret_is_struck_out_wherever_it_stands_and_however_it_is_written() -> None:
    keep_secret("hush hush/1")
    assert strike_out("a hush hush/1, hush%20hush%2F1, hush+hush%2F1, hushhush") == "a ***, ***, ***, hushhush"


def test_of_two_secrets_that_begin_alike_no_rest_stays() -> None:
    keep_secret("secret")
    keep_secret("secret-and-more")
    assert strike_out("secret-and-more secret") == "*** ***"


def test_a_secret_that_is_short_enough_to_be_a_word_is_not_looked_for() -> None:
    keep_secret("")
    keep_secret("tuner")
    assert strike_out("tuner resume") == "tuner resume"


@pytest.mark.parametrize(
    "name",
    ["PGPASSWORD", "MYSQL_PWD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HF_TOKEN", "TUNER_DASHBOARD_TOKEN"],
)
def test_what_the_environment_holds_is_known(name: str) -> None:
    learn({name: "hush-hush", "HOME": "/home/me"})
    assert redact("/home/me hush-hush") == "/home/me ***"


def test_passwords_in_urls_are_struck_out_though_nobody_has_named_them() -> None:
    assert redact("at postgresql://me:word@host/name") == "at postgresql://me:***@host/name"


def test_a_traceback_shows_no_secret() -> None:
    keep_secret("hush-hush")
    try:
        raise ValueError("hush-hush at postgresql://me:word@host/name")
    except ValueError as error:
        shown = traceback_of(error)
    assert shown.startswith("Traceback (most recent call last):")
    assert shown.endswith("ValueError: *** at postgresql://me:***@host/name")
    assert '    raise ValueError("*** at' in shown


def test_what_no_terminal_and_no_database_takes_is_escaped() -> None:
    keep_secret("hush-hush")
    assert redact("caf\udce9 hush-hush, caf\u00e9 \U0001f600") == "caf\\udce9 ***, caf\u00e9 \U0001f600"
    assert storable("caf\udce9\0 hush-hush") == "caf\\udce9\\0 ***"


def test_of_json_every_text_is_made_fit_to_be_stored_and_nothing_else_changed() -> None:
    document = {"caf\udce9": ["a\0b", 1, 2.5, True, None], "settings": {"path": "b\udce9"}}
    stored = {"caf\\udce9": ["a\\0b", 1, 2.5, True, None], "settings": {"path": "b\\udce9"}}
    assert storable_json(document) == stored


LOUD = """
import logging, threading
from tuner.security.redaction import redact_what_is_written

redact_what_is_written()
log = logging.getLogger("some.library")
log.warning("with %s", "hush-hush")
log.warning("hush-hush %d of %d", 1, 2)
log.warning("a message %d that does not fit", "x")
log.warning("no key %(name)s", {"other": 1})

class Mute:
    def __str__(self):
        raise RuntimeError("no word")

log.warning("said %s", Mute())
log.warning(Mute())
try:
    raise ValueError("hush-hush")
except ValueError:
    log.exception("it failed")

def fail():
    raise RuntimeError("hush-hush")

thread = threading.Thread(target=fail)
thread.start()
thread.join()
"""


def test_loggers_and_threads_that_fail_write_no_secret() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOUD], env={"HF_TOKEN": "hush-hush"}, capture_output=True, text=True, check=True
    )
    assert "with ***\n*** 1 of 2\n" in done.stderr
    assert done.stderr.count("--- Logging error ---") == 4, "what is malformed ends nothing"
    assert "it failed\nTraceback" in done.stderr
    assert "ValueError: ***" in done.stderr
    assert "RuntimeError: ***" in done.stderr
    # The code itself is shown, as it stands in a file; nothing else is.
    assert "hush-hush" not in done.stderr
