"""What one reply says about a name: its records, or that there are none (RFC 2308, 6604).

Comes in: a reply and what was asked.  Goes out: a ``Reading``, or ``Unusable``.  Only records
that stand at the name asked for, or where its CNAMEs in the same reply lead, are looked at;
whatever else was sent along is not believed.  A record in the wrong form spoils the reply.
"""

import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mailclad.base.resolver import Caa, Mx, Srv, Tlsa
from mailclad.engines.dns.message import (
    WRONG_FORM,
    Kind,
    Rcode,
    Record,
    Reply,
    Unusable,
    read_data_name,
)
from mailclad.engines.dns.name import is_within, write_name

MAX_ALIASES = 8
"""CNAMEs from the name asked for to the records; unbound follows 11, BIND 16, mail needs 2."""

MAX_TTL = 24 * 3600
"""Records that claim to hold for longer are asked for again after a day."""

MAX_NEGATIVE_TTL = 3 * 3600
"""That there is nothing is believed for no longer (RFC 2308 §5: one to three hours)."""

_SOA_OCTETS = 2 + 5 * 4
"""At least: two names and five numbers, of which the last is the minimum (RFC 1035 §3.3.13)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``aliases``: the owners of the CNAMEs that led to ``name``, in order.

    ``unfinished``: the last one leads there, but the reply does not tell of ``name``.
    """

    name: bytes
    records: tuple[Any, ...]
    exists: bool
    ttl: int
    aliases: tuple[bytes, ...]
    unfinished: bool


def read_answer(reply: Reply, name: bytes, kind: Kind, max_aliases: int) -> Reading:
    """Follow the CNAMEs in a reply; raises Unusable where they are too many or run in a circle."""
    ttl = MAX_TTL
    aliases: tuple[bytes, ...] = ()
    while len(aliases) <= max_aliases:
        found = reply.answers.get((name, kind))
        if found is not None:
            if reply.rcode == Rcode.NXDOMAIN:
                raise Unusable("sent records of a name that it says does not exist")
            ttl = min(ttl, *[record.ttl for record in found])
            return Reading(name, _read_all(reply, kind, found), True, ttl, aliases, False)
        alias = reply.answers.get((name, Kind.CNAME))
        if alias is None:
            return _nothing(reply, name, ttl, aliases)
        ttl = min(ttl, alias[0].ttl)
        aliases += (name,)
        name = read_data_name(reply.octets, alias[0].start, alias[0].end)
    raise Unusable(f"sent more than {MAX_ALIASES} CNAMEs in a row")


def _nothing(reply: Reply, name: bytes, ttl: int, aliases: tuple[bytes, ...]) -> Reading:
    exists = reply.rcode != Rcode.NXDOMAIN
    negative_ttl = _negative_ttl(reply, name)
    if exists and aliases and negative_ttl is None:
        return Reading(name, (), True, ttl, aliases, True)
    return Reading(name, (), exists, min(ttl, negative_ttl or 0), aliases, False)


def _negative_ttl(reply: Reply, name: bytes) -> int | None:
    """RFC 2308 §5; None where no SOA of a zone above the name says so."""
    for (zone, kind), (record, *_) in reply.authority.items():
        if kind == Kind.SOA and is_within(name, zone):
            if record.end - record.start < _SOA_OCTETS:
                raise Unusable(WRONG_FORM)
            minimum = int.from_bytes(reply.octets[record.end - 4 : record.end], "big")
            return min(record.ttl, minimum, MAX_NEGATIVE_TTL)
    return None


def _read_all(reply: Reply, kind: Kind, found: Sequence[Record]) -> tuple[Any, ...]:
    """Each once (RFC 2181 §5)."""
    read = _READ[kind]
    return tuple(dict.fromkeys([read(reply.octets, record.start, record.end) for record in found]))


def _read_name(octets: bytes, start: int, end: int) -> str:
    return write_name(read_data_name(octets, start, end))


def _read_a(octets: bytes, start: int, end: int) -> str:
    if end - start != 4:
        raise Unusable(WRONG_FORM)
    return socket.inet_ntop(socket.AF_INET, octets[start:end])


def _read_aaaa(octets: bytes, start: int, end: int) -> str:
    if end - start != 16:
        raise Unusable(WRONG_FORM)
    return socket.inet_ntop(socket.AF_INET6, octets[start:end])


def _read_mx(octets: bytes, start: int, end: int) -> Mx:
    if end - start < 3:
        raise Unusable(WRONG_FORM)
    preference = int.from_bytes(octets[start : start + 2], "big")
    return Mx(preference, _read_name(octets, start + 2, end))


def _read_txt(octets: bytes, start: int, end: int) -> bytes:
    strings = []
    while start < end:
        behind = start + 1 + octets[start]
        strings.append(octets[start + 1 : behind])
        start = behind
    if start != end or not strings:
        raise Unusable(WRONG_FORM)
    return b"".join(strings)


def _read_tlsa(octets: bytes, start: int, end: int) -> Tlsa:
    if end - start < 3:
        raise Unusable(WRONG_FORM)
    usage, selector, matching = octets[start : start + 3]
    return Tlsa(usage, selector, matching, octets[start + 3 : end])


def _read_srv(octets: bytes, start: int, end: int) -> Srv:
    if end - start < 7:
        raise Unusable(WRONG_FORM)
    priority, weight, port = struct.unpack_from("!HHH", octets, start)
    return Srv(priority, weight, port, _read_name(octets, start + 6, end))


def _read_caa(octets: bytes, start: int, end: int) -> Caa:
    """RFC 8659 §4.1; a tag has letters and digits only."""
    tag_end = start + 2 + octets[start + 1] if end - start > 2 else end + 1
    tag = octets[start + 2 : tag_end]
    if tag_end > end or not tag.isalnum():
        raise Unusable(WRONG_FORM)
    return Caa(octets[start], tag.decode("ascii").lower(), octets[tag_end:end])


_READ: dict[Kind, Callable[[bytes, int, int], Any]] = {
    Kind.A: _read_a,
    Kind.AAAA: _read_aaaa,
    Kind.MX: _read_mx,
    Kind.TXT: _read_txt,
    Kind.PTR: _read_name,
    Kind.NS: _read_name,
    Kind.CNAME: _read_name,
    Kind.SRV: _read_srv,
    Kind.CAA: _read_caa,
    Kind.TLSA: _read_tlsa,
}
