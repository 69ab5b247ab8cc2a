"""Checking a study file against a database on a server, before and after the study is there."""

from __future__ import annotations

import psycopg
from acceptance_support import Tuner


def tables(url: str) -> list[str]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        return [row[0] for row in rows]


def test_check_passes_on_an_empty_server_and_makes_no_tables_there(tuner: Tuner, postgres_url: str) -> None:
    study = tuner.toy_study("early", checkpoints="store")
    done = tuner.ok("check", study, "--storage", postgres_url)
    assert done.stdout.endswith("early.yaml: sound. Next: tuner start early.yaml\n")
    assert tables(postgres_url) == []


def test_check_is_refused_by_a_server_without_that_database(tuner: Tuner, postgres_url: str) -> None:
    study = tuner.toy_study("early", checkpoints="store")
    done = tuner.run("check", study, "--storage", f"{postgres_url}_of_nobody")
    assert done.returncode != 0
    assert "of_nobody" in done.stderr
    assert done.stderr.count("\n") == 1


def test_check_takes_the_place_of_the_checkpoints_that_the_study_has_already(tuner: Tuner, postgres_url: str) -> None:
    tuner = tuner.within(TUNER_STORAGE=postgres_url)
    study = tuner.toy_study("placed", budget={"trials": 1})
    refused = tuner.run("check", study)
    assert refused.returncode == 78
    assert "give --checkpoints URL" in refused.stderr
    tuner.ok("start", study, "--checkpoints", "store")
    tuner.ok("check", study)
    other = tuner.toy_study("other", budget={"trials": 1})
    assert tuner.run("check", other).returncode == 78
