"""The judge: a stranger's message is authenticated, and taken, filed as junk, refused or deferred.

SPF and iprev begin at the first recipient who exists, the rest when the message has come
(``authentication``).  What that means is ``policy``'s to say, for the domain of the recipients;
the fields that tell of it are ``verdict_fields``'s.  Recipients whose domains want different
treatment are asked for in messages of their own, with 452 (RFC 5321 §4.5.3.1.10).  Mail to
nobody but postmaster and abuse is never refused or filed away: whoever cannot reach us
otherwise complains there.  Nor are TLS reports to the addresses for reports: the key that signs
them may be good for nothing else (RFC 8460 §3), and who takes them in checks it himself.
"""

import asyncio

import structlog

from mailclad.base.clock import Clock
from mailclad.base.resolver import Resolver
from mailclad.mail.address import Address
from mailclad.mail.dmarc.record import Policy
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.authentication import Findings, Path, authenticate, check_path
from mailclad.services.receive.dmarc_note import dmarc_note
from mailclad.services.receive.guard import (
    Arrived,
    Client,
    Guard,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)
from mailclad.services.receive.policy import Action, Decision, Rules, decide
from mailclad.services.receive.recipients import is_role
from mailclad.services.receive.report_mail import is_tls_report
from mailclad.services.receive.verdict_fields import without_forged, write_verdict
from mailclad.services.reports.addresses import ReportAddresses
from mailclad.services.reports.notes import NoNotes, Notes
from mailclad.store.trace import Happening, NoTrace, Trace, TraceEvent

_ANOTHER_MESSAGE = Reply(
    452, "4.5.3", "This recipient's domain has other rules; send it another message"
)

_log = structlog.get_logger()


class Judge(Guard):
    """One for each worker.  ``notes`` hears of each DMARC verdict, ``trace`` of what was done.

    ``reports`` are the addresses for them.
    """

    def __init__(
        self,
        resolver: Resolver,
        clock: Clock,
        rules: Rules,
        notes: Notes = NoNotes(),
        trace: Trace = NoTrace(),
        reports: ReportAddresses = ReportAddresses(()),
    ) -> None:
        self.resolver, self.clock, self.rules = resolver, clock, rules
        self.notes, self.trace, self.reports = notes, trace, reports

    def meet(self, client: Client) -> Visit:
        return _Hearing(self)


class _Hearing(Visit):
    """One connection before the judge."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._path: asyncio.Task[Path] | None = None

    async def recipient(self, sender: MailFrom, recipient: Address) -> None:
        judge = self._judge
        if self._path is None:
            self._path = asyncio.create_task(
                check_path(judge.resolver, sender.client, sender.mail, judge.clock.now())
            )
        rules = judge.rules
        if sender.recipients and rules.action_for(recipient.domain) is not rules.action_for(
            sender.recipients[0].domain
        ):
            raise Refused(_ANOTHER_MESSAGE)

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        judge, path = self._judge, self._path
        assert path is not None, "a recipient came before"
        self._path = None
        now = judge.clock.now()
        octets = message.octets[message.start :] if message.start else message.octets
        findings = await authenticate(judge.resolver, octets, path, now)
        decision = self._decide(findings, message.recipients)
        self._tell(findings, decision, sender, now)
        opinion = Opinion(
            fields=write_verdict(findings, decision, sender),
            junk=decision.reason if decision.disposition is Policy.QUARANTINE else "",
            replaced=without_forged(octets, findings.header, sender.client.host_name),
        )
        if decision.later:
            raise Refused(Reply(451, "4.7.1", f"Try again later: {decision.reason}"))
        if decision.disposition is Policy.REJECT:
            reply = Reply(550, "5.7.1", f"Refused: {decision.reason}")
            raise Refused(reply, keep=True, opinion=opinion)
        return opinion

    def reset(self) -> None:
        if self._path is not None:
            self._path.cancel()
            self._path = None

    def close(self) -> None:
        self.reset()

    def _decide(self, findings: Findings, recipients: tuple[Address, ...]) -> Decision:
        rules, reports = self._judge.rules, self._judge.reports
        reported = all(map(reports.include, recipients)) and is_tls_report(findings.header)
        if reported or all(map(is_role, recipients)):
            action = Action.NOTE
        else:
            action = rules.action_for(recipients[0].domain)
        return decide(rules, action, findings.dmarc, findings.author.fault, findings.arc)

    def _tell(self, findings: Findings, decision: Decision, sender: MailFrom, now: int) -> None:
        dmarc = findings.dmarc
        _log.info(
            "message judged",
            id=sender.identity,
            peer=sender.client.peer,
            spf=str(findings.path.spf.outcome),
            dkim=",".join([str(one.outcome) for one in findings.dkim]),
            dmarc=str(dmarc.outcome) if dmarc is not None else "no author",
            author=dmarc.author_domain if dmarc is not None else "",
            arc=str(findings.arc.outcome),
            iprev=str(findings.path.iprev.result),
            **({"sealer": decision.sealer} if decision.sealer else {}),
            **({"reason": decision.reason} if decision.reason else {}),
        )
        note = dmarc_note(findings, decision, sender)
        if note is not None:
            self._judge.notes.dmarc_verdict(now, *note)
        if decision.disposition is Policy.QUARANTINE:  # a refusal is noted as one
            self._judge.trace.note(_event(decision, sender, now))


def _event(decision: Decision, sender: MailFrom, now: int) -> TraceEvent:
    reverse_path = sender.mail.reverse_path
    addresses = [] if reverse_path is None else [reverse_path.normalised]
    return TraceEvent(
        now,
        sender.identity,
        Happening.JUDGED,
        f"to be junk: {decision.reason}",
        addresses=(*addresses, *[to.normalised for to in sender.recipients]),
    )
