from __future__ import annotations

from pathlib import Path

import pytest

from storage import Database, Studies
from tuner.errors import TunerError
from tuner.reporting.report.report import Examined, Report, report_of
from tuner.service.report import ReportForm, check_writable, form_of, write
from tuner.study.study_file import parse_config


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a study of which no trial has begun."""
    folder = tmp_path_factory.mktemp("study")
    document = {"name": "new", "model": "m/m", "data": {"source": "d/d"}, "budget": {"trials": 4}}
    config = parse_config(document, source="new.yaml", folder=folder).to_dict()
    with Database(f"sqlite:///{folder}/t.db", create=True) as database:
        study = Studies(database).create("new", direction="maximize", config=config, facts={}, trials=4, first={})
        return report_of(database, study, Examined(missing="None."), version="1", written="now")


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.html", ReportForm.HTML), ("b.MD", ReportForm.MARKDOWN), ("c.json", ReportForm.JSON), ("d", None)],
)
def test_the_ending_of_a_file_tells_its_form(name: str, form: ReportForm | None) -> None:
    assert form_of(Path(name)) == form


@pytest.mark.parametrize("form", list(ReportForm))
def test_a_report_may_be_written_again_in_each_form_and_a_file_of_others_with_force_alone(
    report: Report, tmp_path: Path, form: ReportForm
) -> None:
    file = tmp_path / f"report{form.value}"
    for _ in range(2):
        check_writable(file, form, force=False)
        write(report, file, form)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(TunerError, match="exists and is no report of tuner"):
        check_writable(file, form, force=False)
    check_writable(file, form, force=True)


def test_a_folder_is_no_file_for_a_report(tmp_path: Path) -> None:
    with pytest.raises(TunerError, match=r"is a folder; give a file in it, such as .*report\.md"):
        check_writable(tmp_path, ReportForm.MARKDOWN, force=True)


def test_a_report_that_cannot_be_written_is_an_error_and_leaves_nothing_behind(report: Report, tmp_path: Path) -> None:
    with pytest.raises(TunerError, match=r"report\.md cannot be written: No such file or directory"):
        write(report, tmp_path / "gone" / "report.md", ReportForm.MARKDOWN)
    taken = tmp_path / "taken.md"
    (taken / "mine").mkdir(parents=True)
    with pytest.raises(TunerError, match=r"taken\.md cannot be written: Is a directory"):
        write(report, taken, ReportForm.MARKDOWN)
    assert [path.name for path in tmp_path.rglob("*")] == ["taken.md", "mine"]
