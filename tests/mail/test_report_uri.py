"""The lists of ``rua=``."""

# ruff: noqa: E501 - a case is one line of a table

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import parse_address
from mailclad.mail.report_uri import (
    MAX_REPORT_URIS,
    MAX_URI_OCTETS,
    ReportUri,
    parse_report_uris,
)


def mail(address: str, most: int | None = None) -> ReportUri:
    return ReportUri(f"mailto:{address}", parse_address(address), most)


@pytest.mark.rfc("7489", "6.4")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mailto:a@b.example", [mail("a@b.example")]),
        ("mailto:a@b.example!10m , MAILTO:c@d.example!5", [mail("a@b.example", 10 << 20), mail("c@d.example", 5)]),
        ("mailto:a@b.example!2K", [mail("a@b.example", 2048)]),
        ("mailto:a%2Cb@c.example", []),
        ("mailto:a%21b@c.example?subject=x", [ReportUri("mailto:a%21b@c.example?subject=x", parse_address("a!b@c.example"))]),
        ("https://r.example/v1?x=1", [ReportUri("https://r.example/v1?x=1")]),
        ("mailto:a@b.example!18446744073709551616", []),
        ("mailto:nobody, mailto:%ff@x.example, https:nowhere, ftp://x.example/", []),
    ],
)  # fmt: skip
def test_uris_are_read(text: str, wanted: list[ReportUri]) -> None:
    assert list(parse_report_uris(text)[0]) == wanted


def test_a_foreign_scheme_is_still_a_uri() -> None:
    assert parse_report_uris("ftp://x.example/") == ((), True)
    assert parse_report_uris("x.example, ,a b:c") == ((), False)


def test_limits() -> None:
    many = ",".join(f"mailto:a{number}@b.example" for number in range(MAX_REPORT_URIS + 1))
    assert len(parse_report_uris(many)[0]) == MAX_REPORT_URIS
    long = "https://b.example/" + "x" * MAX_URI_OCTETS
    assert parse_report_uris(f"{long},mailto:a@b.example")[0] == (mail("a@b.example"),)


@given(st.text(alphabet="mailto:@!%,k0?a.x \x00é", max_size=80))
def test_nothing_raises(text: str) -> None:
    parse_report_uris(text)
