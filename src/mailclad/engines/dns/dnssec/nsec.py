"""What NSEC records prove (RFC 4034 §4, RFC 4035 §5.4, RFC 6840 §4.1).

Comes in: the NSEC records of one zone in a reply, their signatures right, and names within that
zone.  Goes out: verdicts.  Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.engines.dns.dnssec.denial import Denial, Types, Verdict, delegates, lacks, leads_away
from mailclad.engines.dns.message import WRONG_FORM, Kind, Unusable, read_wire_name
from mailclad.engines.dns.name import ancestors, canonical_order, is_within


@dataclass(frozen=True, slots=True)
class Nsec:
    """From ``owner`` to ``next_name`` there is nothing."""

    owner: bytes
    next_name: bytes
    types: Types

    def covers(self, name: bytes) -> bool:
        """The last one leads back to the beginning of the zone."""
        owner, after, asked = map(canonical_order, (self.owner, self.next_name, name))
        return owner < asked and (asked < after or after <= owner)


def read_nsec(owner: bytes, data: bytes) -> Nsec:
    try:
        next_name, at = read_wire_name(data, 0)
    except IndexError as problem:
        raise Unusable(WRONG_FORM) from problem
    return Nsec(owner, next_name, Types(data[at:]))


class NsecDenial(Denial):
    def __init__(self, records: Sequence[Nsec], ttl: int) -> None:
        self._records = records
        self.ttl = ttl

    def no_name(self, name: bytes) -> Verdict:
        nsec = self._absent(name)
        if nsec is None:
            return Verdict.UNPROVEN
        wildcard = b"\1*" + _closest_encloser(name, nsec)
        return Verdict.UNPROVEN if self._absent(wildcard) is None else Verdict.PROVEN

    def no_type(self, name: bytes, kind: Kind) -> Verdict:
        here = self._at(name)
        if here is not None:
            return lacks(here.types, kind)
        nsec = self._covering(name)
        if nsec is None:
            return Verdict.UNPROVEN
        if is_within(nsec.next_name, name):
            return Verdict.PROVEN  # the name only leads to others
        wildcard = self._at(b"\1*" + _closest_encloser(name, nsec))
        return Verdict.UNPROVEN if wildcard is None else lacks(wildcard.types, kind)

    def no_closer(self, name: bytes, encloser: bytes) -> Verdict:
        nsec = self._absent(name)
        closest = nsec is not None and _closest_encloser(name, nsec) == encloser
        return Verdict.PROVEN if closest else Verdict.UNPROVEN

    def no_keys(self, name: bytes) -> Verdict:
        here = self._at(name)
        if here is not None:
            return delegates(here.types)
        return Verdict.UNPROVEN if self._covering(name) is None else Verdict.PROVEN

    def _at(self, name: bytes) -> Nsec | None:
        return next((one for one in self._records if one.owner == name), None)

    def _covering(self, name: bytes) -> Nsec | None:
        for one in self._records:
            away = is_within(name, one.owner) and leads_away(one.types)
            if not away and one.covers(name):
                return one
        return None

    def _absent(self, name: bytes) -> Nsec | None:
        """As ``_covering``, and nothing stands below the name either."""
        nsec = self._covering(name)
        return None if nsec is None or is_within(nsec.next_name, name) else nsec


def _closest_encloser(name: bytes, nsec: Nsec) -> bytes:
    """The longest name above that exists, since the NSEC's own names do."""
    return next(
        above
        for above in ancestors(name)
        if is_within(nsec.owner, above) or is_within(nsec.next_name, above)
    )
