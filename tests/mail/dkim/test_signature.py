"""Signature fields, read strictly (RFC 6376 §3.5, §6.1.1)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dkim.outcome import Outcome, Unusable
from mailclad.mail.dkim.signature import (
    MAX_SIGNATURE_OCTETS,
    Signature,
    parse_message_signature,
    parse_signature,
    parse_signature_tags,
    signature_start,
)

BH = base64.b64encode(b"x" * 32).decode()
GOOD = {
    "v": "1", "a": "rsa-sha256", "d": "example.org", "s": "one", "h": "From:To", "bh": BH,
    "b": "AAAA",
}  # fmt: skip


def parse(**tags: str | None) -> Signature:
    """GOOD with other tags, or without those that are None."""
    all_tags = {name: value for name, value in (GOOD | tags).items() if value is not None}
    text = ";".join(f"{name}={value}" for name, value in all_tags.items())
    return parse_signature(parse_signature_tags(text.encode()))


def test_defaults() -> None:
    signature = parse()

    assert signature.signer.key_name == "one._domainkey.example.org"
    assert signature.identity == "@example.org"
    assert signature.same_domain
    assert signature.coverage.names == (b"from", b"to")
    assert not signature.coverage.relaxed_header
    assert not signature.coverage.relaxed_body
    assert signature.coverage.length is None


def test_the_body_is_simple_where_only_the_header_is_named() -> None:
    coverage = parse(c="relaxed").coverage
    assert (coverage.relaxed_header, coverage.relaxed_body) == (True, False)


@pytest.mark.parametrize(
    ("tag", "value", "outcome", "words"),
    [
        ("v", "2", Outcome.NEUTRAL, "version"),
        ("v", None, Outcome.PERMERROR, "lacks v="),
        ("a", None, Outcome.PERMERROR, "lacks a="),
        ("b", "", Outcome.PERMERROR, "lacks b="),
        ("bh", None, Outcome.PERMERROR, "lacks bh="),
        ("d", None, Outcome.PERMERROR, "lacks d="),
        ("s", None, Outcome.PERMERROR, "lacks s="),
        ("h", None, Outcome.PERMERROR, "lacks h="),
        ("a", "rsa-sha1", Outcome.PERMERROR, "SHA-1"),
        ("a", "rsa-sha512", Outcome.NEUTRAL, "algorithm"),
        ("c", "simple/nofws", Outcome.NEUTRAL, "canonical form"),
        ("c", "/simple", Outcome.NEUTRAL, "canonical form"),
        ("q", "http", Outcome.NEUTRAL, "by DNS"),
        ("h", "To:Subject", Outcome.PERMERROR, "does not cover From"),
        ("h", "From::To", Outcome.NEUTRAL, "list of fields"),
        ("h", "From:T o", Outcome.NEUTRAL, "list of fields"),
        ("b", "A*==", Outcome.NEUTRAL, "b= cannot be read"),
        ("bh", "AAAA", Outcome.PERMERROR, "no SHA-256"),
        ("l", "-1", Outcome.NEUTRAL, "not a number"),
        ("l", "1" * 77, Outcome.NEUTRAL, "not a number"),
        ("l", "", Outcome.NEUTRAL, "not a number"),
        ("t", "soon", Outcome.NEUTRAL, "not a number"),
        ("i", "ada@example.com", Outcome.PERMERROR, "not in its domain"),
        ("i", "ada@badexample.org", Outcome.PERMERROR, "not in its domain"),
        ("i", "example.org", Outcome.PERMERROR, "not in its domain"),
        ("d", "org", Outcome.PERMERROR, "no key can stand"),
        ("d", "example.org.", Outcome.PERMERROR, "not a domain name"),
        ("d", "exa mple.org", Outcome.PERMERROR, "not a domain name"),
        ("d", "[192.0.2.1]", Outcome.PERMERROR, "not a domain name"),
        ("d", f"{'a.' * 120}example.org", Outcome.PERMERROR, "no key can stand"),
        ("s", "-one", Outcome.PERMERROR, "not a domain name"),
        ("s", "a" * 64, Outcome.PERMERROR, "not a domain name"),
        ("s", "..", Outcome.PERMERROR, "not a domain name"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule(tag: str, value: str | None, outcome: Outcome, words: str) -> None:
    with pytest.raises(Unusable) as caught:
        parse(**{tag: value})
    assert caught.value.outcome is outcome
    assert words in caught.value.problem


def test_times() -> None:
    assert parse(t="5", x="6").coverage.expires == 6
    assert parse(x="9" * 30).coverage.expires == parse().coverage.expires
    with pytest.raises(Unusable, match="ends"):
        parse(t="6", x="6")


def test_unknown_tags_mean_nothing() -> None:
    assert parse(r="y", zz="?") == parse()


def test_the_identity_may_be_below_the_domain() -> None:
    signature = parse(i="ada=20l@sub.Example.ORG")
    assert not signature.same_domain
    assert signature.identity == "ada=20l@sub.Example.ORG"


@pytest.mark.rfc("8616", "5")
def test_domains_in_utf8() -> None:
    signature = parse(d="bücher.example", s="größe", i="ädä@bücher.example")
    assert signature.signer.key_name == "xn--gre-6ka8i._domainkey.xn--bcher-kva.example"
    assert signature.identity == "ädä@bücher.example"


def test_selectors_may_have_dots_and_underscores() -> None:
    assert parse(s="a_b.2026").signer.key_name == "a_b.2026._domainkey.example.org"


def test_the_beginning_of_the_signature_is_safe_to_quote() -> None:
    assert signature_start({b"b": b"AAAA BB\tBBCCCCDDDD"}) == "AAAABBBBCCCC"
    assert signature_start({b"b": b'"><script>'}) == ""
    assert signature_start({b"b": "é".encode()}) == ""


def test_a_signature_has_a_limit() -> None:
    with pytest.raises(Unusable) as caught:
        parse(z="x" * MAX_SIGNATURE_OCTETS)
    assert caught.value.outcome is Outcome.NEUTRAL


def test_a_signature_of_a_chain_does_not_cover_the_chain() -> None:
    tags = {name.encode(): value.encode() for name, value in GOOD.items()} | {b"v": b"7"}
    assert parse_message_signature(tags).signer.domain == "example.org"
    with pytest.raises(Unusable, match="chain"):
        parse_message_signature(tags | {b"h": b"From:ARC-Seal"})


@given(
    st.dictionaries(st.sampled_from([*GOOD, "c", "i", "l", "q", "t", "x"]), st.text(max_size=8))
)
def test_any_tags_are_read_or_refused(tags: dict[str, str]) -> None:
    try:
        signature = parse(**tags)
    except Unusable:
        return
    assert signature.signer.key_name.isascii()
    assert not any(control in signature.identity for control in "\0\r\n")
