"""Reports of ours, sent when their day is over (RFC 8460 §3, §5, RFC 7489 §7.2.1).

Comes in: what was counted, from the store.  Goes out: mail in the queue, in the same commit that
says so; or an HTTPS request.  A report that cannot be sent now is tried again every hour for a
day (RFC 8460 §5.5), then given up.  A crash at any moment leaves the report to be sent by
whoever is next, after ``AGAIN_SECONDS``; one that went by HTTPS may go twice, with one identifier.

What DNS names is a stranger's wish: it is asked at most for what ``mail.report_uri`` lets
through, and mail goes to others only with their consent.  Addresses of ours are not mailed to:
``Post.here`` takes the message.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from mailclad.base.clock import Clock
from mailclad.base.octets import Octets
from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.mail.address import Address, AddressProblem, normalise_domain
from mailclad.mail.report_message import ReportMail, compose_report_mail
from mailclad.mail.report_uri import ReportUri
from mailclad.services.reports.asked import asked_places
from mailclad.services.reports.compose import PackedReport, Sender, compose_report
from mailclad.store.queue import Dispatch, Envelope, NewRecipient, Notify
from mailclad.store.reports import DAY_SECONDS, ReportKind, Reports, SendOutcome, Topic

AGAIN_SECONDS = 3_600
"""From one try to the next; nobody waits for a report."""

GIVE_UP_SECONDS = DAY_SECONDS
"""RFC 8460 §5.5: "for up to 24 hours after the initial attempt"."""

AT_ONCE = 10
"""Reports being made: each may wait for DNS, and one of the largest is some 30 MB of memory."""

TAKEN_AT_ONCE = 100
"""Done, at ``REPORT_SECONDS`` each, before they would be taken again.  Looked for every five
minutes, that makes 28,800 a day."""

REPORT_SECONDS = 300
"""For one report: its domain may name ten places, and its DNS may be slow."""

_log = structlog.get_logger()


class Signer(Protocol):
    async def sign_message(self, octets: Octets, domain: str) -> bytes:
        """DKIM-Signature fields to stand before the message, b"" where the domain has no key."""
        ...


class Poster(Protocol):
    async def post(self, url: str, media_type: str, octets: bytes) -> bool:
        """Whether the server took it (RFC 8460 §5.4)."""
        ...


class Here(Protocol):
    async def take(self, address: Address, octets: bytes) -> bool:
        """A report for an address of this server; False where the domain is not ours."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """How reports leave; without ``poster`` places of ``https:`` are passed over."""

    signer: Signer
    here: Here
    poster: Poster | None = None


FindSender = Callable[[], Awaitable[Sender | None]]
"""Who reports; None while we have no domain."""


@dataclass(slots=True)
class _Sent:
    """What was done with one report."""

    places: list[str] = field(default_factory=list)
    mails: list[Dispatch] = field(default_factory=list)
    failures: list[SendOutcome] = field(default_factory=list)


class Sending:
    def __init__(
        self,
        store: Reports,
        resolver: Resolver,
        clock: Clock,
        post: Post,
        find_sender: FindSender,
    ) -> None:
        self._store, self._resolver, self._clock = store, resolver, clock
        self._post, self._find_sender = post, find_sender

    async def send_due(self) -> None:
        """Up to ``TAKEN_AT_ONCE`` reports that are due."""
        now = self._clock.now()
        topics = await self._store.take_due_reports(now, now + AGAIN_SECONDS, TAKEN_AT_ONCE)
        limit = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for topic in topics:
                group.create_task(self._send_within(limit, topic))

    async def _send_within(self, limit: asyncio.Semaphore, topic: Topic) -> None:
        async with limit:
            try:
                async with asyncio.timeout(REPORT_SECONDS):
                    await self._send(topic)
            except DnsProblem as problem:
                await self._put_off(topic, SendOutcome.FAILED, f"DNS: {problem}")
            except TimeoutError:
                await self._put_off(topic, SendOutcome.FAILED, "it took too long")
            except Exception:  # one domain's report must not keep others from theirs
                _log.exception("report failed", domain=topic.domain, kind=topic.kind)
                await self._put_off(topic, SendOutcome.FAILED, "a fault of this server")

    async def _send(self, topic: Topic) -> None:
        asked = await asked_places(self._resolver, topic.kind, topic.domain)
        notes = await self._store.report_notes(topic.id) if asked else []
        sender = await self._find_sender()
        if not notes or sender is None:
            await self._settle(topic, SendOutcome.UNWANTED)
            return
        report = await asyncio.to_thread(compose_report, topic, notes, sender)
        sent = _Sent()
        for uri in asked:
            await self._send_to(uri, topic, report, sender, sent)
        if sent.places:
            await self._settle(topic, SendOutcome.SENT, sent)
        elif SendOutcome.FAILED in sent.failures or SendOutcome.UNSIGNED in sent.failures:
            await self._put_off(topic, sent.failures[0], "nowhere could it be sent to")
        else:
            await self._settle(topic, sent.failures[0] if sent.failures else SendOutcome.UNWANTED)

    async def _send_to(
        self, uri: ReportUri, topic: Topic, report: PackedReport, sender: Sender, sent: _Sent
    ) -> None:
        if uri.address is None:
            failure = await self._send_by_https(uri, report)
        else:
            failure = await self._send_by_mail(uri, uri.address, topic, report, sender, sent)
        if failure is None:
            sent.places.append(uri.uri)
        else:
            sent.failures.append(failure)

    async def _send_by_https(self, uri: ReportUri, report: PackedReport) -> SendOutcome | None:
        if self._post.poster is None:
            _log.info("report not sent: HTTPS is not available", to=uri.uri)
            return SendOutcome.UNWANTED
        if _too_large(uri, report.octets):
            return SendOutcome.TOO_LARGE
        taken = await self._post.poster.post(uri.uri, report.media_type, report.octets)
        return None if taken else SendOutcome.FAILED

    async def _send_by_mail(
        self,
        uri: ReportUri,
        address: Address,
        topic: Topic,
        report: PackedReport,
        sender: Sender,
        sent: _Sent,
    ) -> SendOutcome | None:
        to = _plain(address)
        if to is None:
            return SendOutcome.UNWANTED
        octets = compose_report_mail(self._mail(to, topic, report, sender))
        if _too_large(uri, octets):
            return SendOutcome.TOO_LARGE
        if await self._post.here.take(to, octets):
            return None
        signature = await self._post.signer.sign_message(octets, sender.author.domain)
        if not signature and topic.kind is ReportKind.TLS:  # RFC 8460 §3: it would be ignored
            return SendOutcome.UNSIGNED
        sent.mails.append(_dispatch(signature + octets, sender, to, self._clock.now()))
        return None

    def _mail(self, to: Address, topic: Topic, report: PackedReport, sender: Sender) -> ReportMail:
        return ReportMail(
            author=sender.author,
            reply_to=sender.contact,
            to=to,
            subject=report.subject,
            file_name=report.file_name,
            media_type=report.media_type,
            policy_domain=topic.domain,
            submitter=sender.submitter,
            packed=report.octets,
            now=self._clock.now(),
            token=secrets.token_hex(12),
            tls=topic.kind is ReportKind.TLS,
        )

    async def _put_off(self, topic: Topic, outcome: SendOutcome, reason: str) -> None:
        """It is taken again in an hour; after a day it is given up."""
        if self._clock.now() < topic.due + GIVE_UP_SECONDS:
            _log.info("report put off", domain=topic.domain, kind=topic.kind, reason=reason)
        else:
            await self._settle(topic, outcome)

    async def _settle(self, topic: Topic, outcome: SendOutcome, sent: _Sent | None = None) -> None:
        places, mails = (sent.places, sent.mails) if sent is not None else ([], [])
        now = self._clock.now()
        settled = await self._store.settle_report(topic.id, outcome, places, now, mails)
        if settled:
            _log.info("report settled", domain=topic.domain, kind=topic.kind, outcome=outcome)


def _too_large(uri: ReportUri, octets: bytes) -> bool:
    return uri.max_octets is not None and len(octets) > uri.max_octets


def _plain(address: Address) -> Address | None:
    """In A-labels; None where the address needs SMTPUTF8, or is of a host without a name."""
    try:
        plain = Address(address.local_part, normalise_domain(address.domain))
    except AddressProblem:
        return None
    return plain if plain.is_ascii and not plain.is_literal else None


def _dispatch(octets: bytes, sender: Sender, to: Address, now: int) -> Dispatch:
    """Nobody wants to hear that a report did not arrive."""
    envelope = Envelope(
        sender=str(sender.author),
        recipients=(NewRecipient(str(to), to.domain, Notify.NEVER),),
        expires=now + GIVE_UP_SECONDS,
        warn_at=now + GIVE_UP_SECONDS,
        priority=-4,
    )
    return Dispatch(octets, now, (envelope,))
