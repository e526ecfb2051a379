"""Chains sealed by dkimpy, and the same chains spoiled (RFC 8617 §5.2)."""

import re
from collections.abc import Sequence
from functools import cache

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import DnsProblem
from mailclad.mail.arc import MAX_SETS, ArcOutcome, ArcResult, verify_arc
from mailclad.mail.dkim.signing_key import KeyKind, SigningKey, public_record
from mailclad.mail.headers import MAX_FIELDS
from tests.mail.dkim.fake import MESSAGE, NOW, FakeResolver, key, pem, published, run

KEYS = [key(KeyKind.RSA, domain) for domain in ("one.example", "two.example", "three.example")]
DNS = published(*KEYS)


def seal(message: bytes, by: SigningKey, state: str, *names: bytes) -> bytes:
    """As a handler that found ``state`` and says so in its own field first."""
    found = f"Authentication-Results: {by.domain}; arc={state}; dkim=pass header.d=example.org\r\n"
    fields = dkim.arc_sign(
        found.encode() + message,
        by.selector.encode(),
        by.domain.encode(),
        pem(by.private),  # type: ignore[arg-type]
        by.domain.encode(),
        include_headers=list(names),
        timestamp=NOW,
    )
    assert len(fields) == 3
    return b"".join(fields) + message


@cache
def chain(sets: int) -> bytes:
    """``sets`` handlers, none of which changed the message."""
    message = MESSAGE
    for number in range(sets):
        message = seal(message, KEYS[number % len(KEYS)], "pass" if number else "none")
    return message


def verify(message: bytes, dns: FakeResolver = DNS) -> ArcResult:
    return run(verify_arc(message, dns, NOW))


def broken(message: bytes, words: str, dns: FakeResolver = DNS) -> bool:
    result = verify(message, dns)
    assert words in result.problem
    return result.outcome is ArcOutcome.FAIL and not result.sets and not result.oldest_pass


def fields_of(message: bytes) -> list[bytes]:
    """The fields of the chain, newest first, with their line ends."""
    return re.findall(rb"^ARC-[^\n]*\n(?:[ \t][^\n]*\n)*", message, re.MULTILINE)


def without_chain(message: bytes) -> bytes:
    for field in fields_of(message):
        message = message.replace(field, b"")
    return message


def chained(fields: Sequence[bytes]) -> bytes:
    return b"".join(fields) + MESSAGE


def test_a_message_without_chain() -> None:
    assert verify(MESSAGE).outcome is ArcOutcome.NONE
    assert verify(b"").outcome is ArcOutcome.NONE


@pytest.mark.parametrize("sets", [1, 2, 3, 5])
def test_a_chain_that_holds(sets: int) -> None:
    result = verify(chain(sets))

    assert (result.outcome, result.problem) == (ArcOutcome.PASS, "")
    assert [one.instance for one in result.sets] == list(range(1, sets + 1))
    assert [one.seal_domain for one in result.sets] == [
        KEYS[number % 3].domain for number in range(sets)
    ]
    assert [one.message_domain for one in result.sets] == [one.seal_domain for one in result.sets]
    assert result.oldest_pass == 0
    first = "pass" if sets > 1 else "none"
    assert result.sets[-1].results.startswith(f"{result.sets[-1].seal_domain}; arc={first}")
    assert "dkim=pass header.d=example.org" in result.sets[0].results


def test_bare_line_feeds_make_no_difference() -> None:
    assert verify(chain(2).replace(b"\r\n", b"\n")).outcome is ArcOutcome.PASS


def test_dkimpy_sees_the_same() -> None:
    def txt(name: bytes, timeout: int = 5) -> str:
        return next(public_record(k) for k in KEYS if name.decode().endswith(f".{k.domain}."))

    assert dkim.arc_verify(chain(3), dnsfunc=txt)[0] == b"pass"


def test_a_handler_that_changed_the_message() -> None:
    changed = chain(2).replace(b"as we said", b"as I said")
    assert broken(changed, "message signature 2 of the chain does not hold: the body was changed")

    resealed = verify(seal(changed, KEYS[2], "pass"))
    assert resealed.outcome is ArcOutcome.PASS
    assert resealed.oldest_pass == 3


def test_every_field_is_needed() -> None:
    fields = fields_of(chain(2))
    for number in range(len(fields)):
        assert broken(chained(fields[:number] + fields[number + 1 :]), "chain")


def test_sets_cannot_be_missing_twice_or_swapped() -> None:
    fields = fields_of(chain(3))
    assert verify(chained(fields)).outcome is ArcOutcome.PASS
    assert broken(chained(fields[:3] + fields[6:]), "is missing")
    assert broken(chained(fields[:6]), "is missing")
    assert broken(chained(fields[:1] + fields), "twice")

    def swap(found: re.Match[bytes]) -> bytes:
        return b"i=" + {b"1": b"2", b"2": b"1"}[found[1]]

    swapped = [re.sub(rb"\bi=([12])\b", swap, field) for field in fields[3:]]
    assert broken(chained(fields[:3] + swapped), "wrong state")
    results = [field for field in fields if field.startswith(b"ARC-Auth")]
    other = [
        re.sub(rb"\bi=([12])\b", swap, field) if field in results[1:] else field
        for field in fields
    ]
    assert broken(chained(other), "seal 1 of the chain does not hold")


def test_the_order_of_the_fields_does_not_matter() -> None:
    assert verify(chained(fields_of(chain(3))[::-1])).outcome is ArcOutcome.PASS


def test_a_chain_found_broken_stays_broken() -> None:
    message = chain(2).replace(b"cv=pass", b"cv=fail")
    assert broken(message, "found the chain broken already")
    assert broken(chain(2).replace(b"cv=none", b"cv=pass"), "wrong state")
    assert broken(chain(2).replace(b"cv=pass", b"cv=none"), "wrong state")


def test_a_seal_has_no_list_of_fields() -> None:
    assert broken(chain(1).replace(b"cv=none;", b"cv=none; h=from;"), "no seal may have")


def test_all_failures_are_permanent() -> None:
    names = list(DNS.records)
    assert broken(chain(2), "there is no key", FakeResolver({}))
    assert broken(chain(1), "DNS did not answer", FakeResolver({names[0]: DnsProblem()}))
    half = FakeResolver({names[1]: DNS.records[names[1]]})
    assert broken(chain(2), "seal 1 of the chain does not hold", half)


def test_a_second_from_is_not_covered() -> None:
    message = seal(MESSAGE, KEYS[0], "none", b"from")
    assert verify(message).outcome is ArcOutcome.PASS
    assert broken(b"From: m@example.com\r\n" + message, "more From fields")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"i=1;", b"i=0;", "not from 1"),
        (b"i=1;", b"i=51;", "not from 1"),
        (b"i=1;", b"i=x;", "no instance"),
        (b"i=1;", b"i=1", "chain"),
        (b"i=1;", b"", "no instance"),
        (b"a=rsa-sha256;", b"a=rsa-sha1;", "SHA-1"),
        (b"c=relaxed/relaxed;", b"c=other;", "canonical form"),
        (b"c=relaxed/relaxed;", b"c=relaxed/relaxed; l=0;", "the body was changed"),
        (b" d=one.example;", b"", "lacks d="),
        (b"t=%d;" % NOW, b"x=1;", "has expired"),
    ],
)
def test_fields_that_break_a_rule(old: bytes, new: bytes, words: str) -> None:
    assert broken(chain(1).replace(old, new), words)


def test_an_instance_may_have_comments_around_it() -> None:
    spoiled = chain(1).replace(b"Results: i=1;", b"Results: (\\) i=1;")
    assert broken(spoiled, "no instance")
    assert broken(chain(1).replace(b"Results: i=1;", b"Results: (a) i (b) = 1 ;"), "seal 1")


def test_a_chain_has_a_limit() -> None:
    fields = fields_of(chain(1))
    many = [
        field.replace(b"i=1;", b"i=%d;" % number)
        for number in range(1, MAX_SETS + 2)
        for field in fields
    ]
    dns = FakeResolver({})
    assert broken(chained(many), f"more than {MAX_SETS} sets", dns)
    assert dns.asked == []
    assert broken(b"X:\r\n" * MAX_FIELDS + chain(1), "header is longer")


@pytest.mark.slow
def test_as_many_sets_as_may_be() -> None:
    result = verify(chain(MAX_SETS))
    assert result.outcome is ArcOutcome.PASS
    assert len(result.sets) == MAX_SETS


@given(st.data())
def test_nothing_spoiled_raises(data: st.DataObject) -> None:
    message = chain(2)
    place = data.draw(st.integers(0, len(message) - len(MESSAGE)))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(
        st.sampled_from([b"", b"\0", b"\xff", b";", b"=", b"(", b"\r\n", b"\r", b"i=3;"])
    )
    result = verify(message[:place] + put + message[place + cut :])
    assert result.problem.isprintable()
    assert all(one.results.isprintable() for one in result.sets)
