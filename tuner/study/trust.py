"""Consent: what a study may do on this machine only where somebody on this machine has said so.

A study file is somebody's word on the machine on which it is read. A database is not: whoever can write there could
have code of theirs run by every machine that goes on with a study, if what is stored were enough.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from tuner.errors import ConfigError
from tuner.study.config import check_trusted

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig


def check_sampler(config: StudyConfig, *, shared: bool, allowed: bool, source: str) -> None:
    """Refuse a sampler that cannot be used here, or that would unpickle what others can write.

    Args:
        config: The study.
        shared: Whether its database is on a server, where others can write to it.
        allowed: Whether somebody on this machine has allowed it: the study file here, or a flag.
        source: What to call the study in errors.

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
            "cmaes unpickles what it finds in the database, and whoever can write to a database on a server could run "
            "code here; choose tpe or gp, keep the study in a SQLite file, or write {name: cmaes, allow_pickle: true}",
        )
    if not allowed:
        raise ConfigError(
            source,
            "sampler",
            "cmaes unpickles what it finds in the database, so that whoever can write there can run code here; "
            "give --allow-pickle, or set TUNER_ALLOW_PICKLE=1, if you trust all who can",
        )


def check_remote_code(config: StudyConfig, *, allowed: bool, source: str) -> None:
    """Refuse code of a hub model that nobody on this machine has allowed.

    Args:
        config: The study, with the places of this machine.
        allowed: Whether somebody on this machine has allowed it: the study file here, or a flag.
        source: What to call the study in errors.

    Raises:
        ConfigError: It is not allowed, or could be other code than what was looked at.
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
    """Return what a person should be told, in a line, before code that came from elsewhere runs; None for none."""
    if not config.trust_remote_code:
        return None
    return f"the model's own code runs here: {config.model}, commit {config.revision}"
