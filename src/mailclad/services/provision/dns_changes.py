"""What must change in a zone, so that it says what we want and keeps what is not ours.

Comes in: records that we want, and what a name server says of the same names.  Goes out: one
``Change`` for each name and type that differs.  Of TXT records only those of the same kind
(``v=spf1`` …) are ever taken away; a name that has other records gets no CNAME.  An old digest of
settings goes when the new one is there already: programs may have kept what it belongs to.  Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailclad.services.provision.dns_records import DnsRecord

Seen = Mapping[tuple[str, str], Sequence[str]]
"""Values by name and type, as ``dns_view`` writes them."""


@dataclass(frozen=True, slots=True)
class Change:
    name: str
    kind: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


def in_zone(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def changes(records: Iterable[DnsRecord], seen: Seen) -> tuple[Change, ...]:
    """In the order of the records."""
    wanted: dict[tuple[str, str], list[DnsRecord]] = {}
    for record in records:
        wanted.setdefault((record.name, record.kind), []).append(record)
    found = []
    for (name, kind), ours in wanted.items():
        there = seen.get((name, kind), ())
        if kind == "CNAME" and not there and _has_addresses(name, seen):
            continue
        values = [record.value for record in ours]
        removed = [value for value in there if value not in values and _is_ours(value, ours)]
        added = [value for value in values if value not in there]
        if added and any(map(is_digest, ours)):
            removed = []
        if removed or added:
            found.append(Change(name, kind, tuple(removed), tuple(added)))
    return tuple(found)


def _has_addresses(name: str, seen: Seen) -> bool:
    return bool(seen.get((name, "A")) or seen.get((name, "AAAA")))


def _is_ours(value: str, records: Iterable[DnsRecord]) -> bool:
    return any(same_slot(record, value) for record in records)


def is_digest(record: DnsRecord) -> bool:
    """Whether it is one of settings (PACC), of which several may stand beside each other."""
    return record.kind == "TXT" and version(record.value) == "v=uaac1"


def same_slot(record: DnsRecord, value: str) -> bool:
    """Whether a value stands where the record should: there is to be one of them."""
    return record.kind != "TXT" or version(value) == version(record.value)


def version(text: str) -> str:
    """``v=spf1`` and the like; "" for other texts."""
    found = re.match(r"\s*v\s*=\s*([a-z0-9]+)", text, re.IGNORECASE)
    return f"v={found[1].lower()}" if found else ""
