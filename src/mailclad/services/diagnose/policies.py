"""What a mail domain says of itself in the DNS, gathered: MX, DANE, MTA-STS, SPF and the rest.

RFC 5321 §5.1, RFC 7505 (MX), RFC 7672 §2.2 (TLSA), RFC 8461 §3 (MTA-STS), RFC 8460 §3 (TLS
reports), RFC 8659 §3 (CAA), RFC 7208 §3 (SPF), RFC 9989 §4.10 (DMARC), RFC 6376 §3.6.2 (DKIM),
RFC 8601 §2.7.3 (reverse names).

Comes in: a domain and its mail hosts; a resolver and a web client.  Goes out: ``PolicySeen``;
never raises, nothing is judged.  Records of other kinds at the same names are left out.
Limits: hosts and addresses looked at, labels climbed, seconds for the policy.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from mailclad.base.https import Https, HttpsProblem, Request
from mailclad.base.resolver import Caa, Mx, ZoneResolver
from mailclad.mail import mta_sts
from mailclad.mail.dkim.record import is_key_record
from mailclad.mail.dmarc.record import parse_record as parse_dmarc
from mailclad.mail.dmarc.tree_walk import walked_names
from mailclad.mail.mta_sts import StsPolicy
from mailclad.mail.spf.record import is_spf
from mailclad.services.diagnose.asking import ask
from mailclad.services.diagnose.discovery import Discovery, Source
from mailclad.services.diagnose.facts import Asked, ExchangeSeen, PolicySeen, ReverseSeen

MAX_ADDRESSES = 4
"""Of one host whose reverse names and TLSA are looked at."""

MAX_NAMES = 5
"""Of one address; more are of shared hosting, and none of them is this server's."""

MAX_LABELS = 8
"""Climbed to find CAA records and the zone; names of more are not of mail servers."""

POLICY_SECONDS = 5.0
"""For the MTA-STS policy; RFC 8461 §3.3 gives a server 60, a person does not."""

SELECTORS = (
    "default", "dkim", "mail", "selector1", "selector2", "google", "k1", "s1", "s2", "key1",
    "fm1", "mx", "smtp", "protonmail", "zoho", "sig1", "20230601", "2024", "2025", "2026",
)  # fmt: skip
"""Of DKIM keys, as large providers and usual programs name them; the DNS has no list."""

SIGNED_ZONE = "org"
"""Signed since 2009: where its records come without proof, nothing is known of other zones."""

_TWICE_LABELS = ("_dmarc", "_mta-sts", "_smtp._tls")


class PolicyReader:
    def __init__(self, resolver: ZoneResolver, https: Https) -> None:
        self._resolver = resolver
        self._https = https

    async def read(self, found: Discovery, hosts: Sequence[str]) -> PolicySeen:
        """``hosts`` are those whose certificates matter to CAA: of programs and of the MX."""
        domain = found.domain
        exchanges, (record, policy, problem), dmarc, caa, dkim = await asyncio.gather(
            self._exchanges(found),
            self._sts(domain),
            self._dmarc(domain),
            self._all_caa(hosts),
            self._dkim(domain),
        )
        twice, zone, spf, tls_rpt, known = await asyncio.gather(
            self._twice(domain),
            self._zone(domain),
            self._txt(domain, is_spf),
            self._txt(f"_smtp._tls.{domain}", _is_tls_rpt),
            ask(SIGNED_ZONE, self._resolver.ns(SIGNED_ZONE)),
        )
        return PolicySeen(
            domain,
            zone,
            found.mx,
            exchanges,
            sts=record,
            sts_policy=policy,
            sts_problem=problem,
            tls_rpt=tls_rpt,
            caa=caa,
            spf=spf,
            dmarc=dmarc,
            dkim=dkim,
            twice=twice,
            set_up={
                seen.place: not seen.problem
                for seen in found.sources
                if seen.source in {Source.AUTOCONFIG, Source.PACC}
            },
            proofs=known.secure or found.mx.secure,
        )

    # The servers that take mail

    async def _exchanges(self, found: Discovery) -> tuple[ExchangeSeen, ...]:
        preferences = {mx.host: mx.preference for mx in reversed(found.mx.records)}
        return tuple(
            await asyncio.gather(
                *(self._exchange(Mx(preferences.get(host, 0), host)) for host in found.exchanges)
            )
        )

    async def _exchange(self, mx: Mx) -> ExchangeSeen:
        host = mx.host
        addresses4, addresses6, alias = await asyncio.gather(
            ask(host, self._resolver.addresses(host, 4)),
            ask(host, self._resolver.addresses(host, 6)),
            ask(host, self._resolver.cname(host)),
        )
        addresses = (*addresses4.records, *addresses6.records)[:MAX_ADDRESSES]
        name = f"_25._tcp.{host}"
        tlsa, reverse = await asyncio.gather(
            ask(name, self._resolver.tlsa(name)), self._reverses(addresses)
        )
        secure = tlsa.secure and (addresses4.secure or addresses6.secure)
        return ExchangeSeen(
            host,
            mx.preference,
            addresses4,
            addresses6,
            next(iter(alias.records), ""),
            # A failed answer matters too, but only below a host that is signed (RFC 7672 §2.2.2).
            tlsa if secure or (tlsa.problem and _signed(addresses4, addresses6)) else Asked(name),
            () if secure else tlsa.records,
            reverse,
        )

    async def _reverses(self, addresses: Sequence[str]) -> tuple[ReverseSeen, ...]:
        return tuple(await asyncio.gather(*map(self._reverse, addresses)))

    async def _reverse(self, address: str) -> ReverseSeen:
        names = await ask(address, self._resolver.ptr(address))
        looked_at = names.records[:MAX_NAMES]
        lead = await asyncio.gather(*(self._leads(name, address) for name in looked_at))
        return ReverseSeen(
            address, names, tuple(name for name, back in zip(looked_at, lead, strict=True) if back)
        )

    async def _leads(self, name: str, address: str) -> bool:
        version = 6 if ":" in address else 4
        return address in (await ask(name, self._resolver.addresses(name, version))).records

    # Records of the domain

    async def _txt(self, name: str, kind: Callable[[bytes], bool]) -> Asked[bytes]:
        found = await ask(name, self._resolver.txt(name))
        return replace(found, records=tuple(filter(kind, found.records)))

    async def _sts(self, domain: str) -> tuple[Asked[bytes], StsPolicy | None, str]:
        record = await self._txt(mta_sts.record_name(domain), _is_sts)
        try:
            policy_id = mta_sts.parse_record(record.records)
            if policy_id is None:
                return record, None, ""
            request = Request(mta_sts.policy_url(domain), seconds=POLICY_SECONDS)
            response = await self._https.fetch(request)
            if response.status != 200:
                return record, None, f"its server answers with status {response.status}"
            return record, mta_sts.parse_policy(response.body, domain, policy_id), ""
        except (mta_sts.StsProblem, HttpsProblem) as problem:
            return record, None, str(problem)

    async def _dmarc(self, domain: str) -> Asked[bytes]:
        """The domain's own record, or the nearest above it (RFC 9989 §4.10)."""
        first: Asked[bytes] | None = None
        for name in walked_names(domain):
            found = await self._txt(f"_dmarc.{name}", _is_dmarc)
            if found.records or found.problem:
                return found
            first = first or found
        return first or Asked(f"_dmarc.{domain}")

    async def _dkim(self, domain: str) -> dict[str, Asked[bytes]]:
        names = [f"{selector}._domainkey.{domain}" for selector in SELECTORS]
        found = await asyncio.gather(*(self._txt(name, is_key_record) for name in names))
        return {
            selector: one for selector, one in zip(SELECTORS, found, strict=True) if one.records
        }

    async def _twice(self, domain: str) -> tuple[str, ...]:
        """A form that adds the domain by itself makes NAME.DOMAIN.DOMAIN of NAME.DOMAIN."""
        names = [f"{label}.{domain}.{domain}" for label in _TWICE_LABELS]
        found = await asyncio.gather(*(self._txt(name, _is_policy) for name in names))
        return tuple(name for name, one in zip(names, found, strict=True) if one.records)

    async def _all_caa(self, hosts: Sequence[str]) -> dict[str, Asked[Caa]]:
        found = await asyncio.gather(*(nearest_caa(self._resolver, host) for host in hosts))
        return dict(zip(hosts, found, strict=True))

    async def _zone(self, domain: str) -> str:
        for name in _upwards(domain):
            if (await ask(name, self._resolver.ns(name))).records:
                return name
        return ""


async def nearest_caa(resolver: ZoneResolver, host: str) -> Asked[Caa]:
    """The nearest set, upwards, counts (RFC 8659 §3)."""
    for name in _upwards(host):
        found = await ask(name, resolver.caa(name))
        if found.records or found.problem:
            return found
    return Asked(host)


def _upwards(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(len(labels))][:MAX_LABELS]


def _signed(*addresses: Asked[str]) -> bool:
    return any(one.secure and one.records for one in addresses)


def _is_sts(record: bytes) -> bool:
    return record.startswith(b"v=STSv1")


def _is_tls_rpt(record: bytes) -> bool:
    return record.startswith(b"v=TLSRPTv1")


def _is_dmarc(record: bytes) -> bool:
    return parse_dmarc(record) is not None


def _is_policy(record: bytes) -> bool:
    return _is_sts(record) or _is_tls_rpt(record) or _is_dmarc(record)
