"""SPF records (RFC 7208 §4.5, §4.6.1, §5, §6)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.spf.macro import parse_domain_spec
from mailclad.mail.spf.record import (
    KEPT_OCTETS,
    RECORD_OCTETS,
    TERMS,
    All,
    Directive,
    Exists,
    Hosts,
    Include,
    Network,
    Ptr,
    Record,
    is_spf,
    parse_record,
)
from mailclad.mail.spf.result import SpfOutcome, SpfProblem


@pytest.mark.rfc("7208", "4.5")
def test_which_records_are_meant() -> None:
    for octets in (b"v=spf1", b"v=spf1 ", b"V=SpF1 -all"):
        assert is_spf(octets)
    for octets in (b"", b"v=spf10", b"v=spf", b" v=spf1", b"v=spf1\t-all", b"spf2.0/pra"):
        assert not is_spf(octets)


def test_a_record_with_everything() -> None:
    record = parse_record(
        b"v=spf1  +A MX:%{d2}/24//64 ptr -exists:%{i}.x.example ~ip4:192.0.2.0/24"
        b" ?ip6:2001:db8::/32 include:y.example future=%{c}:/= redirect=z.example EXP=w.example "
    )
    assert record == Record(
        (
            Directive(SpfOutcome.PASS, Hosts(False, None, 32, 128), "+A"),
            Directive(
                SpfOutcome.PASS,
                Hosts(True, parse_domain_spec("%{d2}"), 24, 64),
                "MX:%{d2}/24//64",
            ),
            Directive(SpfOutcome.PASS, Ptr(None), "ptr"),
            Directive(
                SpfOutcome.FAIL,
                Exists(parse_domain_spec("%{i}.x.example")),
                "-exists:%{i}.x.example",
            ),
            Directive(SpfOutcome.SOFTFAIL, Network(4, 0xC00002, 8), "~ip4:192.0.2.0/24"),
            Directive(SpfOutcome.NEUTRAL, Network(6, 0x20010DB8, 96), "?ip6:2001:db8::/32"),
            Directive(
                SpfOutcome.PASS, Include(parse_domain_spec("y.example")), "include:y.example"
            ),
        ),
        parse_domain_spec("z.example"),
        parse_domain_spec("w.example"),
    )


@pytest.mark.rfc("7208", "5.1")
def test_all_makes_a_redirect_meaningless() -> None:
    record = parse_record(b"v=spf1 redirect=a.example ?all")
    assert record.redirect is None
    assert record.directives == (Directive(SpfOutcome.NEUTRAL, All(), "?all"),)


@pytest.mark.parametrize(
    "terms",
    [
        "moo", "-", "all.", "all:x.example", "all/8", "include", "include:",
        "include:a.example/24", "exists", "ptr:", "ptr/0", "a:", "a/33", "a/032", "a//129",
        "a/24/64", "a:/24", "a/", "a//", "a:museum/24", "ip4", "ip4:", "ip4:192.0.2",
        "ip4:192.0.2.01", "ip4:192.0.2.1/33",
        "ip4:192.0.2.1/", "ip4:192.0.2.1//32", "ip4:192.0.2.1/0x8", "ip4:192.0.2.1/²", "ip4/24",
        "ip6:", "ip6::::", "ip6:fe80::1%eth0", "ip6:2001:db8::/129",
        "ip6:2001:db8::/" + "9" * 5000,
        "ip6:192.0.2.1", "=x", "1up=x", "x_y=%", "redirect=", "exp=-all", "redirect:a.example",
        "exp=a.example exp=a.example", "redirect=a.example all Redirect=b.example",
        "a\r\n-all", "\0", "a\tall", "++a", "a:b.example:25",
    ],
)  # fmt: skip
def test_a_wrong_term_anywhere_spoils_the_record(terms: str) -> None:
    with pytest.raises(SpfProblem) as problem:
        parse_record(f"v=spf1 -all {terms} ip4:192.0.2.1".encode())
    assert str(problem.value).isprintable()
    assert len(str(problem.value)) < 200


def test_records_that_are_too_long() -> None:
    longest = b"v=spf1 " + b"x=" + b"a" * (RECORD_OCTETS - 9)
    parse_record(longest)
    with pytest.raises(SpfProblem, match=f"longer than {RECORD_OCTETS}"):
        parse_record(longest + b"a")
    parse_record(b"v=spf1" + b" a" * TERMS)
    with pytest.raises(SpfProblem, match=f"more than {TERMS}"):
        parse_record(b"v=spf1" + b" a" * (TERMS + 1))


def test_short_records_are_remembered_and_long_ones_are_not() -> None:
    short, long = b"v=spf1 x=short -all", b"v=spf1 -all x=" + b"a" * KEPT_OCTETS
    assert parse_record(short) is parse_record(short)
    assert parse_record(long) is not parse_record(long)


PIECES = [
    "all", "a", "mx", "ptr", "ip4:", "ip6:", "include:", "exists:", "redirect=", "exp=", "%{d}",
    "%{ir}", "192.0.2.1", "/24", "//64", "::1", "x.example", "-", "~", "=", " ",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=40))
def test_any_text_is_parsed_or_refused(pieces: list[str]) -> None:
    try:
        record = parse_record(("v=spf1 " + "".join(pieces)).encode(errors="replace"))
    except SpfProblem:
        return
    again = " ".join(directive.text for directive in record.directives)
    assert parse_record(f"v=spf1 {again}".encode()).directives == record.directives


@given(st.binary(max_size=200))
def test_any_octets_are_parsed_or_refused(octets: bytes) -> None:
    with contextlib.suppress(SpfProblem):
        parse_record(b"v=spf1 " + octets)
