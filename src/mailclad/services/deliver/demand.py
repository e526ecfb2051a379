"""How much TLS a message needs to a host, and by whose word.  Pure.

In this order: what the administrator says for the domain, DANE (RFC 7672), MTA-STS (RFC 8461
§5), else as much as there is.  MTA-STS never makes up for DANE that fails (RFC 8461 §2).  A
message with REQUIRETLS goes only to a host whose name and certificate are proven (RFC 8689
§4.2.1); for one with ``TLS-Required: No`` what the domain publishes is followed where it works,
and stops nothing (§4.2.2).
"""

from dataclasses import dataclass, replace
from enum import Enum

from mailclad.base.resolver import Tlsa
from mailclad.mail.dane import usable
from mailclad.mail.mta_sts import StsMode, StsPolicy
from mailclad.mail.tls_rpt import PolicySummary, PolicyType, ResultType
from mailclad.mail.tls_verdict import TlsDemand, TlsLevel
from mailclad.protocols.smtp.client.outcome import Fate, Stage, Verdict, ours
from mailclad.services.deliver.host import Host
from mailclad.services.deliver.sts import NO_POLICY, StsFound


class Wish(Enum):
    """What the message itself asks for."""

    USUAL = "usual"
    OPTIONAL = "TLS-Required: No"
    REPORT = "TLS-Required: No, in a report about TLS"
    REQUIRED = "REQUIRETLS"


@dataclass(frozen=True, slots=True)
class Published:
    """What DNS and the web say about a host.

    ``base`` is the TLSA base domain; ``records`` validated by DNSSEC, empty where there are none.
    ``dane_problem``: they could not be found out, which may be an attack.
    """

    base: str = ""
    records: tuple[Tlsa, ...] = ()
    dane_problem: str = ""
    sts: StsFound = NO_POLICY


NOTHING = Published()


@dataclass(frozen=True, slots=True)
class Demand:
    """``summary`` says under which policy, for reports; ``words`` the same for people.

    ``judged``: a certificate that is not the host's counts as a failure of the policy, even
    where the mail goes out (MTA-STS in testing); ``result`` is a failure that is known before.
    """

    tls: TlsDemand
    words: str
    summary: PolicySummary
    judged: bool = False
    result: ResultType | None = None


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A host that gets nothing: why, and how that is reported."""

    verdict: Verdict
    summary: PolicySummary
    result: ResultType


def demand_of(
    wish: Wish, level: TlsLevel | None, host: Host, published: Published
) -> Demand | Forbidden:
    """``level`` is what the administrator says."""
    if wish is Wish.REQUIRED:
        return _required(host, published)
    if level is not None:
        return _administrators(level, host)
    found = _published(host, published)
    if wish not in (Wish.OPTIONAL, Wish.REPORT):
        return found
    if isinstance(found, Forbidden):  # goes all the same, and the report says what was wrong
        return replace(_opportunistic(host), summary=found.summary, result=found.result)
    return replace(found, tls=replace(found.tls, level=TlsLevel.MAY))


def _is_proven(host: Host, published: Published) -> bool:
    """Whether the host is the domain's beyond doubt: DNSSEC, MTA-STS or our own word."""
    sts = published.sts.policy
    return host.secure or (
        sts is not None and sts.mode is not StsMode.NONE and sts.allows(host.name)
    )


def _required(host: Host, published: Published) -> Demand | Forbidden:
    if not _is_proven(host, published):
        text = f"nothing proves that {host.name} is the domain's server, and the sender demands it"
        verdict = ours(Fate.REFUSED, "5.7.10", text, Stage.CONNECT)
        return Forbidden(verdict, _no_policy(host), ResultType.VALIDATION_FAILURE)
    found = _published(host, published)
    if isinstance(found, Forbidden):
        return found
    names = found.tls.names if usable(published.records) else (host.name,)
    tls = replace(found.tls, level=TlsLevel.VERIFY, names=names)
    return replace(found, tls=tls, judged=True)


def _administrators(level: TlsLevel, host: Host) -> Demand:
    demand = TlsDemand(level, _names(host))
    return Demand(demand, f"local policy “{level}”", _no_policy(host))


def _published(host: Host, published: Published) -> Demand | Forbidden:
    if published.dane_problem:
        text = f"whether {host.name} must show a certain certificate (DANE) could not be found out"
        verdict = ours(Fate.DEFERRED, "4.7.5", f"{text}: {published.dane_problem}", Stage.CONNECT)
        summary = PolicySummary(PolicyType.TLSA, published.base or host.name)
        return Forbidden(verdict, summary, ResultType.DNSSEC_INVALID)
    if published.records:
        return _dane(host, published)
    sts = published.sts.policy
    if sts is not None and sts.mode is not StsMode.NONE:
        return _sts(host, sts)
    return _opportunistic(host)


def _dane(host: Host, published: Published) -> Demand:
    strict = bool(usable(published.records))
    names = dict.fromkeys((published.base, *_names(host)))
    level = TlsLevel.VERIFY if strict else TlsLevel.ENCRYPT
    lines = tuple(
        f"{one.usage} {one.selector} {one.matching} {one.data.hex()}" for one in published.records
    )
    summary = PolicySummary(PolicyType.TLSA, published.base, lines)
    demand = TlsDemand(level, tuple(names), published.records)
    return Demand(demand, "DANE", summary, judged=strict)


def _sts(host: Host, policy: StsPolicy) -> Demand | Forbidden:
    summary = PolicySummary(PolicyType.STS, policy.domain, policy.lines, policy.mx)
    enforced, listed = policy.mode is StsMode.ENFORCE, policy.allows(host.name)
    if enforced and not listed:
        text = f"{host.name} is not among the servers of the domain's policy (MTA-STS)"
        verdict = ours(Fate.DEFERRED, "4.7.5", text, Stage.CONNECT)
        return Forbidden(verdict, summary, ResultType.VALIDATION_FAILURE)
    level = TlsLevel.VERIFY if enforced else TlsLevel.MAY
    demand = TlsDemand(level, (host.name,))
    result = None if listed else ResultType.VALIDATION_FAILURE
    return Demand(demand, f"MTA-STS ({policy.mode})", summary, judged=True, result=result)


def _opportunistic(host: Host) -> Demand:
    return Demand(TlsDemand(TlsLevel.MAY, _names(host)), "no policy", _no_policy(host))


def _no_policy(host: Host) -> PolicySummary:
    return PolicySummary(PolicyType.NO_POLICY_FOUND, host.domains[0])


def _names(host: Host) -> tuple[str, ...]:
    """What the certificate may say: the host, and the domain if DNSSEC vouches for the way."""
    if host.named or not host.secure:
        return (host.name,)
    return tuple(dict.fromkeys((host.name, *host.domains)))
