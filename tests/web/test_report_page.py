"""A report as one file of HTML: safe to open, whoever's words are in it."""

import re
from html.parser import HTMLParser

import pytest

from mailclad.web.report_page import report_page
from tests.reports import CAA, EVERYTHING, report

_VOID = frozenset({"meta", "path", "link", "br", "img", "input"})


class Page(HTMLParser):
    """Elements with their attributes, and whether each that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


@pytest.fixture
def page() -> Page:
    return Page(report_page(EVERYTHING))


def test_it_is_well_formed(page: Page) -> None:
    assert page.open == []


def test_no_script_and_nothing_from_elsewhere(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert not {"script", "img", "link", "iframe", "form", "a"} & set(tags)
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in {"src", "href"} for name in attributes)
    assert not re.search(r"url\(|@import", report_page(EVERYTHING))


def test_the_browser_is_told_to_load_nothing(page: Page) -> None:
    policies = [
        attributes["content"]
        for tag, attributes in page.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]


def test_a_strangers_words_are_only_text() -> None:
    text = report_page(EVERYTHING)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_both_readers_find_their_part() -> None:
    text = report_page(EVERYTHING)
    assert text.count("If you run this server") == 4
    assert text.count("If you use this mail") == 3  # a check that was not possible asks nothing


def test_a_level_has_its_word() -> None:
    text = report_page(EVERYTHING)
    for word in ("Problem", "Watch", "Could not check", "Fine"):
        assert re.search(
            rf'<span class="seal \w+"><span aria-hidden="true">.</span> {word}</span>', text
        )


def test_a_record_can_be_copied() -> None:
    record = "example.net. IN CAA 0 issue &#34;letsencrypt.org&#34;"
    assert f"<pre>{record}</pre>" in report_page(report(CAA))


def test_a_healthy_server_has_no_finding() -> None:
    text = report_page(report())
    assert "<article" not in text
    assert "mail works and is encrypted" in text
