"""Addresses: what is one, what is none, and when two are the same (RFC 5321 §4.1.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import (
    DOMAIN_OCTETS,
    FOREIGN_LOCAL_PART_OCTETS,
    LABEL_OCTETS,
    LOCAL_PART_OCTETS,
    Address,
    AddressProblem,
    normalise_domain,
    parse_address,
    parse_local_part,
)


@pytest.mark.parametrize(
    ("text", "local_part", "domain"),
    [
        ("ada@example.org", "ada", "example.org"),
        ("Ada.Lovelace+news@Example.ORG", "Ada.Lovelace+news", "Example.ORG"),
        ("o'brien=x/y@example.org", "o'brien=x/y", "example.org"),
        ("*@example.org", "*", "example.org"),
        ('"ada lovelace"@example.org', "ada lovelace", "example.org"),
        (r'"a\"b\\c"@example.org', r'a"b\c', "example.org"),
        ('"user@other"@example.org', "user@other", "example.org"),
        ("ada@[192.0.2.7]", "ada", "[192.0.2.7]"),
        ("ada@[IPv6:2001:db8::1]", "ada", "[IPv6:2001:db8::1]"),
        ("josé@example.org", "josé", "example.org"),
        ("ada@bücher.example", "ada", "bücher.example"),
        ("ada@localhost", "ada", "localhost"),
    ],
)
def test_an_address_is_taken_apart(text: str, local_part: str, domain: str) -> None:
    assert parse_address(text) == Address(local_part, domain)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "ada@example..org",
        "ada@-example.org",
        "ada@example-.org",
        "ada@under_score.example",
        "ada@example.org.",
        "ada lovelace@example.org",
        "ada@example.org ",
        "ada@exam ple.org",
        'ada"b@example.org',
        '"ada@example.org',
        '"a\r\nDATA"@example.org',
        '"a\x00b"@example.org',
        "a\rb@example.org",
        "<ada@example.org>",
        "@relay.example:ada@example.org",
        "ada@[192.0.2.256]",
        "ada@[192.0.2.7",
        "ada@[IPv6:fe80::1%eth0]",
        "ada@[example]",
        "ada@[IPv6:]",
        "ada@ex\u2024ample.org",
        "ada@\uff45xample.org",
        "ada@☃.example",
        "ada@exa\u200bmple.org",
    ],
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(AddressProblem):
        parse_address(text)


def test_the_longest_parts_pass_and_one_octet_more_does_not() -> None:
    longest = "a" * FOREIGN_LOCAL_PART_OCTETS
    assert parse_address(f"{longest}@example.org").local_part == longest
    with pytest.raises(AddressProblem):
        parse_address(f"{longest}a@example.org")
    with pytest.raises(AddressProblem):
        parse_address(f"{'é' * (FOREIGN_LOCAL_PART_OCTETS // 2)}a@example.org")

    label = "a" * LABEL_OCTETS
    assert parse_address(f"a@{label}.org").domain == f"{label}.org"
    with pytest.raises(AddressProblem):
        parse_address(f"a@{label}a.org")

    domain = ".".join([label] * 3 + ["a" * (DOMAIN_OCTETS - 3 * LABEL_OCTETS - 3)])
    assert len(domain) == DOMAIN_OCTETS
    assert parse_address(f"a@{domain}").domain == domain
    with pytest.raises(AddressProblem):
        parse_address(f"a@{domain}a")
    with pytest.raises(AddressProblem):
        parse_address(f"a@{'ü.' * 200}org")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("jose\u0301@example.org", "JOSÉ@example.org"),
        ('"ada"@example.org', "ada@example.org"),
    ],
)
def test_addresses_of_one_place_normalise_alike(one: str, other: str) -> None:
    assert parse_address(one).normalised == parse_address(other).normalised


def test_sharp_s_is_a_letter_of_its_own_in_a_domain() -> None:
    """IDNA 2008 keeps it; the older mapping to "ss" would give the mail to someone else."""
    assert normalise_domain("straße.example") == "xn--strae-oqa.example"


def test_a_quoted_at_sign_stays_quoted_in_the_key() -> None:
    assert parse_address('"user@other"@example.org').normalised == '"user@other"@example.org'


def test_a_local_part_alone() -> None:
    assert parse_local_part("Postmaster") == "Postmaster"
    with pytest.raises(AddressProblem):
        parse_local_part("a@b")


def test_literals_and_scripts_are_told_apart() -> None:
    assert parse_address("a@[192.0.2.7]").is_literal
    assert not parse_address("a@example.org").is_literal
    assert parse_address("a@example.org").is_ascii
    assert not parse_address("é@example.org").is_ascii


LOCAL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=LOCAL_PART_OCTETS
).filter(lambda text: len(text.encode()) <= LOCAL_PART_OCTETS)


@given(LOCAL, st.sampled_from(["example.org", "bücher.example", "[192.0.2.7]"]))
def test_what_is_written_is_read_back(local_part: str, domain: str) -> None:
    address = Address(local_part, domain)

    assert parse_address(str(address)) == address
    key = address.normalised
    if len(key.rpartition("@")[0].encode()) <= LOCAL_PART_OCTETS:  # folding may lengthen it
        assert parse_address(key).normalised == key


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_a_problem(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressProblem:
        return
    assert parse_address(str(address)) == address
