"""RCPT: one recipient, who must exist before the message is taken (RFC 5321 §4.1.1.3)."""

from mailclad.protocols.smtp.command import Rcpt
from mailclad.protocols.smtp.reply import RECIPIENT_OK
from mailclad.sessions.smtp.outcome import Outcome, said
from mailclad.sessions.smtp.session import Sending


async def rcpt(session: Sending, command: Rcpt) -> Outcome:
    site = session.site
    source = site.reception if site.submission is None else site.submission.submission
    accounts = await source.recipient(command.forward_path)
    transaction = session.transaction
    transaction.forward_paths.append(command.forward_path)
    transaction.accounts.append(accounts)
    return said(RECIPIENT_OK)
