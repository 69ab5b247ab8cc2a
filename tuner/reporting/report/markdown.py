"""A report as Markdown: its words and tables, without its figures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuner.reporting.report import tables
from tuner.reporting.report.report import GENERATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tuner.reporting.report.report import Report
    from tuner.reporting.report.tables import Table

#: Signs that have a meaning in Markdown, or begin a tag. Within a word an underscore has none.
_SIGNS = re.compile(r"([\\`*{}\[\]<>#|~&!$]|(?<!\w)_|_(?!\w))")
#: What would begin a list at the begin of a line.
_LIST = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s|$)")


def markdown(report: Report) -> str:
    """Return the report as Markdown. Signs in texts of users that have a meaning there are escaped."""
    return "\n\n".join([f"<!-- {GENERATOR} {report.version} -->", *_parts(report)]) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"# {_plain(report.study)}"
    verdict, *others = report.sentences
    yield f"**{_plain(verdict)}**"
    recipe = tables.recipe_sentence(report)
    yield from map(_plain, [*others, *([recipe] if recipe else [])])
    yield f"The study is {report.status['state']}. Written by shichimi {report.version}, {report.written}."
    if (comparison := tables.comparison(report)) is not None:
        yield "## The best trial beside trial 0" if len(comparison.headings) > 2 else "## The best trial"
        yield _table(comparison)
    yield "## What it gets wrong"
    yield from _mistakes(report)
    yield "## Hyperparameters"
    yield from map(_plain, filter(None, [tables.few_trials(report), tables.fixed_line(report)]))
    yield "## Cost"
    yield _list(tables.cost_lines(report))
    yield "## Data"
    yield _list(tables.data_lines(report))
    if (classes := tables.classes_table(report)) is not None:
        yield _table(classes)
    yield "## How to repeat it"
    yield from _repeat(report)
    yield "## All trials"
    yield _table(tables.trials_table(report))


def _mistakes(report: Report) -> Iterator[str]:
    mistakes = report.examined.mistakes
    if mistakes is None:
        yield _plain(report.examined.missing or "")
        return
    yield from map(_plain, tables.mistakes_sentences(mistakes))
    yield _table(tables.scores_table(mistakes))
    yield "### Which classes are taken for one another"
    yield _table(tables.confusion_table(mistakes))
    for title, rows in tables.examples(mistakes):
        yield f"### {_plain(title)}"
        for row in rows:
            yield _plain(f"{row.place}. It is {row.label}. {'; '.join(row.taken_for)}")
            if row.text:
                yield f"> {_plain(row.text)}"
        if not rows:
            yield "None."


def _repeat(report: Report) -> Iterator[str]:
    repeat = report.repeat
    yield "\n".join(f"- {_code(command)} {_plain(does)}." for command, does in repeat.commands)
    if (versions := tables.versions_line(report)) is not None:
        yield _plain(versions)
    yield f"Seed: {repeat.seed}."
    if repeat.fingerprints:
        yield "\n".join(f"- Fingerprint of the {name}: {_code(each)}" for name, each in repeat.fingerprints.items())
    yield "The study file. Folders of sources are left out:"
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", repeat.study_file)), default=0))
    yield f"{fence}yaml\n{repeat.study_file}\n{fence}"


def _table(table: Table) -> str:
    cells = [[_plain(each) for each in table.headings], ["---"] * len(table.headings)]
    cells += [[_strong(cell.text) if cell.stands_out else _plain(cell.text) for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(line)}" for line in lines)


def _strong(text: str) -> str:
    return f"**{_plain(text)}**"


def _code(text: str) -> str:
    """Return a text as code. It holds no backtick: names of studies cannot, and hashes do not."""
    return f"`{text}`"


def _plain(text: str) -> str:
    """Return a text as one line that Markdown shows as it is."""
    line = " ".join(text.split())
    return _LIST.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", line))
