"""What a domain is told of one message in its daily DMARC report (RFC 7489 §7.2, RFC 9990)."""

from mailclad.mail.address import normalise_domain
from mailclad.mail.dkim.outcome import Outcome
from mailclad.mail.dmarc.evaluate import DmarcOutcome, DmarcResult
from mailclad.mail.dmarc.record import DmarcRecord
from mailclad.mail.dmarc.report import DkimShown, Override, PolicyShown, Row, SpfShown
from mailclad.services.receive.authentication import Findings
from mailclad.services.receive.guard import MailFrom
from mailclad.services.receive.policy import Decision

_EVALUATED = (DmarcOutcome.PASS, DmarcOutcome.FAIL)


def dmarc_note(
    findings: Findings, decision: Decision, sender: MailFrom
) -> tuple[PolicyShown, Row] | None:
    """None where there was no policy that could be evaluated."""
    dmarc = findings.dmarc
    if dmarc is None or dmarc.record is None or dmarc.outcome not in _EVALUATED:
        return None
    spf = findings.path.spf
    reverse_path = sender.mail.reverse_path
    row = Row(
        source_ip=sender.client.peer,
        count=1,
        disposition=decision.disposition,
        dkim=dmarc.aligned_dkim,
        spf=dmarc.aligned_spf,
        header_from=dmarc.author_domain,
        envelope_from="" if reverse_path is None else normalise_domain(reverse_path.domain),
        envelope_to=normalise_domain(sender.recipients[0].domain) if sender.recipients else "",
        overrides=_overrides(dmarc, decision),
        dkim_results=tuple(
            DkimShown(one.domain, one.selector, str(one.outcome), one.problem)
            for one in findings.dkim
            if one.domain and one.outcome is not Outcome.NONE
        ),
        spf_results=(
            SpfShown(
                spf.domain, str(spf.outcome), "mfrom" if spf.identity == "mailfrom" else "helo"
            ),
        ),
    )
    return _policy(dmarc.record_domain, dmarc.record), row


def _overrides(dmarc: DmarcResult, decision: Decision) -> tuple[Override, ...]:
    """Why not what the domain asked for was done."""
    if dmarc.outcome is not DmarcOutcome.FAIL or decision.disposition is dmarc.requested:
        return ()
    if decision.sealer:
        return (Override("trusted_forwarder", f"arc=pass, sealed by {decision.sealer}"),)
    if decision.disposition is dmarc.policy:
        return (Override("policy_test_mode"),)
    return (Override("local_policy"),)


def _policy(domain: str, record: DmarcRecord) -> PolicyShown:
    return PolicyShown(
        domain,
        record.policy,
        record.subdomain_policy,
        record.absent_policy,
        record.adkim,
        record.aspf,
        record.testing,
        ":".join(sorted(record.failure_options)),
    )
