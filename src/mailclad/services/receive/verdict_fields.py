"""The fields that say what was found out about a message (RFC 8601, RFC 7208 §9.1).

In come ``Findings``; out come whole header fields, ours, to stand before the message.  Whoever
reads them trusts the host name at their beginning, so fields of a stranger with that name must
be gone: ``without_forged`` takes them out.
"""

from mailclad.base.octets import Octets
from mailclad.mail.arc import ArcOutcome
from mailclad.mail.authentication_results import (
    AuthenticationResults,
    MethodResult,
    arc_result,
    cut_spans,
    dkim_result,
    dmarc_result,
    find_own,
    iprev_result,
    spf_result,
    write_field,
)
from mailclad.mail.dkim.outcome import DkimResult, Outcome
from mailclad.mail.dmarc.evaluate import DmarcOutcome
from mailclad.mail.received_spf import write_received_spf
from mailclad.mail.spf.result import SpfResult
from mailclad.services.receive.authentication import Findings
from mailclad.services.receive.guard import MailFrom
from mailclad.services.receive.policy import Decision

_NAME = b"authentication-results"


def write_verdict(findings: Findings, decision: Decision, sender: MailFrom) -> bytes:
    """``Authentication-Results`` and, below it, ``Received-SPF``."""
    client, mail = sender.client, sender.mail
    results = [_spf(findings.path.spf), *map(_dkim, findings.dkim), _dmarc(findings, decision)]
    if findings.arc.outcome is not ArcOutcome.NONE:
        reason = findings.arc.problem or (
            f"{decision.sealer} is trusted and saw DMARC pass" if decision.sealer else ""
        )
        results.append(arc_result(str(findings.arc.outcome), remote_ip=client.peer, reason=reason))
    results.append(iprev_result(str(findings.path.iprev.result), address=client.peer))
    field = write_field(
        AuthenticationResults(client.host_name, tuple(results)), utf8=mail.smtputf8
    )
    reverse_path = None if mail.reverse_path is None else str(mail.reverse_path)
    return field + write_received_spf(
        findings.path.spf, client.peer, client.hello, reverse_path, client.host_name
    )


def without_forged(octets: Octets, header: bytes, host_name: str) -> bytes | None:
    """The message without fields that claim to be this server's; None where there are none."""
    spans = find_own(header, (host_name,)) if _NAME in header.lower() else []
    if not spans:
        return None
    body = memoryview(octets)[len(header) :]  # a body may have 50 MB: one copy, not two
    return b"".join([cut_spans(header, spans), body])


def _spf(spf: SpfResult) -> MethodResult:
    named = {"mail_from" if spf.identity == "mailfrom" else "hello": spf.domain}
    return spf_result(str(spf.outcome), **named, reason=spf.problem)


def _dkim(one: DkimResult) -> MethodResult:
    if one.outcome is Outcome.NONE:
        return dkim_result(str(one.outcome))
    return dkim_result(
        str(one.outcome),
        domain=one.domain,
        identity=one.identity,
        selector=one.selector,
        algorithm=one.algorithm,
        signature=one.signature,
        reason=one.problem,
    )


def _dmarc(findings: Findings, decision: Decision) -> MethodResult:
    dmarc = findings.dmarc
    if dmarc is None:
        fault = findings.author.fault
        return dmarc_result(str(DmarcOutcome.PERMERROR), reason=fault.value if fault else "")
    policy = str(dmarc.policy) if dmarc.record is not None else ""
    return dmarc_result(
        str(dmarc.outcome),
        author_domain=dmarc.author_domain,
        policy=policy,
        reason=dmarc.problem or decision.reason,
    )
