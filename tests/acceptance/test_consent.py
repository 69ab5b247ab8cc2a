"""What is in the database, the store or a model runs as code nowhere but where somebody on the machine has said so."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from acceptance_support import Tuner, records_of

CONFIGURATION = 78
COMMIT = "0123456789abcdef" * 2 + "01234567"
CMAES = {"name": "cmaes", "n_startup_trials": 1}


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


# ---- the sampler that unpickles ----


def test_cmaes_needs_a_word_in_the_study_file_where_others_can_write_to_the_database(
    tuner: Tuner, postgres_url: str
) -> None:
    study = tuner.toy_study("es", sampler=CMAES, checkpoints="store")
    for command in ("start", "check"):
        done = tuner.within(TUNER_ALLOW_PICKLE="1").run(command, study, "--storage", postgres_url)
        assert done.returncode == CONFIGURATION
        assert done.stderr.startswith("Error: es.yaml: sampler: cmaes unpickles its state from the database")
        assert done.stderr.count("\n") == 1
    assert not (tuner.folder / "store").exists()
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    assert sa.inspect(engine).get_table_names() == []


def test_cmaes_runs_on_a_file_without_a_word(tuner: Tuner) -> None:
    tuner.ok("start", tuner.toy_study("es", sampler=CMAES, budget={"trials": 8}))
    assert len(records_of("es", f"sqlite:///{tuner.folder}/tuner.db").trials) == 8


def test_what_is_planted_in_the_database_runs_on_no_machine_that_did_not_agree(tuner: Tuner, postgres_url: str) -> None:
    tuner = tuner.within(TUNER_STORAGE=postgres_url)
    sampler = {**CMAES, "allow_pickle": True}
    tuner.ok("start", tuner.toy_study("es", sampler=sampler, checkpoints="store", budget={"trials": 2}))
    planted = pickle.dumps(Evil(tuner.folder / "evil")).hex()
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        last = connection.execute(sa.text("SELECT max(trial_id) FROM trials")).scalar_one()
        connection.execute(sa.text("DELETE FROM trial_system_attributes WHERE key LIKE 'cma:%'"))
        row = sa.text("INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (:trial, :key, :value)")
        values = {"cma:optimizer:0": json.dumps(planted), "cma:generation": "0"}
        rows = [{"trial": last, "key": key, "value": value} for key, value in values.items()]
        connection.execute(row, rows)
    for command in (("resume", "es", "--trials", "3"), ("worker", "es")):
        done = tuner.run(*command)
        assert done.returncode == CONFIGURATION
        assert "give --allow-pickle, or set TUNER_ALLOW_PICKLE=1, if you trust them all" in done.stderr
    assert not (tuner.folder / "evil").exists()
    # What was planted would run: were it not so, nothing above was refused.
    tuner.run("worker", "es", "--allow-pickle")
    assert (tuner.folder / "evil").is_dir()


def test_a_sampler_that_is_changed_in_the_database_is_not_used_where_the_study_file_names_another(
    tuner: Tuner, postgres_url: str
) -> None:
    tuner = tuner.within(TUNER_STORAGE=postgres_url)
    study = tuner.toy_study("es", checkpoints="store", budget={"trials": 1})
    tuner.ok("start", study)
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        config = connection.execute(sa.text("SELECT config FROM tuner_studies")).scalar_one()
        config["sampler"] = {**CMAES, "allow_pickle": True}
        connection.execute(sa.text("UPDATE tuner_studies SET config = :new"), {"new": json.dumps(config)})
    done = tuner.run("start", study, "--trials", "2")
    assert done.returncode == CONFIGURATION
    assert "study 'es' exists with another sampler" in done.stderr


# ---- the code of a model ----

CODE = """
import os
from pathlib import Path
from transformers import BertConfig, BertForSequenceClassification

Path(os.environ["CODE_RAN"]).touch()


class BrainsConfig(BertConfig):
    model_type = "brains"


class BrainsForSequenceClassification(BertForSequenceClassification):
    config_class = BrainsConfig
"""


@pytest.fixture
def hub(tuner: Tuner) -> Callable[..., Tuner]:
    """Put a model that brings its own code into the cache of a hub that is out of reach."""

    def put(*, code_in: str = "") -> Tuner:
        folder = tuner.folder / "hub" / "models--org--brains"
        snapshot = folder / "snapshots" / COMMIT
        shutil.copytree(tuner.model, snapshot)
        config = json.loads((snapshot / "config.json").read_text(encoding="utf-8"))
        classes = {
            "AutoConfig": f"{code_in}brains.BrainsConfig",
            "AutoModelForSequenceClassification": f"{code_in}brains.BrainsForSequenceClassification",
        }
        config |= {"model_type": "brains", "auto_map": classes}
        (snapshot / "config.json").write_text(json.dumps(config), encoding="utf-8")
        (snapshot / "brains.py").write_text(CODE, encoding="utf-8")
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(COMMIT, encoding="utf-8")
        return tuner.within(
            HF_HUB_CACHE=str(tuner.folder / "hub"),
            HF_MODULES_CACHE=str(tuner.folder / "modules"),
            CODE_RAN=str(tuner.folder / "ran"),
        )

    return put


BRAINS = {"model": "org/brains", "revision": COMMIT}


@pytest.mark.rest
def test_a_models_own_code_does_not_run_by_itself(hub: Callable[..., Tuner]) -> None:
    tuner = hub()
    done = tuner.run("start", tuner.study("brains", **BRAINS))
    assert done.returncode == CONFIGURATION
    assert done.stderr == (
        "Error: brains.yaml: model: org/brains has no usable configuration: it brings code of its own, which is not "
        "run; once you have read it, name its full commit as revision and write trust_remote_code: true\n"
    )
    assert not (tuner.folder / "ran").exists()


@pytest.mark.rest  # two whole studies
def test_a_models_own_code_runs_where_the_study_file_names_its_commit_and_elsewhere_with_a_word(
    hub: Callable[..., Tuner],
) -> None:
    tuner = hub()
    started = tuner.ok("start", tuner.study("brains", **BRAINS, trust_remote_code=True, budget={"trials": 1}))
    assert f"the model's own code runs here: org/brains, commit {COMMIT}\n" in started.stderr
    ran = tuner.folder / "ran"
    ran.unlink()
    for command in (("resume", "brains", "--trials", "2"), ("worker", "brains"), ("export", "brains", "out")):
        done = tuner.run(*command)
        assert done.returncode == CONFIGURATION
        assert f"trust_remote_code: org/brains would run its own code here, of commit {COMMIT}; read it" in done.stderr
    assert not ran.exists()
    done = tuner.within(TUNER_TRUST_REMOTE_CODE="1").run("resume", "brains", "--model", str(tuner.model))
    assert done.returncode == CONFIGURATION
    assert "trust_remote_code: is for a model of the hub, named by its id" in done.stderr
    assert not ran.exists()
    resumed = tuner.within(TUNER_TRUST_REMOTE_CODE="1").ok("resume", "brains")
    assert f"the model's own code runs here: org/brains, commit {COMMIT}\n" in resumed.stderr
    assert ran.exists()
    exported = tuner.ok("export", "brains", "out", "--trust-remote-code")
    assert "verified" in exported.stdout or "out" in exported.stdout


@pytest.mark.rest
def test_code_that_lies_in_another_repository_than_the_commit_is_not_run(hub: Callable[..., Tuner]) -> None:
    tuner = hub(code_in="other/code--")
    other = tuner.folder / "hub" / "models--other--code"
    snapshot = other / "snapshots" / ("f" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "brains.py").write_text(CODE, encoding="utf-8")
    (other / "refs").mkdir()
    (other / "refs" / "main").write_text("f" * 40, encoding="utf-8")
    done = tuner.run("start", tuner.study("brains", **BRAINS, trust_remote_code=True))
    assert done.returncode == CONFIGURATION
    assert "model: org/brains has no usable configuration" in done.stderr
    assert not (tuner.folder / "ran").exists()


# ---- weights ----


def only_pickled(folder: Path) -> None:
    """Put a pickle in the place of a model's weights, which makes a folder when it is unpickled."""
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(folder / "evil")))


def test_a_folder_whose_weights_are_a_pickle_is_refused_in_one_line(tuner: Tuner) -> None:
    folder = tuner.folder / "pickled"
    shutil.copytree(tuner.model, folder)
    only_pickled(folder)
    done = tuner.run("start", tuner.study("pickled", model=str(folder)))
    assert done.returncode == CONFIGURATION
    assert done.stderr == (
        f"Error: pickled.yaml: model: {folder} has its weights in pytorch_model.bin alone, a pickle, which is not "
        "loaded as it can run code; save them as model.safetensors (`save_pretrained` of transformers does)\n"
    )
    assert not (folder / "evil").exists()


@pytest.mark.rest
def test_a_hub_model_whose_weights_are_a_pickle_is_refused_in_one_line(hub: Callable[..., Tuner]) -> None:
    tuner = hub()
    snapshot = tuner.folder / "hub" / "models--org--brains" / "snapshots" / COMMIT
    shutil.copy(tuner.model / "config.json", snapshot)
    only_pickled(snapshot)
    done = tuner.run("start", tuner.study("brains", **BRAINS))
    assert done.returncode == CONFIGURATION
    assert "model: org/brains has no usable weights: there is no model.safetensors; a pickle such as" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (snapshot / "evil").exists()
