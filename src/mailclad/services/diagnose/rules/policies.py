"""C33–C36: what a domain demands of its servers, and whether they keep it.

RFC 7671, RFC 7672 (DANE), RFC 8461 (MTA-STS), RFC 8460 (TLS reports), RFC 8659 (CAA).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from mailclad.mail import mta_sts
from mailclad.mail.dane import usable
from mailclad.mail.tls_rpt import parse_record as parse_tls_rpt
from mailclad.services.diagnose.chain import Certificate
from mailclad.services.diagnose.facts import Asked, ExchangeSeen, PolicySeen
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.diagnose.rules import known_issuers
from mailclad.services.diagnose.rules.case import Case, Shown, plain_host


def policies(case: Case) -> Iterator[PolicySeen]:
    if case.evidence.policies is not None:
        yield case.evidence.policies


def found(entry: str, rule: str, host: str, level: Level | None = None, **values: str) -> Found:
    return Found(entry, rule, host, level=level, values=values)


# --- DNSSEC ---


def broken_dnssec(case: Case) -> Iterator[Found]:
    """C34: told once, for all answers that do not validate"""
    for seen in policies(case):
        bogus = next((one for one in _all_asked(seen) if one.bogus), None)
        if bogus is not None:
            what = bogus.problem or "its signatures do not validate"
            yield found("DNS-418", "C34", seen.domain, zone=seen.zone or seen.domain, what=what)


def _all_asked(seen: PolicySeen) -> Iterable[Asked[Any]]:
    yield from (seen.mx, seen.sts, seen.tls_rpt, seen.spf, seen.dmarc)
    yield from seen.caa.values()
    yield from seen.dkim.values()
    for exchange in seen.exchanges:
        yield from (exchange.addresses4, exchange.addresses6, exchange.tlsa)


def no_dnssec(case: Case) -> Iterator[Found]:
    """C34"""
    for seen in policies(case):
        if seen.dnssec is False:
            yield found("DNS-424", "C34", seen.domain, zone=seen.zone or seen.domain)


# --- DANE ---


def dane(case: Case) -> Iterator[Found]:
    """C33"""
    proofs = case.evidence.policies is not None and case.evidence.policies.proofs
    for host, exchange in case.exchanges.items():
        shown = [
            one
            for one in case.shown
            if plain_host(one.host) == host and one.door.is_between_servers
        ]
        record = _tlsa_record(host, shown)
        records = exchange.tlsa.records
        if exchange.tlsa_insecure and not records and proofs:
            what = "DNSSEC does not protect the TLSA records, so nobody may use them"
            yield found("DNS-417", "C33", host, Level.NOTE, what=what, record=record)
        elif records and exchange.tlsa.secure and not usable(records):
            what = "none of the TLSA records is of a kind that mail servers use (DANE-EE, DANE-TA)"
            yield found("DNS-417", "C33", host, Level.WATCH, what=what, record=record)
        elif usable(records) and exchange.tlsa.secure:
            yield from _judged(case, shown, host, record)
        elif not exchange.tlsa.problem and _could_have_dane(case, exchange) and record:
            yield found("DNS-426", "C33", host, record=record)


def _judged(case: Case, shown: list[Shown], host: str, record: str) -> Iterator[Found]:
    for one in shown:
        verdict = case.dane(one)
        if verdict is not None and verdict.failure is not None:
            yield one.door.found(
                "DNS-417", "C33", Level.PROBLEM, what=verdict.reason, record=record
            )
    lacks = [
        door
        for door in case.doors
        if door.is_between_servers
        and plain_host(door.host) == host
        and door.port.offers_clear is not None
        and "STARTTLS" not in door.port.offers_clear
    ]
    for door in lacks:
        what = "there are TLSA records, and port 25 offers no encryption: mail waits"
        yield door.found("DNS-417", "C33", Level.PROBLEM, what=what, record=record)


def _could_have_dane(case: Case, exchange: ExchangeSeen) -> bool:
    """RFC 7672 §2.2: the domain's MX and the host's addresses must be secure."""
    signed = case.evidence.policies is not None and case.evidence.policies.dnssec
    asked = [one for one in (exchange.addresses4, exchange.addresses6) if one.records]
    return bool(signed) and bool(asked) and all(one.secure for one in asked)


def _tlsa_record(host: str, shown: list[Shown]) -> str:
    if not shown:
        return ""
    return f"_25._tcp.{host}. IN TLSA 3 1 1 {shown[0].chain.leaf.key_digest}"


# --- MTA-STS, TLS reports ---


def sts(case: Case) -> Iterator[Found]:
    """C35; that a certificate fails where the policy enforces is told of the certificate"""
    for seen in policies(case):
        for what in _wrong_sts(seen):
            yield found("DNS-416", "C35", seen.domain, what=what)


def _wrong_sts(seen: PolicySeen) -> Iterator[str]:
    try:
        announced = mta_sts.parse_record(seen.sts.records)
    except mta_sts.StsProblem as problem:
        yield str(problem)
        return
    if announced is None:
        return
    if seen.sts_problem:
        yield f"the policy could not be had: {seen.sts_problem}"
    policy = seen.sts_policy
    if policy is not None and policy.mode is not mta_sts.StsMode.NONE:
        outside = [one.host for one in seen.exchanges if not policy.allows(one.host)]
        if outside:
            yield f"the policy does not name {', '.join(outside)}, which takes the mail"


def tls_reports(case: Case) -> Iterator[Found]:
    """C35"""
    for seen in policies(case):
        if seen.exchanges and not seen.tls_rpt.problem and not parse_tls_rpt(seen.tls_rpt.records):
            record = (
                f"_smtp._tls.{seen.domain}. IN TXT "
                f'"v=TLSRPTv1; rua=mailto:tls-reports@{seen.domain}"'
            )
            yield found("DNS-425", "C35", seen.domain, record=record)


# --- CAA ---


def caa(case: Case) -> Iterator[Found]:
    """C36: never that a certificate is wrong (RFC 8659 §1): only that it could not be renewed"""
    for seen in policies(case):
        for host, asked in seen.caa.items():
            leaf = next(
                (one.chain.leaf for one in case.shown if plain_host(one.host) == plain_host(host)),
                None,
            )
            domains = known_issuers.caa_domains(leaf.issuer) if leaf is not None else ()
            tags = [one.tag.lower() for one in asked.records]
            if "issuewild" in tags and leaf is not None and _is_by_star(leaf, host):
                tags = ["issue" if tag == "issuewild" else "" for tag in tags]
            allowed = [
                _issuer(one.value)
                for one, tag in zip(asked.records, tags, strict=True)
                if tag == "issue"
            ]
            if allowed and domains and not set(allowed) & set(domains):
                record = f'{asked.name or host}. IN CAA 0 issue "{domains[0]}"'
                issuers = ", ".join(filter(None, allowed)) or "nobody"
                yield found(
                    "DNS-419", "C36", host, issuers=issuers, wanted=domains[0], record=record
                )


def _is_by_star(leaf: Certificate, host: str) -> bool:
    """RFC 8659 §4.3: issuewild alone counts for a certificate with a star."""
    return plain_host(host) not in leaf.names.dns


def _issuer(value: bytes) -> str:
    return value.partition(b";")[0].strip().decode("ascii", "replace").lower()
