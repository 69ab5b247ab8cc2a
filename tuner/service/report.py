"""Writing the report of a study: reads the study, judges its models where that is asked for, and writes one file."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import StorageError
from tuner.errors import ConfigError, Interrupted, TunerError
from tuner.processes.trainers import ForkServer
from tuner.reporting.json_text import json_text
from tuner.reporting.report.report import GENERATOR, Examined, Report, report_of
from tuner.security.redaction import redact
from tuner.service.mistakes import has_classes, judged_mistakes
from tuner.service.stored import set_up_stored
from tuner.study.chosen import chosen_trial
from tuner.study.study_file import stored_config

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.machine.devices import Device
    from tuner.processes.messages import Progressed
    from tuner.study.overrides import MachineOverrides

#: Characters at the begin of a file in which it names what has written it.
_BEGIN = 1000


class ReportForm(StrEnum):
    """The forms of a report, by the ending of its file."""

    #: A page with figures.
    HTML = ".html"
    MARKDOWN = ".md"
    JSON = ".json"

    @property
    def sign(self) -> str:
        """The text by which a file of this form is known as a report."""
        return {
            ReportForm.HTML: f'<meta name="generator" content="{GENERATOR} ',
            ReportForm.MARKDOWN: f"<!-- {GENERATOR} ",
            ReportForm.JSON: f'"generator": "{GENERATOR}"',
        }[self]


@dataclass(frozen=True, kw_only=True)
class Judges:
    """How the data are read and the models are judged on this machine."""

    device: Device
    #: How this machine differs from the one on which the study was created.
    overrides: MachineOverrides
    #: Takes the output of trainers; None shows it.
    log: Path | None
    #: Receives the progress of the slow parts.
    progress: Callable[[Progressed], None]


def report(database: Database, study: StudyRecord, judges: Judges | None) -> Report:
    """Return the report of a study.

    A study whose data or weights are not on this machine has a report all the same. It says what is missing, and why.

    Args:
        database: The database that holds the study.
        study: The study.
        judges: Reads the data and judges the models; None leaves that out.
    """
    return report_of(
        database,
        study,
        _NOT_ASKED if judges is None else _examined(database, study, judges),
        version=importlib.metadata.version("shichimi"),
        written=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


_NOT_ASKED = Examined(missing="The report was asked for without examples: no data were read and no model was judged.")


def _examined(database: Database, study: StudyRecord, judges: Judges) -> Examined:
    if study.config.get("train") is not None:
        return Examined(missing="The study trains with a function of its own: only that knows what its models say.")
    account: Mapping[str, Any] | None = None
    try:
        config = stored_config(study, database)
        with ForkServer(judges.log) as fork_server:
            local_study = set_up_stored(
                study, config, database, fork_server, judges.overrides, progress=judges.progress
            )
            account = None if local_study.prepared is None else local_study.prepared.report.to_dict()
            if not has_classes(study):
                return Examined(account=account, missing="The rows have no classes, so no confusion can be counted.")
            if chosen_trial(database, study) is None:
                return Examined(account=account, missing="No trial is complete, so there is no model to judge.")
            found = judged_mistakes(database, study, local_study, fork_server, judges.device, judges.progress)
            return Examined(account=account, mistakes=found)
    except Interrupted:
        raise
    except (TunerError, StorageError) as error:
        # Whoever reads the report reads this, too: on another machine the data may not be there.
        # The source of such an error names the database, which is no concern of other readers.
        why = f"{error.key}: {error.reason}" if isinstance(error, ConfigError) else str(error)
        return Examined(account=account, missing=f"This machine could not judge the models: {redact(why)}.")


def form_of(file: Path) -> ReportForm | None:
    """Return the form of a report by the ending of its file; None for an ending that no report has."""
    return next((form for form in ReportForm if form.value == file.suffix.lower()), None)


def check_writable(file: Path, form: ReportForm, *, force: bool) -> None:
    """Check, before anything slow is done, that a report may be written to a file.

    Args:
        file: The file.
        form: The form of the report.
        force: Whether a file that is no report may be replaced.

    Raises:
        TunerError: It may not.
    """
    if not file.parent.is_dir():
        raise TunerError(f"{file.parent} is no folder; make it, or give another FILE")
    if file.is_dir():
        raise TunerError(f"{file} is a folder; give a file in it, such as {file / f'report{form.value}'}")
    if not os.access(file.parent, os.W_OK):
        raise TunerError(f"{file.parent} takes no files: give this user the right to write there")
    if file.exists() and not force and not _is_report(file, form):
        raise TunerError(f"{file} exists and is no report of tuner; give another FILE, or --force to replace it")


def _is_report(file: Path, form: ReportForm) -> bool:
    with suppress(OSError), file.open(encoding="utf-8", errors="replace") as opened:
        return form.sign in opened.read(_BEGIN)
    return False


def write(found: Report, file: Path, form: ReportForm) -> None:
    """Write a report. The file has it as a whole, or is as it was before.

    Raises:
        TunerError: The file cannot be written, or the figures need a package that is not installed.
    """
    text = redact(_text(found, form))
    aside = file.with_name(f".tuner-report-{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(file)
    except OSError as error:
        raise TunerError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _text(found: Report, form: ReportForm) -> str:
    # Each form is imported only where it is written: a page needs matplotlib and Jinja2.
    if form is ReportForm.HTML:
        from tuner.reporting.report.html import html

        return html(found)
    if form is ReportForm.MARKDOWN:
        from tuner.reporting.report.markdown import markdown

        return markdown(found)
    return json_text(found.to_dict()) + "\n"
