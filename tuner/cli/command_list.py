"""The commands by their purpose, each with a line and an example for the help. None of their modules is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A command in the help."""

    #: The purpose under which it stands.
    group: str
    #: What it does, in a line that a terminal of 80 columns has room for.
    line: str
    #: How it is called, without `tuner`.
    example: str


def _grouped(group: str, commands: Mapping[str, tuple[str, str]]) -> dict[str, Entry]:
    return {name: Entry(group=group, line=line, example=example) for name, (line, example) in commands.items()}


#: Every command, in the order of the help. Each is in a module of its name.
ENTRIES: Mapping[str, Entry] = {
    **_grouped(
        "Search",
        {
            "init": ("Write a study file to edit.", "init reviews.yaml"),
            "check": ("Validate a study file, and try its space on a few rows.", "check reviews.yaml"),
            "start": ("Create a study and run its trials, or go on with it.", "start reviews.yaml --workers 2"),
            "resume": ("Go on with a study, from the database alone.", "resume reviews --trials 40"),
            "worker": ("Run one trial at a time; for schedulers.", "worker reviews --devices cuda:0"),
        },
    ),
    **_grouped(
        "Look",
        {
            "status": ("State, best trial, cost and workers.", "status reviews"),
            "list": ("The studies of a database.", "list"),
            "trials": ("All trials in columns; sorted, chosen, as csv.", "trials reviews --sort value --top 5"),
            "show": ("One trial: settings, curve, what was trained.", "show reviews 7"),
            "logs": ("What happened to trials; --follow goes on.", "logs reviews --follow"),
            "config": ("The study file, with all defaults filled in.", "config reviews"),
            "dashboard": ("Curves and trials in the browser.", "dashboard --port 8080"),
            "env": ("Versions and devices, for a bug report.", "env"),
        },
    ),
    **_grouped(
        "Decide",
        {
            "best": ("The best trial, beside the published recipe.", "best reviews"),
            "confirm": ("Train the best trials again with other seeds.", "confirm reviews --top 3 --seeds 3"),
            "test": ("Open the test split, once: is the best one better?", "test reviews"),
            "errors": ("The rows that the best trial gets wrong.", "errors reviews"),
            "report": ("The whole study on one page, for other people.", "report reviews reviews.html"),
        },
    ),
    **_grouped(
        "Use the result",
        {
            "export": ("Write the best model for `from_pretrained`.", "export reviews reviews-model"),
            "refit": ("Train the best settings on all but the test rows.", "refit reviews reviews-model"),
            "predict": ("Label the rows of a file, or complete its prompts.", "predict reviews new.csv"),
            "script": ("A Python script that repeats a trial without tuner.", "script reviews 7"),
        },
    ),
    **_grouped(
        "Care",
        {
            "pause": ("Hold a study on all machines.", "pause reviews"),
            "stop": ("End a study for good, on all machines.", "stop reviews"),
            "edit": ("Change budget, space or settings of a live study.", "edit reviews --trials 60"),
            "delete": ("Remove a study with its checkpoints.", "delete reviews"),
            "gc": ("Remove files that no trial needs any more.", "gc reviews --dry-run"),
            "doctor": ("Find and repair broken records.", "doctor --dry-run"),
            "db": ("Upgrade the tables of a database.", "db upgrade"),
        },
    ),
}
COMMANDS = tuple(ENTRIES)
#: A first hour with the program, for the end of the help.
EXAMPLES = (
    "init reviews.yaml",
    "start reviews.yaml",
    "trials reviews --sort value --top 5",
    "export reviews reviews-model",
)
