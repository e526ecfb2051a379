"""DNS messages: the question we ask, and what a reply to it says (RFC 1035 §4, 2308, 6604).

Comes in: octets of a stranger.  Goes out: a message that answers our question, then a
``Reading`` of it, or ``Unusable``.  Only records that stand at the name asked for, or where its
CNAMEs in the same reply lead, are looked at; whatever else was sent along is not believed.
Octets of names that are not printable come as ``\\DDD``, so no name holds a control character.
"""

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from mailclad.base.resolver import Mx, Tlsa

MAX_RECORDS = 1000
"""In one reply, all sections together: counted before any is read.  The largest useful sets have
some dozens; 64 KB of text or keys fit into far fewer."""

MAX_ALIASES = 8
"""CNAMEs from the name asked for to the records; unbound follows 11, BIND 16, mail needs 2."""

MAX_TTL = 24 * 3600
"""Records that claim to hold for longer are asked for again after a day."""

MAX_NEGATIVE_TTL = 3 * 3600
"""That there is nothing is believed for no longer (RFC 2308 §5: one to three hours)."""

UDP_OCTETS = 1232
"""The largest datagram we ask for: it fits the smallest IPv6 packet, so it is never cut up."""

_NAME_CHARACTERS = 4 * 255
"""A name of 255 octets with each written as ``\\DDD``."""

_HEADER_OCTETS = 12
_RESPONSE = 0x80
_TRUNCATED = 0x02


class Unusable(Exception):
    """A reply that answers nothing; the text says why, after the server's name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``unfinished``: a CNAME leads to ``name``, of which the reply does not tell."""

    name: Name
    records: tuple[Any, ...]
    exists: bool
    ttl: int
    aliases: int
    unfinished: bool


def read_name(text: str) -> Name | None:
    """A name in canonical form; None where none in the DNS can be meant, nor the root."""
    if len(text) > _NAME_CHARACTERS or not text.isascii() or text in {"", ".", "@"}:
        return None
    return _parse_name(text)


@functools.lru_cache(maxsize=4096)
def _parse_name(text: str) -> Name | None:
    try:
        return dns.name.from_text(text.encode("ascii")).canonicalize()
    except (dns.exception.DNSException, ValueError):
        return None


def write_name(name: Name) -> str:
    """In lower case, without the last dot; the root is ""."""
    return "" if name == dns.name.root else name.canonicalize().to_text(omit_final_dot=True)


def make_question(name: Name, rdtype: RdataType, *, checked: bool = True) -> dns.message.Message:
    """With DNSSEC wanted; ``checked=False`` asks for what fails validation too."""
    flags = dns.flags.RD | dns.flags.AD | (0 if checked else dns.flags.CD)
    return dns.message.make_query(
        name, rdtype, use_edns=0, want_dnssec=True, payload=UDP_OCTETS, flags=flags
    )


def belongs(reply: bytes, question: bytes) -> bool:
    """Whether these octets claim to answer those: same number, same name, type and class.

    A reply that repeats no question belongs too: some servers refuse like that.
    """
    if len(reply) < _HEADER_OCTETS or reply[:2] != question[:2] or not reply[2] & _RESPONSE:
        return False
    if reply[4:6] == b"\0\0":
        return True
    end = _HEADER_OCTETS
    while question[end]:  # a label's length; the root's is 0, then come type and class
        end += question[end] + 1
    asked = slice(_HEADER_OCTETS, end + 5)
    return reply[asked].lower() == question[asked].lower()


def is_truncated(reply: bytes) -> bool:
    """Whether to ask again over TCP."""
    return bool(reply[2] & _TRUNCATED)


def read_reply(octets: bytes, question: dns.message.Message) -> dns.message.Message:
    """Raises Unusable, and nothing else whatever comes."""
    if len(octets) < _HEADER_OCTETS:
        raise Unusable("sent a reply without a header")
    if sum(struct.unpack_from("!4H", octets, 4)) > MAX_RECORDS:
        raise Unusable(f"sent more than {MAX_RECORDS} records")
    try:
        reply = dns.message.from_wire(octets)
        fits = question.is_response(reply)
    except Exception as problem:  # the library reads a hundred kinds of record of strangers
        raise Unusable(f"sent what is no DNS message ({type(problem).__name__})") from problem
    if not fits:
        raise Unusable("answered another question")
    return reply


def read_answer(
    message: dns.message.Message, name: Name, rdtype: RdataType, max_aliases: int
) -> Reading:
    """Follow the CNAMEs in a reply; raises Unusable where they are too many or run in a circle."""
    ttl = MAX_TTL
    for aliases in range(max_aliases + 1):
        found = _set_of(message, name, rdtype)
        if found is not None:
            if message.rcode() == Rcode.NXDOMAIN:
                raise Unusable("sent records of a name that it says does not exist")
            records = tuple([_READ[rdtype](record) for record in found])
            return Reading(name, records, True, min(ttl, found.ttl), aliases, False)
        alias = _set_of(message, name, RdataType.CNAME)
        if alias is None:
            return _nothing(message, name, ttl, aliases)
        ttl = min(ttl, alias.ttl)
        name = alias[0].target
    raise Unusable(f"sent more than {MAX_ALIASES} CNAMEs in a row")


def _nothing(message: dns.message.Message, name: Name, ttl: int, aliases: int) -> Reading:
    exists = message.rcode() != Rcode.NXDOMAIN
    negative_ttl = _negative_ttl(message, name)
    if exists and aliases and negative_ttl is None:
        return Reading(name, (), True, ttl, aliases, True)
    return Reading(name, (), exists, min(ttl, negative_ttl or 0), aliases, False)


def _negative_ttl(message: dns.message.Message, name: Name) -> int | None:
    """RFC 2308 §5; None where no SOA of a zone above the name says so."""
    for found in message.authority:
        if found.rdtype == RdataType.SOA and name.is_subdomain(found.name):
            return min(int(found.ttl), int(found[0].minimum), MAX_NEGATIVE_TTL)
    return None


def _set_of(message: dns.message.Message, name: Name, rdtype: RdataType) -> dns.rrset.RRset | None:
    return message.get_rrset(message.answer, name, dns.rdataclass.IN, rdtype)


_READ: dict[RdataType, Callable[[Any], Any]] = {
    RdataType.A: lambda record: record.address,
    RdataType.AAAA: lambda record: record.address,
    RdataType.MX: lambda record: Mx(record.preference, write_name(record.exchange)),
    RdataType.TXT: lambda record: b"".join(record.strings),
    RdataType.PTR: lambda record: write_name(record.target),
    RdataType.TLSA: lambda record: Tlsa(
        record.usage, record.selector, record.mtype, bytes(record.cert)
    ),
}
