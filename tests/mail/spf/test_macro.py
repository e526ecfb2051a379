"""Macros (RFC 7208 §7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.spf.macro import (
    ALL_PARTS,
    EXPLAIN_STRING_OCTETS,
    NAME_OCTETS,
    expand_name,
    expand_text,
    is_name,
    parse_domain_spec,
    parse_explanation,
    parse_macro_string,
)
from mailclad.mail.spf.result import SpfProblem

VALUES = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "p": "mx.example.org",
    "v": "in-addr",
    "h": "mail.example.com",
    "c": "192.0.2.3",
    "r": "mx.receiver.example",
    "t": "1767225600",
}
SIX = {**VALUES, "i": ".".join("20010DB800000000000000000000CB01"), "v": "ip6"}


@pytest.mark.rfc("7208", "7.4")
@pytest.mark.parametrize(
    ("text", "expansion"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        (
            "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
            "bad.strong.lp.3.2.0.192.in-addr._spf.example.com",
        ),
        (
            "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
            "3.2.0.192.in-addr.strong.lp._spf.example.com",
        ),
        (
            "%{d2}.trusted-domains.example.net",
            "example.com.trusted-domains.example.net",
        ),
    ],
)
def test_the_examples_of_the_rfc(text: str, expansion: str) -> None:
    assert expand_name(parse_domain_spec(text), VALUES) == expansion


@pytest.mark.rfc("7208", "7.4")
def test_the_example_with_an_ipv6_address() -> None:
    expanded = expand_name(parse_domain_spec("%{ir}.%{v}._spf.%{d2}"), SIX)
    assert expanded.lower() == (
        "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
    )


@pytest.mark.parametrize(
    ("text", "expansion"),
    [
        ("%%.%_.%-.example.com", "%. .%20.example.com"),
        ("%{L}.%{S}", "strong-bad.strong-bad%40email.example.com"),
        ("%{o3-.}", "email.example.com"),
        ("%{s2-.}", "example.com"),
        ("%{d" + "9" * 5000 + "}", "email.example.com"),
        ("%{D02R}", "example.email"),
        ("mail.example.com.", "mail.example.com"),
        ("a.xn--zckzah", "a.xn--zckzah"),
    ],
)
def test_other_expansions(text: str, expansion: str) -> None:
    assert expand_name(parse_domain_spec(text), VALUES) == expansion


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "museum", "museum.", "example.123", "example.-com", "example.com-", "a.b..",
        "%", "a.%", "%{}.a.b", "%{a}", "%{d", "%d}", "%{d0}", "%{d000}",
        "%{d2x}", "%{d.r}", "%{dr2}",
        "%(ir).a.b", "a%%-", "a}", "a b.c", "a.b\0", "a.é", "a.b\n", "%{c}", "%{R}.a.b", "a.%{t}",
        "%{ſ}",
    ],
)  # fmt: skip
def test_what_is_no_domain_spec(text: str) -> None:
    with pytest.raises(SpfProblem):
        parse_domain_spec(text)


@pytest.mark.parametrize("text", ["", "+", "man:dog/cat", "%{c}%{r}%{t}", "a=b=%%"])
def test_what_an_unknown_modifier_may_say(text: str) -> None:
    parse_macro_string(text)


def test_a_long_name_loses_labels_at_its_left() -> None:
    labels = ".".join(["a" * 63] * 3 + ["b" * 60])
    assert len(labels) == 252
    for left in ("", "x.", "x.y.", "%{d}." * 20):
        expanded = expand_name(parse_domain_spec(f"{left}{labels}"), VALUES)
        assert expanded == labels
    assert expand_name(parse_domain_spec(f"x.c{labels}"), VALUES) == f"c{labels}"
    assert expand_name(parse_domain_spec("a" * 300 + ".com"), VALUES) == "com"
    assert expand_name(parse_domain_spec("a.%{h}"), {"h": "a" * 300}) == ""


def test_what_dns_can_be_asked_for() -> None:
    assert is_name("a.b")
    assert is_name("macro%percent  space%20url-space.example.com")
    assert is_name(".".join(["a" * 63] * 3 + ["b" * 61]))
    assert not is_name(".".join(["a" * 63] * 3 + ["b" * 62]))
    for text in (
        "",
        "localhost",
        "a..b",
        ".a.b",
        "a.b.",
        "a" * 64 + ".b",
        "a\\.b.c",
        "é.b",
        "a.\n",
    ):
        assert not is_name(text)


@pytest.mark.parametrize(
    "octets", [b"100% sure", b"\xc3\xa9", b"\x96", b"a\tb", b"a" * 2049, b"%{x}"]
)
def test_what_is_no_explanation(octets: bytes) -> None:
    with pytest.raises(SpfProblem):
        parse_explanation(octets)


def test_an_explanation_is_words_for_people() -> None:
    assert EXPLAIN_STRING_OCTETS == 2048
    words = parse_explanation(b"%{c} may not.  See http://%{d}/why.html?s=%{S} (%{t} %{r}).")
    assert expand_text(words, VALUES, 300) == (
        "192.0.2.3 may not.  See http://email.example.com/why.html?s=strong-bad%40email.example.com"
        " (1767225600 mx.receiver.example)."
    )
    hostile = {**VALUES, "l": "a\r\nb\x1b[2Jé\x85"}
    assert expand_text(parse_explanation(b"%{l}"), hostile, 300) == "a??b?[2J??"
    assert len(expand_text(parse_explanation(b"%{s}" * 500), VALUES, 300)) == 300


TEXTS = st.text(st.sampled_from("%{}sldiohpvrSLR0123456789.-+,/_=ab: \0é\\"), max_size=60)


@given(TEXTS, st.dictionaries(st.sampled_from("sloh"), st.text(max_size=400)))
def test_any_text_is_refused_or_expanded_within_bounds(text: str, values: dict[str, str]) -> None:
    try:
        string = parse_domain_spec(text)
    except SpfProblem:
        return
    name = expand_name(string, VALUES | values)
    assert len(name) <= NAME_OCTETS
    assert len(expand_text(string, VALUES | values, 100)) <= 100
    whole = "".join(expand_text(string, VALUES | values, 10**6)).removesuffix(".")
    if whole.isascii() and "?" not in whole:
        assert whole.endswith(name)


def test_macros_by_the_thousand_cost_no_more_than_what_is_kept() -> None:
    class Counting(dict[str, str]):
        read = 0

        def __getitem__(self, key: str) -> str:
            self.read += 1
            return super().__getitem__(key)

    values = Counting(VALUES)
    assert len(expand_name(parse_domain_spec("%{s}" * 2000), values)) <= NAME_OCTETS
    assert values.read <= 10
    assert len(expand_text(parse_explanation(b"%{s}" * 500), values, 300)) == 300
    assert values.read <= 22
    assert ALL_PARTS >= 127
