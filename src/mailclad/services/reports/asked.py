"""Where a domain wants its reports, asked of DNS when there is one to send.

TLS: ``_smtp._tls.<domain>`` (RFC 8460 §3).  DMARC: ``rua`` of the record, as far as those whom
it names have agreed (RFC 7489 §7.1).  ``DnsProblem`` passes through.
"""

from mailclad.base.resolver import Resolver
from mailclad.mail import tls_rpt
from mailclad.mail.dmarc.destination import permitted_destinations
from mailclad.mail.dmarc.record import choose_record
from mailclad.mail.report_uri import ReportUri
from mailclad.store.reports import ReportKind


async def asked_places(resolver: Resolver, kind: ReportKind, domain: str) -> tuple[ReportUri, ...]:
    """Empty where the domain wants no reports."""
    if kind is ReportKind.TLS:
        return tls_rpt.parse_record((await resolver.txt(f"_smtp._tls.{domain}")).records)
    record = choose_record((await resolver.txt(f"_dmarc.{domain}")).records)
    if record is None or not record.rua:
        return ()
    return await permitted_destinations(resolver, domain, record.rua)
