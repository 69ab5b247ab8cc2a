from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tuner.reporting.report.html import html
from tuner.reporting.report.report import Report


class Page(HTMLParser):
    """What a browser makes of a page: its elements, the texts in them, and the ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    @property
    def ids(self) -> list[str]:
        return [value for name, value in self.attributes if name == "id"]


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return html(report)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_texts_of_users_are_shown_and_make_no_element(hostile: str, page: Page) -> None:
    assert page.elements.count("script") == 1
    assert "img" not in page.elements
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert hostile in page.texts


def test_the_page_lets_no_script_run_but_its_own(text: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert f"script-src &#39;sha256-{digest}&#39;" in policy
    assert "default-src &#39;none&#39;" in policy


def test_the_page_names_nothing_that_a_browser_would_load(page: Page) -> None:
    addresses = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset", "data")]
    assert addresses
    assert [each for each in addresses if not each.startswith("#")] == []
    assert "link" not in page.elements


def test_each_figure_has_a_title_a_description_and_ids_of_its_own(page: Page) -> None:
    figures = ("curves", "history", "hyperparameters", "costs", "timeline")
    assert [each for each in page.ids if each in figures] == [
        "curves",
        "history",
        "hyperparameters",
        "costs",
        "timeline",
    ]
    assert page.elements.count("svg") == page.elements.count("desc") == len(figures)
    assert len({*page.ids}) == len(page.ids)
    names = [value for name, value in page.attributes if name == "aria-labelledby"]
    assert {part for value in names for part in value.split()} <= {*page.ids}


def test_what_links_lead_to_is_there(page: Page) -> None:
    named = [value.removeprefix("#") for name, value in page.attributes if name == "href" and value.startswith("#")]
    assert {*named} <= {*page.ids}


def test_without_examples_the_page_says_why(hostile: str, without_examples: Report) -> None:
    page = Page(html(without_examples))
    assert f"This machine could not judge: {hostile}." in page.texts
    assert "blockquote" not in page.elements


def test_commands_in_sentences_are_code_and_what_stands_in_them_is_escaped(report: Report) -> None:
    page = html(replace(report, sentences=("Ask `tuner <b> test s`.", "One ` alone <i>.")))
    assert "Ask <code>tuner &lt;b&gt; test s</code>." in page
    assert "One ` alone &lt;i&gt;." in page


def test_the_same_report_is_the_same_page(report: Report, text: str) -> None:
    assert html(report) == text


def test_a_report_without_any_trial_is_a_page_without_figures(report: Report) -> None:
    pictures = report.pictures
    empty = replace(
        pictures,
        curves=replace(pictures.curves, curves=()),
        costs=replace(pictures.costs, points=()),
        points=replace(pictures.points, points=(), axes=()),
        timeline=replace(pictures.timeline, spans=()),
        depths=replace(pictures.depths, depths=()),
    )
    page = Page(html(replace(report, best=None, trials=(), pictures=empty)))
    assert "svg" not in page.elements
    assert report.sentences[0] in page.texts
