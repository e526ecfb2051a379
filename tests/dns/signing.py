"""Signed zones in memory, for tests that turn the clock or change what is sent: dnspython signs.

    zones = [SignedZone("", {}), SignedZone("example.test", {"example.test": {"MX": ["1 mx"]}})]
    async with SignedDns(signed=zones) as dns:
        resolver = DnsResolver([dns.address], validate="always", anchors=zones[0].anchors)

Names are as in ``StubDns``.  A zone stands in the next longer one of the list, which has a DS for
it where ``delegated`` is "signed".  Absence is proven with NSEC, wildcards work.  ``SignedDns``
answers as a resolver that does not validate; ``change`` may spoil each reply.  With real servers
and NSEC3: ``tests.dns.signed``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ed25519
from dns.rdatatype import RdataType

from mailclad.engines.dns.dnssec.records import Ds
from tests.dns.server import Records, StubDns, is_probe

NOW = 1_800_000_000
"""What the signatures in memory hold for; from an hour before to a day after."""

SINCE, UNTIL = NOW - 3600, NOW + 86400


class SignedZone:
    def __init__(
        self,
        name: str,
        records: Records,
        *,
        delegated: Literal["signed", "unsigned"] = "signed",
        since: int = SINCE,
        until: int = UNTIL,
    ) -> None:
        self.origin = dns.name.from_text(name)
        self.signed = delegated == "signed"
        self.times = (since, until)
        self._private = ed25519.Ed25519PrivateKey.generate()
        self.key = dns.dnssec.make_dnskey(self._private.public_key(), "ED25519", flags=257)
        self.nodes: dict[dns.name.Name, dict[RdataType, dns.rrset.RRset]] = {}
        self.add(self.origin, "SOA", [". . 1 3600 600 86400 60"])
        self.add(self.origin, "NS", ["ns.invalid."])
        self.add(self.origin, "DNSKEY", [self.key.to_text()])
        for owner, kinds in records.items():
            for kind, texts in kinds.items():
                self.add(dns.name.from_text(owner), kind, texts)

    def ds(self, digest: str) -> str:
        policy = dns.dnssec.allow_all_policy
        return dns.dnssec.make_ds(self.origin, self.key, digest, policy=policy).to_text()

    @property
    def anchors(self) -> tuple[Ds, ...]:
        key_tag, algorithm, digest_type, digest = self.ds("SHA256").split()
        return (Ds(int(key_tag), int(algorithm), int(digest_type), bytes.fromhex(digest)),)

    def add(self, owner: dns.name.Name, kind: str, texts: Sequence[str]) -> None:
        rrset = dns.rrset.from_text(owner, 300, "IN", kind, *texts)
        self.nodes.setdefault(owner, {})[rrset.rdtype] = rrset

    def delegate(self, zone: "SignedZone") -> None:
        self.add(zone.origin, "NS", ["ns.invalid."])
        if zone.signed:
            self.add(zone.origin, "DS", [zone.ds("SHA256")])

    def sign(self, rrset: dns.rrset.RRset) -> dns.rrset.RRset:
        since, until = self.times
        rrsig = dns.dnssec.sign(
            rrset, self._private, self.origin, self.key, inception=since, expiration=until
        )
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, rrsig)

    def find(self, name: dns.name.Name, kind: RdataType) -> dns.rrset.RRset | None:
        here = self.nodes.get(name, {})
        return here.get(RdataType.CNAME) or here.get(kind)

    def exists(self, name: dns.name.Name) -> bool:
        return any(node.is_subdomain(name) for node in self.nodes)

    def wildcard(self, name: dns.name.Name) -> dns.name.Name:
        above = name.parent()
        while not self.exists(above):
            above = above.parent()
        return dns.name.Name((b"*", *above.labels))

    def nsec(self, name: dns.name.Name) -> dns.rrset.RRset:
        """The one that stands at the name, or covers it."""
        names = sorted(self.nodes)
        at = max(number for number, node in enumerate(names) if node <= name)
        kinds = [dns.rdatatype.to_text(kind) for kind in self.nodes[names[at]]]
        text = " ".join([names[(at + 1) % len(names)].to_text(), *kinds, "RRSIG", "NSEC"])
        return dns.rrset.from_text(names[at], 60, "IN", "NSEC", text)


@dataclass
class SignedDns(StubDns):
    """``signed``: from the root down; the zones of each are told of those below."""

    signed: Sequence[SignedZone] = ()
    change: Callable[[dns.message.Message], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        for zone in self.signed[1:]:
            self._zone(zone.origin.parent()).delegate(zone)

    def answer(self, query: dns.message.Message, *, udp: bool) -> dns.message.Message:
        if is_probe(query):
            return super().answer(query, udp=udp)
        question = query.question[0]
        assert query.flags & dns.flags.CD
        reply = dns.message.make_response(query, recursion_available=True)
        if udp and self.truncate:
            reply.flags |= dns.flags.TC
            return reply
        name: dns.name.Name | None = question.name
        while name is not None:
            name = self._tell(reply, name, question.rdtype)
        self.change(reply)
        return reply

    def _zone(self, name: dns.name.Name) -> SignedZone:
        return max(
            [zone for zone in self.signed if name.is_subdomain(zone.origin)],
            key=lambda zone: len(zone.origin),
        )

    def _tell(
        self, reply: dns.message.Message, name: dns.name.Name, kind: RdataType
    ) -> dns.name.Name | None:
        """Returns where a CNAME leads."""
        zone = self._zone(name.parent() if kind == RdataType.DS else name)
        found, asked = zone.find(name, kind), name
        if not zone.exists(name):
            asked = zone.wildcard(name)
            found = zone.find(asked, kind)
            reply.authority += self._signed(zone, zone.nsec(name))
        if found is not None:
            reply.answer += [_renamed(one, name) for one in self._signed(zone, found)]
            alias = found.rdtype == RdataType.CNAME
            return found[0].target if alias else None
        soa = zone.nodes[zone.origin][RdataType.SOA]
        reply.authority += [*self._signed(zone, soa), *self._signed(zone, zone.nsec(asked))]
        if not zone.exists(asked):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return None

    def _signed(self, zone: SignedZone, rrset: dns.rrset.RRset) -> list[dns.rrset.RRset]:
        return [rrset, zone.sign(rrset)] if zone.signed else [rrset]


def _renamed(rrset: dns.rrset.RRset, name: dns.name.Name) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))
