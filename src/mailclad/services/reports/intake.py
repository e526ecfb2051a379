"""Reports of others about our domains, taken from the mail that brings them.

In comes a message of a stranger, whole; what is in it is read on a thread (two seconds at
worst, one message at a time) and kept in the store, once for each organization and identifier.
A TLS report counts only with a valid DKIM signature of the reporter over all of the mail, by a
key that is good for ``tlsrpt`` (RFC 8460 §3); of a DMARC report it is written down whether there
was one (RFC 7489 §7.2.1.1).  What is ignored is counted with the reason, in words of ours.

Limits: ``MAIL_OCTETS``, ``WAITING``, those of ``mail.report_attachment`` and ``store.reports``.
"""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import structlog

from mailclad.base.clock import Clock
from mailclad.base.resolver import Resolver
from mailclad.mail import tls_rpt
from mailclad.mail.dkim.outcome import Outcome
from mailclad.mail.dkim.verify import verify_dkim
from mailclad.mail.dmarc import report as dmarc
from mailclad.mail.dmarc.author import find_author
from mailclad.mail.headers import Field
from mailclad.mail.packed import pack
from mailclad.mail.report_attachment import NoReport, find_report
from mailclad.mail.tls_rpt import TlsReport
from mailclad.store.interface import Directory
from mailclad.store.reports import DAY_SECONDS, Keeping, NewReceived, ReportKind, Reports

MAIL_OCTETS = 16 * 1024 * 1024
"""Of a message: the largest report, in base64."""

TAKEN_OCTETS = MAIL_OCTETS + 1
"""As much as is needed of a message to see that it is too large."""

WAITING = 8
"""Messages in memory at once: read, waiting to be, or waiting for the key of their signature."""

_log = structlog.get_logger()


class TryLater(Exception):
    """The report cannot be judged now; the text says why."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a message brought; ``content`` by domain of ours, ready to be kept."""

    kind: ReportKind
    fields: list[Field]
    reports: tuple[NewReceived, ...]


class Intake:
    def __init__(
        self, store: Reports, directory: Directory, resolver: Resolver, clock: Clock
    ) -> None:
        self._store, self._directory = store, directory
        self._resolver, self._clock = resolver, clock
        self._waiting = 0
        self._one = asyncio.Lock()

    async def take(self, message: bytes, *, vouched: str = "") -> None:
        """Keep the report, or count why not; raises TryLater.

        ``vouched``: who made it is known, and no signature is asked for.
        """
        if self._waiting >= WAITING:
            raise TryLater("too many reports are being read")
        self._waiting += 1
        try:
            await self._take(message, vouched)
        except NoReport as problem:
            await self._ignore(str(problem))
        finally:
            self._waiting -= 1

    async def _take(self, message: bytes, vouched: str) -> None:
        if len(message) > MAIL_OCTETS:
            raise NoReport(f"the message is larger than {MAIL_OCTETS} octets")
        ours = await self._directory.domains()
        async with self._one:
            found = await asyncio.to_thread(_find, message, ours, self._clock.now())
        if not vouched:
            vouched = await self._vouched(message, found)
        for report in found.reports:
            kept = await self._store.keep_received(replace(report, vouched=vouched))
            _log.info("report received", kind=found.kind, domain=report.domain, outcome=kept)
            if kept is not Keeping.KEPT:
                await self._ignore(_NOT_KEPT[kept])

    async def _vouched(self, message: bytes, found: _Found) -> str:
        """The domain that signed all of the mail and is its author's."""
        tls = found.kind is ReportKind.TLS
        service = b"tlsrpt" if tls else b"email"
        results = await verify_dkim(message, self._resolver, self._clock.now(), service)
        authors = find_author(found.fields).domains
        for result in results:
            if (
                result.outcome is Outcome.PASS
                and result.whole
                and _related(result.domain, authors)
            ):
                return result.domain
        if any(result.outcome is Outcome.TEMPERROR for result in results):
            raise TryLater("DNS does not tell the key of the signature now")
        if tls:
            raise NoReport("a TLS report without a valid signature of its sender (DKIM)")
        return ""

    async def _ignore(self, reason: str) -> None:
        _log.info("report ignored", reason=reason)
        await self._store.count_ignored(self._clock.now() // DAY_SECONDS, reason)


_NOT_KEPT = {
    Keeping.KNOWN: "the report was here already",
    Keeping.TOO_MANY: "more reports in a day than are kept",
}


def _related(domain: str, others: Collection[str]) -> bool:
    """The same, or one below the other; a top-level domain is related to nobody."""
    return "." in domain and any(
        domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")
        for other in others
    )


def _find(message: bytes, ours: Sequence[str], now: int) -> _Found:
    """Raises NoReport."""
    report, fields = find_report(message)
    if isinstance(report, TlsReport):
        found = _Found(ReportKind.TLS, fields, _tls(report, ours, now))
    else:
        found = _Found(ReportKind.DMARC, fields, _dmarc(report, ours, now))
    if not found.reports:
        raise NoReport("the report is about no domain of ours")
    return found


def _tls(report: TlsReport, ours: Sequence[str], now: int) -> tuple[NewReceived, ...]:
    """One for each domain of ours that it is about."""
    domains = dict.fromkeys(policy.policy_domain for policy in report.policies)
    made = []
    for domain in domains:
        if _related(domain, ours):
            policies = tuple(one for one in report.policies if one.policy_domain == domain)
            passed = sum(one.successful_sessions for one in policies)
            failed = sum(one.failed_sessions for one in policies)
            content = tls_rpt.write_report(replace(report, policies=policies))
            made.append(_received(report, domain, passed, failed, content, now))
    return tuple(made)


def _dmarc(report: dmarc.Report, ours: Sequence[str], now: int) -> tuple[NewReceived, ...]:
    if not _related(report.policy.domain, ours):
        return ()
    passed = sum(row.count for row in report.rows if row.dkim or row.spf)
    failed = sum(row.count for row in report.rows) - passed
    content = dmarc.write_report(report)
    return (_received(report, report.policy.domain, passed, failed, content, now),)


def _received(
    report: TlsReport | dmarc.Report,
    domain: str,
    passed: int,
    failed: int,
    content: bytes,
    now: int,
) -> NewReceived:
    """Without an identifier of its own it gets one that is the same if it comes again."""
    return NewReceived(
        kind=ReportKind.TLS if isinstance(report, TlsReport) else ReportKind.DMARC,
        domain=domain,
        organization=report.organization,
        report_id=report.report_id or hashlib.sha256(content).hexdigest(),
        contact=report.contact,
        begin=report.begin,
        end=report.end,
        received_at=now,
        vouched="",
        passed=passed,
        failed=failed,
        content=pack(content),
    )
