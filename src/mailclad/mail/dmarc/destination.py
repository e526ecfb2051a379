"""Whether who is to get reports agreed to it (RFC 7489 §7.1, RFC 9990).

In come the domain of a DMARC record and the addresses of its ``rua`` or ``ruf``; out come those
that may be used.  Addresses inside the organization need no leave; another domain gives it by
a DMARC record at ``<domain>._report._dmarc.<theirs>``.  Without this, a record could have us
flood anybody.  A record there may name other addresses, of its own host only.
``DnsProblem`` passes through: ask again later.
"""

from collections.abc import Sequence

from mailclad.base.resolver import Resolver
from mailclad.mail.address import AddressProblem, normalise_domain
from mailclad.mail.dmarc.record import DmarcRecord, parse_record
from mailclad.mail.dmarc.tree_walk import Walker
from mailclad.mail.report_uri import ReportUri


async def permitted_destinations(
    resolver: Resolver,
    record_domain: str,
    addresses: Sequence[ReportUri],
    *,
    failures: bool = False,
) -> tuple[ReportUri, ...]:
    """``failures``: for ``ruf``.  Only mail addresses: DMARC knows no other way."""
    walker = Walker(resolver)
    own = await walker.organizational_domain(record_domain)
    permitted: dict[ReportUri, None] = {}
    for uri in addresses:
        host = _host(uri)
        if host is None:
            continue
        if host == record_domain or await walker.organizational_domain(host) == own:
            permitted[uri] = None
            continue
        answer = await resolver.txt(f"{record_domain}._report._dmarc.{host}")
        leaves = [leave for text in answer.records if (leave := parse_record(text)) is not None]
        if leaves:
            permitted |= dict.fromkeys(_overridden(uri, host, leaves, failures))
    return tuple(permitted)


def _overridden(
    uri: ReportUri, host: str, leaves: Sequence[DmarcRecord], failures: bool
) -> list[ReportUri]:
    """The addresses that the leave names instead, if any; none if one is of another host."""
    named = [found for leave in leaves for found in (leave.ruf if failures else leave.rua)]
    if any(_host(found) != host for found in named):
        return []
    return named or [uri]


def _host(uri: ReportUri) -> str | None:
    if uri.address is None or uri.address.is_literal:
        return None
    try:
        return normalise_domain(uri.address.domain)
    except AddressProblem:
        return None
