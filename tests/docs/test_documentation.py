"""Every command and every study file of the documentation is run, as a reader would, page by page."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from data_layouts import HUB_ID, LAYOUTS, first_rows
from shown_outputs import Shown, is_printed, shown_commands, with_outputs, write_outputs

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: Lines of `tuner check` that depend on the data alone.
_OF_DATA = re.compile(r"^ *(reading:|rows:|classes:|guessing|noise of) .*$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def blocks(page: Path) -> list[tuple[str, str]]:
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


PAGES_WITH_COMMANDS = [page for page in PAGES if any(kind in ("console", "yaml") for kind, _ in blocks(page))]


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command of a page, and return its output."""
    words = shlex.split(command)
    if words[0] == "make":
        # The suite runs inside one of them; that both exist and expand is what can be shown here.
        subprocess.run([*words, "--dry-run"], cwd=ROOT, check=True, capture_output=True)
        return ""
    assert words[0] == "tuner", f"the documentation may only show make and tuner: {command}"
    executable = str(Path(sys.executable).with_name("tuner"))
    process = subprocess.Popen(
        [executable, *words[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    if words[1] == "dashboard":
        said = process.stdout.readline()
        assert said.startswith("Dashboard on http://127.0.0.1:"), said
        process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=600)
    assert process.returncode == 0, f"{command}\n{said}{rest}"
    assert "Traceback" not in rest, f"{command}\n{rest}"
    return said + rest


@pytest.mark.acceptance
@pytest.mark.rest
@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=name_of)
def test_every_command_and_study_file_of_a_page_works(
    page: Path, reader: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    root, environment = reader
    is_written = "WRITE_OUTPUTS" in os.environ
    for name in LAYOUTS:
        (tmp_path / name).symlink_to(root / name)
    outputs: list[str] = []
    printed: dict[str, str] = {}
    for kind, text in blocks(page):
        if kind in ("yaml", "python"):
            first = text.splitlines()[0]
            assert first.startswith("# "), f"a file of {page.name} has no name in its first line"
            (tmp_path / first.removeprefix("# ").strip()).write_text(text)
        elif kind == "console":
            for shown in shown_commands(text):
                said = run(shown.command, tmp_path, environment).replace(f"{tmp_path}/", "")
                outputs += said.splitlines()
                printed[shown.command] = said
                if not is_written and not shown.command.startswith("make "):
                    assert is_printed(shown, said), f"{page.name} shows other lines than {shown.command}:\n{said}"
    if is_written:
        write_outputs(page, printed)
    named = {path.name for path in tmp_path.glob("*.yaml")}
    shown = " ".join(text for kind, text in blocks(page) if kind == "console")
    assert all(name in shown for name in named), f"{page.name} shows a study file that none of its commands uses"
    of_data = [each[0] for kind, text in blocks(page) if kind == "text" for each in _OF_DATA.finditer(text)]
    assert [line for line in of_data if line not in outputs] == [], f"{page.name} shows lines that no command prints"


@pytest.mark.rest
@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=name_of)
def test_the_rows_that_a_page_shows_are_the_first_rows_of_the_files_that_its_studies_read(
    page: Path, reader: tuple[Path, dict[str, str]]
) -> None:
    root, _ = reader
    shown = {text.splitlines()[0]: text.splitlines()[1:] for kind, text in blocks(page) if kind == "text"}
    named = [name for name in shown if name.split("/")[0].split(",")[0] in {*LAYOUTS, HUB_ID.split("/")[0]}]
    for name in named:
        found, lines = first_rows(root, name, len(shown[name])), shown[name]
        if (root / name).is_dir() and "…" in lines:
            assert {*lines} - {"…"} <= {*found}, name
            continue
        assert len(lines) >= 4 or not (root / name).is_file() or name.endswith(".jsonl"), f"{name} has too few rows"
        for line, row in zip(lines, found, strict=True):
            assert row.startswith(line.removesuffix("…")) if line.endswith("…") else row == line, name
    # The README names the columns beside the source; the reference shows each key by itself.
    if page.parent != ROOT / "docs/how-to":
        return
    studies = [yaml.safe_load(text) for kind, text in blocks(page) if kind == "yaml"]
    sources = {study["data"]["source"] for study in studies if "data" in study}
    assert [each for each in sources if not any(name == each or name.startswith(f"{each},") for name in named)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"


def test_every_block_has_a_known_language() -> None:
    fences = [
        line for page in PAGES for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("```")
    ]
    assert {fence for fence in fences if fence != "```"} <= {
        "```yaml",
        "```console",
        "```text",
        "```python",
        "```mermaid",
    }


@pytest.mark.parametrize(
    ("lines", "is_like"),
    [
        (["first 2 b", "curve ▁ 9", "last 1m9s"], True),
        (["first 2 b", "…"], True),
        (["…", "last 1m9s"], True),
        (["first … b", "…", "last …"], True),
        (["first 2 b", "curve ▁ 9", "last 1m9s", "…"], True),
        (["first 2 b", "last 1m9s"], False),
        (["first 2 b", "curve ▁ 9"], False),
        (["first 2 b", "curve ▁ 9", "last 1m9s", "more"], False),
        (["other 2 b", "…"], False),
    ],
)
def test_a_shown_output_is_held_against_what_is_printed_but_for_what_varies(lines: list[str], is_like: bool) -> None:
    printed = "first 1.5  b\ncurve ▁▂▃ ▂ 3\nlast 7m2s\n"
    assert is_printed(Shown(command="c", lines=tuple(lines)), printed) == is_like


def test_outputs_are_written_under_the_commands_that_show_any() -> None:
    page = "a\n```console\n$ one\nold\n$ two\n$ three\n…\nkept 1\n```\nb\n"
    written = with_outputs(page, {"one": "new 1 \nnew 2\n", "two": "hidden\n", "three": "other\n"})
    assert written == "a\n```console\n$ one\nnew 1\nnew 2\n$ two\n$ three\n…\nkept 1\n```\nb\n"


def test_every_command_is_documented() -> None:
    from tuner.cli.command_list import COMMANDS

    reference = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"## `tuner {name}`" not in reference] == []


def test_the_generated_pages_are_up_to_date() -> None:
    for script in ("update_reference.py", "update_pictures.py"):
        subprocess.run([sys.executable, str(ROOT / "docs" / script), "--check"], check=True, cwd=ROOT)


def test_every_key_of_the_study_file_is_documented() -> None:
    from tuner.study.budget_config import BudgetConfig
    from tuner.study.config import StudyConfig
    from tuner.study.data_config import DataConfig, FormatConfig

    page = (ROOT / "docs/reference/study-file.md").read_text(encoding="utf-8")
    for part in (StudyConfig, DataConfig, FormatConfig, BudgetConfig):
        assert [key for key in part.model_fields if not re.search(rf"\b{key}\b", page)] == []


def test_the_example_is_what_init_writes() -> None:
    example = (ROOT / "examples/rotten_tomatoes.yaml").read_text(encoding="utf-8")
    assert example == (ROOT / "tuner/service/templates/rotten-tomatoes.yaml").read_text(encoding="utf-8")
    first, *_ = [text for kind, text in blocks(ROOT / "docs/quickstart.md") if kind == "yaml"]
    assert first.split("\n", 1)[1] in example
