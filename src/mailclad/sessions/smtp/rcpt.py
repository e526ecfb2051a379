"""RCPT: one recipient, who must exist before the message is taken (RFC 5321 §4.1.1.3)."""

from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Rcpt
from mailclad.protocols.smtp.reply import RECIPIENT_OK
from mailclad.services.receive.incoming import Given, Leads
from mailclad.services.receive.refusal import NobodyHere, Refusal
from mailclad.sessions.smtp.outcome import Outcome, said
from mailclad.sessions.smtp.session import Sending


async def rcpt(session: Sending, command: Rcpt) -> Outcome:
    site = session.site
    source = site.reception if site.submission is None else site.submission.submission
    address = command.forward_path
    try:
        leads = await source.recipient(address)
    except Refusal as problem:
        if not isinstance(problem, NobodyHere) or not _a_guard_takes(session, address):
            for visit in session.visits:
                visit.refused(session.sender(), address)
            raise
        leads = Leads()
    for visit in session.visits:
        await visit.recipient(session.sender(), address)
    session.transaction.recipients.append(Given(command, leads))
    return said(RECIPIENT_OK)


def _a_guard_takes(session: Sending, address: Address) -> bool:
    return any(visit.takes(address) for visit in session.visits)
