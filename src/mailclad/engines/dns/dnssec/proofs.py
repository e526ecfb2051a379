"""From a reply: proofs that something is not there, and aliases (RFC 4035 §5, RFC 6672 §5.3).

Comes in: a reply and the zone, with its keys, that should have signed what is looked at.  Goes
out: a ``Denial`` of records whose signatures are right.  Raises Bogus, Unusable.  Pure.
Limits: NSEC and NSEC3 records looked at.
"""

from collections.abc import Iterator

from mailclad.engines.dns.dnssec.denial import Denial
from mailclad.engines.dns.dnssec.nsec import NsecDenial, read_nsec
from mailclad.engines.dns.dnssec.nsec3 import Nsec3Denial, read_nsec3
from mailclad.engines.dns.dnssec.records import RRset, read_rrset
from mailclad.engines.dns.dnssec.signatures import Bogus, Effort, Zone, describe, verify
from mailclad.engines.dns.message import Kind, Reply
from mailclad.engines.dns.name import MAX_NAME_OCTETS, ancestors, count_labels, is_within

MAX_DENIALS = 16
"""NSEC and NSEC3 records in a reply: a proof needs three, of a CNAME from a wildcard one."""


def denial_rrsets(reply: Reply) -> Iterator[RRset]:
    """The NSEC and NSEC3 records in the authority section, their signatures unchecked."""
    wanted = [key for key in reply.authority if key[1] in {Kind.NSEC, Kind.NSEC3}]
    if len(wanted) > MAX_DENIALS:
        raise Bogus(f"more than {MAX_DENIALS} NSEC and NSEC3 records would have to be checked")
    for owner, kind in wanted:
        rrset = read_rrset(reply, reply.authority, owner, Kind(kind))
        if rrset is not None:
            yield rrset


def read_denial(reply: Reply, zone: Zone, now: int, effort: Effort) -> Denial:
    """What this zone's records prove; nothing where it has none there."""
    ttls: list[int] = []
    plain, hashed = [], []
    for rrset in denial_rrsets(reply):
        if not any(rrsig.signer == zone.name for rrsig in rrset.signatures):
            continue
        signed = verify(rrset, zone, now, effort)
        if signed.encloser is not None or len(rrset.data) != 1:
            raise Bogus(f"{describe(rrset)} is no proof")
        ttls.append(signed.ttl)
        if rrset.kind == Kind.NSEC:
            plain.append(read_nsec(rrset.owner, rrset.data[0]))
        elif rrset.owner[1 + rrset.owner[0] :] == zone.name:
            nsec3 = read_nsec3(rrset.owner, rrset.data[0])
            hashed.extend([] if nsec3 is None else [nsec3])
    ttl = min(ttls, default=0)
    if hashed and not plain:
        return Nsec3Denial(hashed, ttl, effort)
    return NsecDenial(plain, ttl)


def alias_rrset(reply: Reply, owner: bytes) -> RRset | None:
    """The signed record that makes the name an alias: its CNAME, or the DNAME above it.

    A CNAME that follows from a DNAME has no signature of its own (RFC 6672 §5.3.1).
    """
    cname = read_rrset(reply, reply.answers, owner, Kind.CNAME)
    if cname is None or cname.signatures:
        return cname
    _, *above = ancestors(owner)
    for name in above:
        dname = read_rrset(reply, reply.answers, name, Kind.DNAME)
        if dname is not None and cname.data == (_redirected(owner, dname),):
            return dname
    return cname


def _redirected(owner: bytes, dname: RRset) -> bytes | None:
    """RFC 6672 §2.2."""
    if len(dname.data) != 1:
        return None
    name = owner[: len(owner) - len(dname.owner)] + dname.data[0]
    return name if len(name) <= MAX_NAME_OCTETS else None


def deepest_signer(reply: Reply, name: bytes) -> bytes | None:
    """Of the zones that signed something in the authority section, the closest above the name."""
    signers = {
        rrsig.signer
        for rrset in denial_rrsets(reply)
        for rrsig in rrset.signatures
        if is_within(name, rrsig.signer)
    }
    return max(signers, key=count_labels, default=None)
