"""A report as one page of HTML that asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from tuner.reporting.report import tables
from tuner.reporting.report.device_time import depths, timeline
from tuner.reporting.report.figures import costs, curves, history
from tuner.reporting.report.panels import hyperparameters
from tuner.reporting.report.report import GENERATOR
from tuner.reporting.report.tables import few_trials

if TYPE_CHECKING:
    from tuner.reporting.report.drawing import Figure
    from tuner.reporting.report.report import Report

#: Parts of the page that are always there, by their id.
_PARTS = (
    ("wrong", "Mistakes"),
    ("settings", "Hyperparameters"),
    ("cost", "Cost"),
    ("data", "Data"),
    ("repeat", "Repeat it"),
    ("trials", "All trials"),
)


def html(report: Report) -> str:
    """Return the page.

    Texts of users are escaped, and beside that the page's policy lets no script run but its own.

    Raises:
        TunerError: matplotlib is not installed.
    """
    drawn, comparison = _there(curves(report), history(report)), tables.comparison(report)
    environment = Environment(
        loader=DictLoader({"page": _read("page.html")}), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["commands"] = _commands
    script = _read("sort.js")
    return environment.get_template("page").render(
        report=report,
        tables=tables,
        drawn=drawn,
        panels=hyperparameters(report),
        spent=_there(costs(report), timeline(report), depths(report)),
        comparison=comparison,
        classes=tables.classes_table(report),
        trials=tables.trials_table(report),
        few=few_trials(report),
        parts=[
            *([("best", "The best trial")] if comparison else []),
            *([("trials-drawn", "Curves")] if drawn else []),
            *_PARTS,
        ],
        generator=GENERATOR,
        policy=_policy(script),
        style=_read("style.css"),
        script=script,
    )


def _commands(sentence: str) -> Markup:
    """Return a sentence, escaped, in which texts between backticks are code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 (escaped just before)


def _there(*figures: Figure | None) -> list[Figure]:
    return [figure for figure in figures if figure is not None]


def _policy(script: str) -> str:
    """Return a policy by which a browser loads nothing and runs one script alone."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _read(name: str) -> str:
    return resources.files("tuner.reporting.report").joinpath("page", name).read_text(encoding="utf-8")
