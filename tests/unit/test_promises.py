"""Each promise of README and docs has a line in PROMISES.md, and each test that a line names exists."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
FILE = TESTS / "PROMISES.md"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_TEST = re.compile(r"  - `(tests/[\w/]+\.py)::((?:Test\w+::)?test_\w+)`")


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A line of the file."""

    line: int
    text: str
    #: File and function of each test that holds it.
    tests: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """Promises of one kind, and the pages that make them."""

    title: str
    pages: tuple[str, ...]
    promises: tuple[Promise, ...]


def read(text: str) -> list[Section]:
    """Read the file.

    Raises:
        ValueError: A line is none that the file may have; says which.
    """
    sections: list[Section] = []
    title, said, found = "", "", list[Promise]()

    def close() -> None:
        if title:
            sections.append(Section(title=title, pages=tuple(_LINK.findall(said)), promises=tuple(found)))

    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("## "):
            close()
            title, said, found = line.removeprefix("## "), "", []
        elif not title or not line:  # the introduction
            continue
        elif (line.startswith("Said in: ") or said) and not found and not line.startswith("- "):
            said += line
        elif line.startswith("- ") and line.endswith(".") and said:
            found.append(Promise(line=number, text=line.removeprefix("- "), tests=()))
        elif (named := _TEST.fullmatch(line)) and found:
            last = found.pop()
            found.append(Promise(line=last.line, text=last.text, tests=(*last.tests, (named[1], named[2]))))
        else:
            raise ValueError(f"line {number} is neither a title, pages, a promise nor a test: {line!r}")
    close()
    return sections


def functions_of_tests() -> dict[str, list[str]]:
    """Return in which files there is a test, by the function's name, with that of its class in front."""
    found = defaultdict[str, list[str]](list)
    for path in sorted(TESTS.rglob("test_*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        parts = [("", body), *((f"{each.name}::", each.body) for each in body if isinstance(each, ast.ClassDef))]
        for prefix, nodes in parts:
            for node in nodes:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    found[prefix + node.name].append(path.relative_to(ROOT).as_posix())
    return found


def complaints(promises: Iterable[Promise], functions: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield what is wrong with the tests that promises name."""
    for promise in promises:
        if not promise.tests:
            yield f"line {promise.line}: no test holds: {promise.text}"
        for file, name in promise.tests:
            places = functions.get(name, [])
            if file in places:
                continue
            # Tests move between files more often than they change their names.
            now = f"; it is now in {places[0]}" if len(places) == 1 else ""
            yield f"line {promise.line}: there is no {file}::{name}{now}"


@pytest.fixture(scope="module")
def sections() -> list[Section]:
    return read(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def promises(sections: list[Section]) -> list[Promise]:
    return [promise for section in sections for promise in section.promises]


def test_each_promise_names_tests_and_each_of_them_exists(promises: list[Promise]) -> None:
    found = [*complaints(promises, functions_of_tests())]
    assert not found, "\n".join(["tests/PROMISES.md:", *found])


def test_no_promise_is_listed_twice(sections: list[Section], promises: list[Promise]) -> None:
    assert [text for text, count in Counter(promise.text for promise in promises).items() if count > 1] == []
    assert [promise.line for promise in promises if len({*promise.tests}) < len(promise.tests)] == []
    titles = [section.title for section in sections]
    assert len({*titles}) == len(titles)


def test_each_page_is_named_as_a_source_and_each_source_is_a_page(sections: list[Section]) -> None:
    named = {(TESTS / page).resolve() for section in sections for page in section.pages}
    assert all(section.pages and section.promises for section in sections)
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in named] == []
    assert sorted(named - {*PAGES}) == []


def test_a_test_that_has_moved_is_told_where_it_is_and_one_that_is_gone_is_missed() -> None:
    text = "## A\n\nSaid in: [R](../README.md)\n\n- One.\n  - `tests/a/test_a.py::test_x`\n- Two.\n"
    (section,) = read(text)
    assert section.pages == ("../README.md",)
    one, two = complaints(section.promises, {"test_x": ["tests/b/test_b.py"]})
    assert one == "line 5: there is no tests/a/test_a.py::test_x; it is now in tests/b/test_b.py"
    assert two == "line 7: no test holds: Two."
    for moved in ({}, {"test_x": ["tests/b.py", "tests/c.py"]}):
        assert next(complaints(section.promises, moved)) == "line 5: there is no tests/a/test_a.py::test_x"
    assert [*complaints(section.promises[:1], {"test_x": ["tests/a/test_a.py"]})] == []


@pytest.mark.parametrize("line", ["- no stop", "  - tests/a.py::test_x", "  - `tests/a.py::x`", "words"])
def test_a_line_of_no_known_form_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 6 is neither a title, pages, a promise nor a test"):
        read(f"## A\n\nSaid in: [R](../README.md)\n\n- One.\n{line}\n")
