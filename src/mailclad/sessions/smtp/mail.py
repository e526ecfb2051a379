"""MAIL: a message begins (RFC 5321 §4.1.1.2; who may send as whom: RFC 6409 §6.1)."""

from mailclad.protocols.smtp.command import Mail
from mailclad.protocols.smtp.reply import SENDER_OK, Reply
from mailclad.sessions.smtp.outcome import Outcome, said
from mailclad.sessions.smtp.session import Greeted, Sending, Site, Transaction


async def mail(session: Greeted, command: Mail) -> Outcome:
    site, account = session.site, session.account
    if site.submission is not None:
        assert account is not None, "the gate: MAIL needs a log-in here"
        await site.submission.submission.sender(account, command)
    transaction = Transaction(site.new_identity(), command)
    known = (site, session.client, session.visits, session.hello, session.stamp)
    sending = Sending(*known, transaction)
    for visit in session.visits:
        await visit.mail(sending.sender())
    return said(_welcome(site, command), sending)


def _welcome(site: Site, command: Mail) -> Reply:
    """Says so where the priority is not what was asked for (RFC 6710 §4.1)."""
    if site.submission is None or not command.priority:
        return SENDER_OK
    priority = site.submission.submission.priority(command)
    if priority == command.priority:
        return SENDER_OK
    return Reply(250, "2.3.6", f"{priority} is the priority that the message gets here")
