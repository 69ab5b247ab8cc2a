"""`tuner env`: what a bug report needs to know of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("env")
@json_option
@storage_option
def command(as_json: bool, url: str) -> None:
    """Print versions, devices, the database and folders of this machine, for a bug report.

    No secret is in it: of environment variables only names are shown, of the database only its kind.
    """
    from tuner.service.environment import environment

    view = environment(url, os.environ)
    if as_json:
        print_json(view)
        return
    for word, text in _lines(view):
        click.echo(f"{word:<10} {text}".rstrip())


def _lines(view: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from tuner.reporting.text import size

    yield "tuner", view["tuner"]
    yield "Python", view["python"]
    for name, version in view["packages"].items():
        yield "", f"{name} {version}"
    yield "system", view["system"]
    processor = view["processor"]
    yield "processor", f"{processor['name']}, {processor['cores']} cores, {size(view['memory_bytes'])} of memory"
    for gpu in view["gpus"]:
        memory = "" if gpu["memory_bytes"] is None else f", {size(gpu['memory_bytes'])}"
        yield gpu["label"], f"{gpu['name']}{memory}"
    if not view["gpus"]:
        yield "GPU", view["gpu_problem"] or "none"
    yield "database", _database(view["database"])
    cache = view["cache"]
    free = "" if cache["free_bytes"] is None else f", {size(cache['free_bytes'])} free"
    yield "cache", f"{cache['folder']}{free}"
    yield "hub", "offline: cached models and data only" if view["hub"]["offline"] else "is asked for models and data"
    yield "variables", ", ".join(view["variables"]) or "none"


def _database(database: dict[str, Any]) -> str:
    kind = database["kind"] or "unknown"
    if not database["answers"]:
        return f"{kind}, does not answer: {database['problem']}"
    studies = database["studies"]
    return f"{kind}, answers, {studies} {'study' if studies == 1 else 'studies'}"
