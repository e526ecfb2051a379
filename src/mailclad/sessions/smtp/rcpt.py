"""RCPT: one recipient, who must exist before the message is taken (RFC 5321 §4.1.1.3)."""

from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Rcpt
from mailclad.protocols.smtp.reply import RECIPIENT_OK
from mailclad.services.receive.incoming import Given, Leads
from mailclad.services.receive.refusal import NobodyHere, Refusal
from mailclad.sessions.smtp.outcome import Outcome, said
from mailclad.sessions.smtp.session import Sending


async def rcpt(session: Sending, command: Rcpt) -> Outcome:
    address = command.forward_path
    leads = await _find(session, address)
    sender = session.sender()
    for visit in session.visits:
        await visit.recipient(sender, address)
    session.transaction.recipients.append(Given(command, leads))
    return said(RECIPIENT_OK)


async def _find(session: Sending, address: Address) -> Leads:
    site = session.site
    source = site.reception if site.submission is None else site.submission.submission
    try:
        bounce = session.transaction.mail.reverse_path is None
        return await source.recipient(address, bounce=bounce)
    except Refusal as problem:
        if isinstance(problem, NobodyHere) and any(v.takes(address) for v in session.visits):
            return Leads()
        for visit in session.visits:
            visit.refused(session.sender(), address)
        raise
