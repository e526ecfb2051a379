"""Whether a zone's keys signed an RRset, now (RFC 4035 §5.3, RFC 6840 §5).

Comes in: an RRset, the zone that should have signed it, the time.  Goes out: for how long it holds
and whether it came from a wildcard, or ``Bogus``.  Any one good signature is enough
(RFC 6840 §5.11).  The keys are trusted, the RRset is a stranger's: every check of a signature is
counted, for keys with the same tag and many signatures multiply (CVE-2023-50387, "KeyTrap").
Limits: signatures checked for an RRset and for a reply, keys of one tag, hashes for a reply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature

from mailclad.engines.dns.dnssec.algorithms import Check, load_key
from mailclad.engines.dns.dnssec.records import Dnskey, RRset, Rrsig
from mailclad.engines.dns.message import INTERNET
from mailclad.engines.dns.name import ancestors, count_labels, is_within, write_name

MAX_CHECKS_OF_RRSET = 8
"""Signatures tried before an RRset counts as bogus, as unbound does; honest ones need one."""

MAX_CHECKS = 16
"""For a whole reply: eight CNAMEs and a proof of three records need eleven."""

MAX_SAME_TAG = 4
"""Keys of a zone with one tag and algorithm: two by chance is rare, more is an attack."""

MAX_KEYS = 32
"""Keys of one zone: rollovers in several algorithms need eight."""

MAX_HASHES = 64
"""Names hashed for the NSEC3 records of a reply: one for each label below the zone
(CVE-2023-50868), and addresses turned round have 32."""

_HALF = 1 << 31


class Bogus(Exception):
    """The text says what is wrong and with what zone or record."""


@dataclass(slots=True)
class Effort:
    """What one reply has cost so far."""

    checks: int = 0
    hashes: int = 0

    def check(self) -> None:
        self.checks += 1
        if self.checks > MAX_CHECKS:
            raise Bogus(f"more than {MAX_CHECKS} signatures would have to be checked")

    def hash(self) -> None:
        self.hashes += 1
        if self.hashes > MAX_HASHES:
            raise Bogus(f"more than {MAX_HASHES} names would have to be hashed")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that may sign a zone's records."""

    key_tag: int
    algorithm: int
    check: Check


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and its keys; without keys it is provably not secure, nor anything below it."""

    name: bytes
    keys: tuple[Key, ...]

    def __str__(self) -> str:
        return f"the zone {shown(self.name)}"


@dataclass(frozen=True, slots=True)
class Signed:
    """``encloser``: the wildcard that it came from stood right below this name; or None."""

    ttl: int
    encloser: bytes | None


def load_keys(zone: bytes, found: Sequence[Dnskey]) -> Zone:
    """The zone with those of its keys that can be used."""
    if len(found) > MAX_KEYS:
        raise Bogus(f"{shown(zone)} has more than {MAX_KEYS} keys")
    keys: list[Key] = []
    for one in found:
        check = load_key(one.algorithm, one.public_key)
        if check is not None:
            keys.append(Key(one.key_tag, one.algorithm, check))
    labels = [(key.key_tag, key.algorithm) for key in keys]
    if any(labels.count(label) > MAX_SAME_TAG for label in labels):
        raise Bogus(f"{shown(zone)} has more than {MAX_SAME_TAG} keys with the same tag")
    return Zone(zone, tuple(keys))


def verify(rrset: RRset, zone: Zone, now: int, effort: Effort) -> Signed:
    """Raises Bogus unless a key of the zone signed the RRset, and the signature holds now."""
    wrong = "has no signature"
    left = MAX_CHECKS_OF_RRSET
    for rrsig in rrset.signatures:
        unfit = _unfit(rrsig, rrset.owner, zone, now)
        if unfit is not None:
            wrong = unfit
            continue
        owner, encloser = _signed_owner(rrset.owner, rrsig.labels)
        signed = _signed_octets(rrset, rrsig, owner)
        wrong = f"is signed with a key that {zone} does not have"
        for key in _candidates(zone, rrsig):
            if left == 0:
                raise Bogus(f"{describe(rrset)} has too many signatures that are not right")
            left -= 1
            effort.check()
            if _is_right(key, rrsig, signed):
                ttl = min(rrset.ttl, rrsig.original_ttl, _until(rrsig.expiration, now))
                return Signed(ttl, encloser)
            wrong = f"was changed after {zone} signed it"
    raise Bogus(f"{describe(rrset)} {wrong}")


def _unfit(rrsig: Rrsig, owner: bytes, zone: Zone, now: int) -> str | None:
    """What is wrong with it before any computing (RFC 4035 §5.3.1)."""
    if rrsig.signer != zone.name or not is_within(owner, zone.name):
        return f"is signed by {shown(rrsig.signer)}, but belongs to {zone}"
    if _until(rrsig.expiration, now) < 0:
        return f"has a signature that expired {_date(rrsig.expiration, now)}"
    if _until(rrsig.inception, now) > 0:
        return f"has a signature that holds only from {_date(rrsig.inception, now)} on"
    if rrsig.labels > _labels(owner):
        return "has a signature for a longer name"
    return None


def _until(moment: int, now: int) -> int:
    """Seconds, of 32-bit times that wrap (RFC 4034 §3.1.5, RFC 1982)."""
    return (moment - now + _HALF) % (2 * _HALF) - _HALF


def _date(moment: int, now: int) -> str:
    return f"{datetime.fromtimestamp(now + _until(moment, now), UTC):%Y-%m-%d %H:%M} UTC"


def _labels(owner: bytes) -> int:
    """As the RRSIG counts them: a first ``*`` is none (RFC 4034 §3.1.3)."""
    return count_labels(owner) - owner.startswith(b"\1*")


def _signed_owner(owner: bytes, labels: int) -> tuple[bytes, bytes | None]:
    """The name that was signed, and the closest encloser where that was a wildcard."""
    if labels == _labels(owner):
        return owner, None
    encloser = list(ancestors(owner))[-1 - labels]
    return b"\1*" + encloser, encloser


def _signed_octets(rrset: RRset, rrsig: Rrsig, owner: bytes) -> bytes:
    """RFC 4034 §3.1.8.1."""
    front = b"".join(
        [
            owner,
            rrset.kind.to_bytes(2, "big"),
            INTERNET.to_bytes(2, "big"),
            rrsig.original_ttl.to_bytes(4, "big"),
        ]
    )
    return rrsig.signed + b"".join(
        [front + len(data).to_bytes(2, "big") + data for data in rrset.data]
    )


def _candidates(zone: Zone, rrsig: Rrsig) -> list[Key]:
    label = (rrsig.key_tag, rrsig.algorithm)
    return [key for key in zone.keys if (key.key_tag, key.algorithm) == label]


def _is_right(key: Key, rrsig: Rrsig, signed: bytes) -> bool:
    try:
        key.check(rrsig.signature, signed)
    except InvalidSignature:
        return False
    return True


def describe(rrset: RRset) -> str:
    """For the text of a problem."""
    return f"the {rrset.kind.name} record of {shown(rrset.owner)}"


def shown(name: bytes) -> str:
    """As text; the root has a name too."""
    return write_name(name) or "the root"
