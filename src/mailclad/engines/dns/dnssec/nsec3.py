"""What NSEC3 records prove (RFC 5155 §8, RFC 6840 §4.1, RFC 9276).

Comes in: the NSEC3 records of one zone in a reply, their signatures right, and names within that
zone.  Goes out: verdicts.  Pure; hashes are counted.
Limits: iterations, and names hashed for a reply (``signatures.Effort``).
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.engines.dns.dnssec.denial import Denial, Types, Verdict, delegates, lacks, leads_away
from mailclad.engines.dns.dnssec.signatures import Effort
from mailclad.engines.dns.message import WRONG_FORM, Kind, Unusable
from mailclad.engines.dns.name import ancestors

MAX_ITERATIONS = 100
"""Zones with more are not secure (RFC 9276 §3.2, where 0 is what a zone should have)."""

_SHA1, _SHA1_OCTETS = 1, 20
_OPT_OUT = 1


@dataclass(frozen=True, slots=True)
class Nsec3:
    """From the hash ``owner`` to ``next_hash`` there is nothing."""

    owner: bytes
    next_hash: bytes
    opt_out: bool
    iterations: int
    salt: bytes
    types: Types

    def covers(self, hashed: bytes) -> bool:
        if self.owner < self.next_hash:
            return self.owner < hashed < self.next_hash
        return hashed > self.owner or hashed < self.next_hash


def read_nsec3(owner: bytes, data: bytes) -> Nsec3 | None:
    """None where a newer standard made it: unknown hash or flags (RFC 5155 §8.1, §8.2)."""
    if len(data) < 5 or len(data) < (behind_salt := 5 + data[4]) + 1:
        raise Unusable(WRONG_FORM)
    algorithm, flags = data[:2]
    if algorithm != _SHA1 or flags & ~_OPT_OUT:
        return None
    behind_hash = behind_salt + 1 + data[behind_salt]
    next_hash = data[behind_salt + 1 : behind_hash]
    try:
        hashed = base64.b32hexdecode(owner[1 : 1 + owner[0]].upper())
    except binascii.Error as problem:
        raise Unusable(WRONG_FORM) from problem
    if not len(hashed) == len(next_hash) == _SHA1_OCTETS:
        raise Unusable(WRONG_FORM)
    iterations = int.from_bytes(data[2:4], "big")
    types = Types(data[behind_hash:])
    return Nsec3(hashed, next_hash, bool(flags), iterations, data[5:behind_salt], types)


class Nsec3Denial(Denial):
    """All verdicts are OPEN where the zone asks for more iterations than we make."""

    def __init__(self, records: Sequence[Nsec3], ttl: int, effort: Effort) -> None:
        """Records with other parameters than the first are ignored (RFC 5155 §8.2)."""
        self.ttl = ttl
        self._parameters = (records[0].iterations, records[0].salt)
        self._records = [one for one in records if (one.iterations, one.salt) == self._parameters]
        self._effort = effort
        self._hashes: dict[bytes, bytes] = {}

    @property
    def _too_costly(self) -> bool:
        return self._parameters[0] > MAX_ITERATIONS

    def no_name(self, name: bytes) -> Verdict:
        """§8.4."""
        if self._too_costly:
            return Verdict.OPEN
        found = self._closest_encloser(name)
        if found is None or self._covering(b"\1*" + found[0]) is None:
            return Verdict.UNPROVEN
        return _proven(found[1])

    def no_type(self, name: bytes, kind: Kind) -> Verdict:
        """§8.5, §8.7."""
        if self._too_costly:
            return Verdict.OPEN
        here = self._at(name)
        if here is not None:
            return lacks(here.types, kind)
        found = self._closest_encloser(name)
        if found is None:
            return Verdict.UNPROVEN
        encloser, covering = found
        wildcard = self._at(b"\1*" + encloser)
        if covering.opt_out or wildcard is None:
            return Verdict.OPEN if covering.opt_out else Verdict.UNPROVEN
        return lacks(wildcard.types, kind)

    def no_closer(self, name: bytes, encloser: bytes) -> Verdict:
        """§8.8."""
        if self._too_costly:
            return Verdict.OPEN
        closer = name
        for above in ancestors(name):
            if above == encloser:
                break
            closer = above
        covering = self._covering(closer)
        return Verdict.UNPROVEN if covering is None else _proven(covering)

    def no_keys(self, name: bytes) -> Verdict:
        """§8.6, §8.9."""
        if self._too_costly:
            return Verdict.OPEN
        here = self._at(name)
        if here is not None:
            return delegates(here.types)
        found = self._closest_encloser(name)
        return Verdict.UNPROVEN if found is None else _proven(found[1])

    def _closest_encloser(self, name: bytes) -> tuple[bytes, Nsec3] | None:
        """It, and the record that covers the next closer name (§8.3)."""
        closer = None
        for above in ancestors(name):
            here = self._at(above)
            if here is not None:
                if closer is None or leads_away(here.types):
                    return None
                covering = self._covering(closer)
                return None if covering is None else (above, covering)
            closer = above
        return None

    def _at(self, name: bytes) -> Nsec3 | None:
        hashed = self._hash(name)
        return next((one for one in self._records if one.owner == hashed), None)

    def _covering(self, name: bytes) -> Nsec3 | None:
        hashed = self._hash(name)
        return next((one for one in self._records if one.covers(hashed)), None)

    def _hash(self, name: bytes) -> bytes:
        """§5."""
        known = self._hashes.get(name)
        if known is not None:
            return known
        self._effort.hash()
        iterations, salt = self._parameters
        hashed = name
        for _ in range(1 + iterations):
            hashed = hashlib.sha1(hashed + salt, usedforsecurity=False).digest()
        self._hashes[name] = hashed
        return hashed


def _proven(covering: Nsec3) -> Verdict:
    return Verdict.OPEN if covering.opt_out else Verdict.PROVEN
