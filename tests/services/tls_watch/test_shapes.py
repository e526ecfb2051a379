"""Programs recognised by what they offer."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_offer import (
    GREASE,
    NUMBERS,
    Offer,
    OfferUnreadable,
    fingerprint,
    make_offer,
    unpack_offer,
)
from mailclad.services.tls_watch.shapes import Sure, likeness
from tests.protocols.tls.hellos import real_hello
from tests.services.tls_watch.hellos import (
    NMAP,
    OS_X_10_9,
    THUNDERBIRD,
    WINDOWS_7,
    hello,
    offer_of,
)

CHROME = (0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C)


@pytest.mark.parametrize(
    ("flight", "name", "sure"),
    [
        (WINDOWS_7, "Windows 7", Sure.SURELY),
        (OS_X_10_9, "OS X 10.9", Sure.SURELY),
        (THUNDERBIRD, "Thunderbird (60", Sure.PROBABLY),
        (real_hello(), "OpenSSL", Sure.PROBABLY),
        (hello((0xC009, 0xC013, 0x2F, 0xC004, 0xC00E, 0x33), version=0x0301), "Java 7", None),
        (hello((0x39, 0x38, 0x35, 0x16, 0x13, 0x0A, 0x33), version=0x0301), "0.9.8", None),
        (hello((0x1302, 0x1303, 0x1301, 0x1304, 0xC02C)), "GnuTLS", None),
        (hello((0x0A0A, *CHROME), versions=(0x2A2A, 0x0304)), "Chrome", None),
    ],
)
def test_programs_are_known_by_what_they_offer(
    flight: bytes, name: str, sure: Sure | None
) -> None:
    found = likeness(offer_of(flight))
    assert found is not None
    assert name in found.name
    assert sure is None or found.sure is sure


def test_who_only_looks_is_told_apart() -> None:
    found = likeness(offer_of(NMAP))
    assert found is not None
    assert found.scanner


def test_an_unknown_offer_is_like_nothing() -> None:
    assert likeness(offer_of(hello((0x9D, 0xC02F, 0x05)))) is None


def test_grease_and_names_and_order_of_extensions_do_not_change_a_fingerprint() -> None:
    one = hello((0x1A1A, *CHROME), others=(23, 35, 0x2A2A), name=b"a.test", random=b"a" * 32)
    two = hello((0xBABA, *CHROME), others=(0x3A3A, 35, 23), name=b"other.test", random=b"b" * 32)
    assert fingerprint(offer_of(one)) == fingerprint(offer_of(two))
    assert offer_of(one) is offer_of(two)
    assert fingerprint(offer_of(one)) != fingerprint(offer_of(hello(CHROME)))
    assert offer_of(one).greases


def test_grease_is_of_sixteen_numbers() -> None:
    assert len(GREASE) == 16
    assert {0x0A0A, 0x1A1A, 0xFAFA} <= GREASE


def test_an_offer_is_cut() -> None:
    offer = offer_of(hello(range(0x100, 0x100 + 5_000)))
    assert len(offer.suites) == NUMBERS
    assert len(offer.pack()) < 5 * 2 * NUMBERS + 10


NUMBER = st.integers(0, 0xFFFF)


@given(NUMBER, st.lists(st.lists(NUMBER, max_size=150), min_size=5, max_size=5))
def test_an_offer_is_read_as_it_was_written(version: int, lists: list[list[int]]) -> None:
    offer = make_offer(version, *lists)
    assert unpack_offer(offer.pack()) == offer
    assert GREASE.isdisjoint((*offer.suites, *offer.extensions, *offer.groups))


@given(st.binary(max_size=40))
def test_other_octets_are_no_offer(octets: bytes) -> None:
    with contextlib.suppress(OfferUnreadable):
        assert isinstance(unpack_offer(octets), Offer)
