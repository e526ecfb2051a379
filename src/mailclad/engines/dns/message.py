"""DNS messages: the question we ask, and the reply to it (RFC 1035 §4, RFC 6891).

Comes in: octets of a stranger.  Goes out: where in them which records stand, or ``Unusable``
and nothing else.  Read here and not by a library, for a hostile reply kept dnspython busy for
twelve seconds (2.8, 28 KB of pointers to pointers) or one (2.9, 64 KB of long names): this is
linear in octets and records, and reads only what is asked for.
Limits: records, compression pointers in a row, octets of a name.
"""

import secrets
import struct
from dataclasses import dataclass
from enum import IntEnum

from mailclad.engines.dns.name import MAX_NAME_OCTETS

MAX_RECORDS = 1000
"""In one reply, all sections together: counted before any is read.  The largest useful sets have
some dozens; 64 KB of text or keys fit into far fewer."""

MAX_POINTERS = 32
"""In a row for one name; servers that compress well need a handful."""

UDP_OCTETS = 1232
"""The largest datagram we ask for: it fits the smallest IPv6 packet, so it is never cut up."""

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")
_RESPONSE, _TRUNCATED, _RECURSION, _AUTHENTIC, _CHECKING_DISABLED = (
    0x8000,
    0x0200,
    0x0100,
    0x0020,
    0x0010,
)
_OPCODE = 0x7800
INTERNET = 1
"""The only class that is read."""

_DNSSEC_WANTED = 0x8000
_MAX_SIGNED = 0x7FFFFFFF

WRONG_FORM = "sent a record in the wrong form"
CAUSE_OF_BOGUS = "the zone is signed wrongly, or somebody changes answers on the way"


class Kind(IntEnum):
    """The types of records that we read."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    DNAME = 39
    OPT = 41
    DS = 43
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    NSEC3 = 50
    TLSA = 52
    CAA = 257


class Rcode(IntEnum):
    """RFC 1035 §4.1.1; others are only ever shown."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


class Unusable(Exception):
    """A reply that answers nothing; the text says why, after the server's name."""


@dataclass(frozen=True, slots=True)
class Record:
    """Its data stand from ``start`` to ``end``."""

    ttl: int
    start: int
    end: int


Section = dict[tuple[bytes, int], list[Record]]
"""Records of class IN by owner and type."""


@dataclass(frozen=True, slots=True)
class Reply:
    """``authentic`` is the AD bit."""

    octets: bytes
    rcode: int
    authentic: bool
    answers: Section
    authority: Section


def make_question(name: bytes, kind: Kind, *, checked: bool = True) -> bytes:
    """With DNSSEC wanted; ``checked=False`` asks for what fails validation too."""
    flags = _RECURSION | _AUTHENTIC | (0 if checked else _CHECKING_DISABLED)
    header = _HEADER.pack(secrets.randbits(16), flags, 1, 0, 0, 1)
    option = b"\0" + _RECORD.pack(Kind.OPT, UDP_OCTETS, _DNSSEC_WANTED, 0)
    return header + name + struct.pack("!HH", kind, INTERNET) + option


def belongs(octets: bytes, question: bytes) -> bool:
    """Whether these octets claim to answer those: same number, same name, type and class.

    A refusal may leave the question out: some servers do.
    """
    if len(octets) < _HEADER.size:
        return False
    number, flags, questions, *_ = _HEADER.unpack_from(octets)
    asked_number, asked_flags, *_ = _HEADER.unpack_from(question)
    if number != asked_number or not flags & _RESPONSE or (flags ^ asked_flags) & _OPCODE:
        return False
    if questions == 0:
        return flags & 0xF not in {Rcode.NOERROR, Rcode.NXDOMAIN}
    asked = slice(_HEADER.size, _end_of_question(question))
    return questions == 1 and octets[asked].lower() == question[asked].lower()


def _end_of_question(question: bytes) -> int:
    """Behind its name, type and class; only for questions of our own."""
    at = _HEADER.size
    while question[at]:
        at += 1 + question[at]
    return at + 5


def is_truncated(octets: bytes) -> bool:
    """Whether to ask again over TCP."""
    return bool(_HEADER.unpack_from(octets)[1] & _TRUNCATED)


def read_reply(octets: bytes, question: bytes) -> Reply:
    """``octets`` belong to the question; raises Unusable."""
    _, flags, questions, *counts = _HEADER.unpack_from(octets)
    if sum(counts) > MAX_RECORDS:
        raise Unusable(f"sent more than {MAX_RECORDS} records")
    at = _end_of_question(question) if questions else _HEADER.size
    try:
        answers, _, at = _read_section(octets, at, counts[0])
        authority, _, at = _read_section(octets, at, counts[1])
        _, high, at = _read_section(octets, at, counts[2])
    except (IndexError, struct.error) as problem:
        raise Unusable("sent a reply that breaks off") from problem
    return Reply(octets, high << 4 | flags & 0xF, bool(flags & _AUTHENTIC), answers, authority)


def _read_section(octets: bytes, at: int, records: int) -> tuple[Section, int, int]:
    """The records of class IN, the high bits of the RCODE (RFC 6891 §6.1.3), and where it ends."""
    found: Section = {}
    high = 0
    for _ in range(records):
        owner, at = read_wire_name(octets, at)
        kind, record_class, ttl, length = _RECORD.unpack_from(octets, at)
        start = at + _RECORD.size
        at = start + length
        if at > len(octets):
            raise Unusable("sent a reply that breaks off")
        if kind == Kind.OPT:
            high = ttl >> 24
        elif record_class == INTERNET:
            ttl = ttl if ttl <= _MAX_SIGNED else 0  # RFC 2181 §8
            found.setdefault((owner, kind), []).append(Record(ttl, start, at))
    return found, high, at


def read_wire_name(octets: bytes, at: int) -> tuple[bytes, int]:
    """The name, in lower case, and where it ends; raises Unusable, IndexError where it breaks off.

    Pointers must lead to before the name, each further back than the last (RFC 1035 §4.1.4).
    """
    labels: list[bytes] = []
    size, end, pointers, lowest = 1, 0, 0, at
    while length := octets[at]:
        if length <= 0x3F:
            labels.append(octets[at : at + 1 + length])
            at += 1 + length
            size += 1 + length
        elif length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | octets[at + 1]
            pointers += 1
            if at >= lowest or pointers > MAX_POINTERS:
                raise Unusable("sent a name that is compressed in a circle")
            lowest = at
        else:
            raise Unusable("sent a name with a label of unknown type")
        if size > MAX_NAME_OCTETS:
            raise Unusable("sent a name that is too long")
    return b"".join(labels).lower() + b"\0", end or at + 1


def read_data_name(octets: bytes, start: int, end: int) -> bytes:
    """A record's data from ``start`` to ``end``, if they are one name; raises Unusable."""
    try:
        name, behind = read_wire_name(octets, start)
    except IndexError as problem:
        raise Unusable(WRONG_FORM) from problem
    if behind != end:
        raise Unusable(WRONG_FORM)
    return name
