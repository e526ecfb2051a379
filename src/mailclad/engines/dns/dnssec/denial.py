"""What a zone's NSEC and NSEC3 records have in common: types of records, and verdicts.

Comes in: records whose signatures are right.  Everything here is pure.
"""

from enum import Enum
from typing import Protocol

from mailclad.engines.dns.message import WRONG_FORM, Kind, Unusable


class Verdict(Enum):
    """``OPEN``: there may be something that the zone does not sign (opt-out, RFC 5155 §6)."""

    PROVEN = "proven"
    OPEN = "open"
    UNPROVEN = "unproven"


class Denial(Protocol):
    """What can be proven from the NSEC or NSEC3 records of one reply."""

    ttl: int

    def no_name(self, name: bytes) -> Verdict:
        """That the name does not exist, nor a wildcard for it."""
        ...

    def no_type(self, name: bytes, kind: Kind) -> Verdict:
        """That the name, or the wildcard for it, has no record of this type."""
        ...

    def no_closer(self, name: bytes, encloser: bytes) -> Verdict:
        """That nothing stands between the name and the wildcard below ``encloser``."""
        ...

    def no_keys(self, name: bytes) -> Verdict:
        """That there is no signed zone at the name; OPEN: one that is not signed, perhaps."""
        ...


class Types:
    """The types of records at a name, from a bit map (RFC 4034 §4.1.2)."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        at = 0
        while at < len(octets):
            if at + 2 > len(octets) or not 0 < octets[at + 1] <= 32:
                raise Unusable(WRONG_FORM)
            at += 2 + octets[at + 1]
        if at > len(octets):
            raise Unusable(WRONG_FORM)

    def __contains__(self, kind: Kind) -> bool:
        window, bit = divmod(kind, 256)
        at = 0
        while at < len(self._octets):
            number, length = self._octets[at : at + 2]
            if number == window and bit // 8 < length:
                return bool(self._octets[at + 2 + bit // 8] & 0x80 >> bit % 8)
            at += 2 + length
        return False


def lacks(types: Types, kind: Kind) -> Verdict:
    """From the types at a name: that it has no record of this one.

    Where another zone begins, the one above cannot tell (RFC 6840 §4.1).
    """
    unproven = kind in types or Kind.CNAME in types or is_cut(types)
    return Verdict.UNPROVEN if unproven else Verdict.PROVEN


def delegates(types: Types) -> Verdict:
    """From the types at a name, as its parent zone has them: that no signed zone begins there."""
    if Kind.DS in types or Kind.SOA in types:
        return Verdict.UNPROVEN
    return Verdict.OPEN if Kind.NS in types else Verdict.PROVEN


def is_cut(types: Types) -> bool:
    return Kind.NS in types and Kind.SOA not in types


def leads_away(types: Types) -> bool:
    """Whether names below are another's to speak of (RFC 6840 §4.1)."""
    return is_cut(types) or Kind.DNAME in types
