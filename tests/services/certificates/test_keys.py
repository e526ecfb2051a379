"""Keys change only where no TLSA record is broken by it (RFC 7671 section 8.1)."""

import hashlib

import pytest

from mailclad.base.resolver import Tlsa
from mailclad.services.certificates.chain import KeyKind
from mailclad.services.certificates.keys import (
    TlsaSeen,
    make_key,
    may_change,
    names_key,
    noticed,
    public_key_der,
)
from mailclad.store.renewals import NextKey
from tests.services.clock import NOW

KEY, NEXT = make_key(KeyKind.EC), make_key(KeyKind.EC)
TTL = 3600


def record(key: bytes) -> Tlsa:
    return Tlsa(3, 1, 1, hashlib.sha256(key).digest())


OF_KEY, OF_NEXT = record(public_key_der(KEY)), record(public_key_der(NEXT))


def following(shown_since: int | None = None) -> NextKey:
    return NextKey("ec", NEXT, NOW - 100 * TTL, shown_since, TTL)


def shown(*records: Tlsa, everywhere: bool = True) -> TlsaSeen:
    found = frozenset(records)
    return TlsaSeen(found, found if everywhere else frozenset(), TTL)


def test_without_records_keys_are_free() -> None:
    assert may_change(following(), shown(), NOW)
    assert may_change(following(), shown(Tlsa(2, 0, 1, b"authority")), NOW)


def test_where_nobody_answers_the_key_stays() -> None:
    assert not may_change(following(NOW - 10 * TTL), None, NOW)


def test_a_key_changes_when_the_next_one_was_shown_for_two_times_to_live() -> None:
    both = shown(OF_KEY, OF_NEXT)
    assert not may_change(following(), both, NOW)
    assert not may_change(following(NOW - 2 * TTL + 1), both, NOW)
    assert may_change(following(NOW - 2 * TTL), both, NOW)


def test_a_look_notes_since_when_all_servers_show_it() -> None:
    first = noticed(following(), shown(OF_KEY, OF_NEXT), NOW)
    assert first.shown_since == NOW
    assert noticed(first, shown(OF_KEY, OF_NEXT), NOW + TTL).shown_since == NOW
    assert noticed(first, None, NOW + TTL) == first
    assert noticed(first, shown(OF_KEY), NOW + TTL).shown_since is None
    assert noticed(first, shown(OF_NEXT, everywhere=False), NOW + TTL).shown_since is None


def test_the_longest_time_to_live_that_was_seen_counts() -> None:
    both = frozenset({OF_KEY, OF_NEXT})
    first = noticed(following(), TlsaSeen(both, both, 2 * TTL), NOW)
    later = noticed(first, TlsaSeen(both, both, 10), NOW + 10)
    assert later.ttl == 2 * TTL


@pytest.mark.parametrize(("matching", "digest"), [(0, ""), (1, "sha256"), (2, "sha512")])
def test_records_of_each_matching_type_name_a_key(matching: int, digest: str) -> None:
    public = public_key_der(KEY)
    content = hashlib.new(digest, public).digest() if digest else public
    assert names_key([Tlsa(3, 1, matching, content)], KEY)
    assert not names_key([Tlsa(3, 0, matching, content), Tlsa(1, 1, matching, content)], KEY)
    assert not names_key([Tlsa(3, 1, 9, content)], KEY)


@pytest.mark.slow
def test_rsa_keys_are_made_too() -> None:
    assert len(public_key_der(make_key(KeyKind.RSA))) > 256
