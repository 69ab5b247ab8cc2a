"""Permissions for code that a study brings along: pickles of CMA-ES, and code in a model's hub repository.

A permission counts only where a user of this machine gives it, in a study file on this machine or by a flag. The
permissions in a study's stored configuration do not count. Otherwise any user who can write to the database could run
code on every machine that goes on with the study.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from tuner.errors import ConfigError
from tuner.study.config import check_trusted

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig


def check_sampler(config: StudyConfig, *, shared: bool, allowed: bool, source: str) -> None:
    """Refuse a sampler whose package is missing, or that would unpickle values that other users can write.

    Args:
        config: The study.
        shared: Whether its database is on a server, where other users can write to it.
        allowed: Whether a user of this machine allows unpickling, in a study file here or by a flag.
        source: The study's name in errors.

    Raises:
        ConfigError: A package is missing, or the sampler would unpickle and that is not allowed.
    """
    if config.sampler.name != "cmaes":
        return
    if importlib.util.find_spec("cmaes") is None:
        raise ConfigError(source, "sampler", "cmaes needs a package; pip install 'shichimi[cmaes]'")
    if not shared:
        return
    if not config.sampler.allow_pickle:
        raise ConfigError(
            source,
            "sampler",
            "cmaes unpickles its state from the database, and every user who can write to a database on a server "
            "could run code here; choose tpe or gp, keep the study in a SQLite file, or write "
            "{name: cmaes, allow_pickle: true}",
        )
    if not allowed:
        raise ConfigError(
            source,
            "sampler",
            "cmaes unpickles its state from the database, so that every user who can write to it can run code here; "
            "give --allow-pickle, or set TUNER_ALLOW_PICKLE=1, if you trust them all",
        )


def check_remote_code(config: StudyConfig, *, allowed: bool, source: str) -> None:
    """Refuse to run code in a hub model's repository that no user of this machine has allowed.

    Args:
        config: The study, with the model's location on this machine.
        allowed: Whether a user of this machine allows the code, in a study file here or by a flag.
        source: The study's name in errors.

    Raises:
        ConfigError: The code is not allowed, or no full commit fixes which code would run.
    """
    if not config.trust_remote_code:
        return
    try:
        check_trusted(config.model, config.revision)
    except ValueError as error:
        raise ConfigError(source, "trust_remote_code", str(error)) from error
    if not allowed:
        raise ConfigError(
            source,
            "trust_remote_code",
            f"{config.model} would run its own code here, of commit {config.revision}; "
            "read it, then give --trust-remote-code or set TUNER_TRUST_REMOTE_CODE=1",
        )


def notice_of(config: StudyConfig) -> str | None:
    """Return one line that warns the user that code in the model's repository will run; None where none will."""
    if not config.trust_remote_code:
        return None
    return f"the model's own code runs here: {config.model}, commit {config.revision}"
