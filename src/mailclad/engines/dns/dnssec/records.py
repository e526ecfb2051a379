"""RRsets in canonical form with their signatures, keys and DS records (RFC 4034 §2, 3, 5, 6).

Comes in: a reply that has been read.  Goes out: values, or ``Unusable``.  Canonical are owner and
names in the data in lower case and uncompressed, the records sorted, each once; the name in an
NSEC stays as it was sent (RFC 6840 §5.1).  Only types whose data we ask for are known here.
Limits: signatures read for an RRset.
"""

import hashlib
import struct
from dataclasses import dataclass

from mailclad.engines.dns.message import (
    WRONG_FORM,
    Kind,
    Record,
    Reply,
    Section,
    Unusable,
    read_data_name,
    read_wire_name,
)

MAX_RRSIGS = 16
"""Of one RRset that are looked at: one for each key that signs, so two or four in a rollover."""

_NAME_AT = {Kind.CNAME: 0, Kind.PTR: 0, Kind.DNAME: 0, Kind.MX: 2}
"""In the data of these types a name stands from here to the end (RFC 4034 §6.2)."""

_RRSIG = struct.Struct("!HBBIIIH")
_DNSKEY = struct.Struct("!HBB")
_DS = struct.Struct("!HBB")

_ZONE_KEY, _REVOKED = 0x0100, 0x0080
_DNSSEC_PROTOCOL = 3


@dataclass(frozen=True, slots=True)
class Rrsig:
    """``signed`` is its data in front of the signature, which are signed too (RFC 4034 §3.1.8)."""

    algorithm: int
    labels: int
    original_ttl: int
    expiration: int
    inception: int
    key_tag: int
    signer: bytes
    signed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class RRset:
    """``data``: of each record, in canonical form and order."""

    owner: bytes
    kind: Kind
    ttl: int
    data: tuple[bytes, ...]
    signatures: tuple[Rrsig, ...]


@dataclass(frozen=True, slots=True)
class Ds:
    """RFC 4034 §5.1."""

    key_tag: int
    algorithm: int
    digest_type: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Dnskey:
    """RFC 4034 §2.1; ``data`` as in the record."""

    data: bytes
    algorithm: int
    key_tag: int
    public_key: bytes


def read_rrset(reply: Reply, section: Section, owner: bytes, kind: Kind) -> RRset | None:
    """None where there is no such record."""
    records = section.get((owner, kind))
    if records is None:
        return None
    data = tuple(sorted({_canonical(reply.octets, record, kind) for record in records}))
    ttl = min([record.ttl for record in records])
    signatures = section.get((owner, Kind.RRSIG), [])
    return RRset(owner, kind, ttl, data, _read_rrsigs(reply.octets, signatures, kind))


def _canonical(octets: bytes, record: Record, kind: Kind) -> bytes:
    at = _NAME_AT.get(kind)
    if at is None:
        return octets[record.start : record.end]
    name = read_data_name(octets, record.start + at, record.end)
    return octets[record.start : record.start + at] + name


def _read_rrsigs(octets: bytes, records: list[Record], kind: Kind) -> tuple[Rrsig, ...]:
    covered = kind.to_bytes(2, "big")
    fitting = [one for one in records if octets[one.start : one.start + 2] == covered]
    return tuple([_read_rrsig(octets, one) for one in fitting[:MAX_RRSIGS]])


def _read_rrsig(octets: bytes, record: Record) -> Rrsig:
    at = record.start + _RRSIG.size
    try:
        signer, behind = read_wire_name(octets, at)
    except IndexError as problem:
        raise Unusable(WRONG_FORM) from problem
    if behind > record.end:
        raise Unusable(WRONG_FORM)
    _, algorithm, labels, ttl, until, since, tag = _RRSIG.unpack_from(octets, record.start)
    return Rrsig(
        algorithm,
        labels,
        original_ttl=ttl,
        expiration=until,
        inception=since,
        key_tag=tag,
        signer=signer,
        signed=octets[record.start : at] + signer,
        signature=octets[behind : record.end],
    )


def read_ds(data: bytes) -> Ds:
    if len(data) <= _DS.size:
        raise Unusable(WRONG_FORM)
    key_tag, algorithm, digest_type = _DS.unpack_from(data)
    return Ds(key_tag, algorithm, digest_type, data[_DS.size :])


def read_dnskey(data: bytes) -> Dnskey | None:
    """None where it is no key for a zone's records, or revoked (RFC 4034 §2.1, RFC 5011 §2.1)."""
    if len(data) <= _DNSKEY.size:
        raise Unusable(WRONG_FORM)
    flags, protocol, algorithm = _DNSKEY.unpack_from(data)
    if not flags & _ZONE_KEY or flags & _REVOKED or protocol != _DNSSEC_PROTOCOL:
        return None
    return Dnskey(data, algorithm, _key_tag(data), data[_DNSKEY.size :])


def _key_tag(data: bytes) -> int:
    """RFC 4034 appendix B."""
    total = (sum(data[::2]) << 8) + sum(data[1::2])
    return total + (total >> 16) & 0xFFFF


DIGESTS = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}
"""Of a key in a DS record, by type; a better one is believed alone (RFC 4509 §3)."""


def fits(key: Dnskey, ds: Ds, zone: bytes) -> bool:
    """Whether the DS record, whose digest type is known, is of this key (RFC 4034 §5.1.4)."""
    return (key.key_tag, key.algorithm) == (ds.key_tag, ds.algorithm) and DIGESTS[ds.digest_type](
        zone + key.data
    ).digest() == ds.digest
