"""What a TLS client offers, as data: the shape of its ClientHello without what is random or its
user's.

RFC 8446 §4.1.2, RFC 8701 (GREASE).  The same program on the same system offers the same each
time, so the fingerprint of an offer says which program it may be, and nothing of who uses it:
names, keys, tickets and padding are not in it.  Comes in: numbers that a client sent, untrusted.
Limit: ``NUMBERS`` of each kind.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

NUMBERS = 120
"""Of each kind; OpenSSL 1.0.2 offers 80 suites, nobody real more than a hundred."""

KNOWN_OFFERS = 1024
"""Offers that share one object in memory: a server with all programs of the world meets some
hundreds, and connections beyond it only cost a kilobyte more each."""

TLS_1_2, TLS_1_3 = 0x0303, 0x0304

VERSION_NAMES = {
    0x0002: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    TLS_1_2: "TLS 1.2",
    TLS_1_3: "TLS 1.3",
}

GREASE = frozenset(range(0x0A0A, 0x10000, 0x1010))
"""RFC 8701 §2: 0x0a0a, 0x1a1a … 0xfafa."""

_VARYING = frozenset({0, 16, 21, 41, 42, 44})
"""Extensions that come and go with the same program: the server's name, ALPN, padding, a session
to go on with, early data, a cookie."""

_HEAD = struct.Struct(">BH5B")


class OfferUnreadable(ValueError):
    """These octets are not what ``Offer.pack`` has written."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Code points in the client's order, extensions sorted: some programs shuffle them."""

    legacy_version: int
    greases: bool
    versions: tuple[int, ...]
    suites: tuple[int, ...]
    extensions: tuple[int, ...]
    groups: tuple[int, ...]
    signature_algorithms: tuple[int, ...]

    @property
    def highest(self) -> int:
        return max(self.versions, default=self.legacy_version)

    def pack(self) -> bytes:
        """As the store keeps it; the same for the same offer."""
        lists = self._lists
        head = _HEAD.pack(self.greases, self.legacy_version, *map(len, lists))
        numbers = [number for one in lists for number in one]
        return head + struct.pack(f">{len(numbers)}H", *numbers)

    @property
    def _lists(self) -> tuple[tuple[int, ...], ...]:
        return (
            self.versions,
            self.suites,
            self.extensions,
            self.groups,
            self.signature_algorithms,
        )


def make_offer(
    legacy_version: int,
    versions: Iterable[int],
    suites: Iterable[int],
    extensions: Iterable[int],
    groups: Iterable[int],
    signature_algorithms: Iterable[int],
) -> Offer:
    """From what was sent: GREASE is noted and left out, so that it hides no sameness."""
    kinds = tuple(extensions)
    sent = tuple(suites)
    return _shared(
        Offer(
            legacy_version,
            not GREASE.isdisjoint((*sent, *kinds)),
            _plain(versions),
            _plain(sent),
            tuple(sorted(_plain(kind for kind in kinds if kind not in _VARYING))),
            _plain(groups),
            _plain(signature_algorithms),
        )
    )


def unpack_offer(octets: bytes) -> Offer:
    """Raises OfferUnreadable."""
    try:
        greases, legacy, *counts = _HEAD.unpack_from(octets)
        numbers = struct.unpack(f">{sum(counts)}H", octets[_HEAD.size :])
    except struct.error as problem:
        raise OfferUnreadable(str(problem)) from problem
    lists = []
    for count in counts:
        lists.append(numbers[:count])
        numbers = numbers[count:]
    return Offer(legacy, bool(greases), *lists)


@lru_cache(KNOWN_OFFERS)
def fingerprint(offer: Offer) -> bytes:
    """Sixteen octets by which the same shape is known again."""
    return hashlib.sha256(offer.pack()).digest()[:16]


@lru_cache(KNOWN_OFFERS)
def _shared(offer: Offer) -> Offer:
    return offer


def _plain(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple([number for number in numbers if number not in GREASE][:NUMBERS])
