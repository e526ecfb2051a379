"""What the trace is told of senders, recipients and messages that are refused.

Anybody can make refusals: the trace keeps so many a minute, and for days only.
"""

from collections.abc import Sequence

from mailclad.base.octets import Spool
from mailclad.mail.address import Address
from mailclad.mail.message_id import find_message_id
from mailclad.protocols.smtp.command import Command, Mail, Rcpt
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.traced import people
from mailclad.sessions.smtp.session import Sending, Session
from mailclad.store.trace import Happening, TraceEvent


def note_refused(session: Session, command: Command, reply: Reply) -> None:
    """A command that was answered no; only MAIL and RCPT are about somebody's mail."""
    if isinstance(command, Mail):
        _note(session, "", command.reverse_path, (), reply)
    elif isinstance(command, Rcpt) and isinstance(session, Sending):
        sender, identity = session.transaction.mail.reverse_path, session.transaction.identity
        _note(session, identity, sender, (command.forward_path,), reply)


def note_message_refused(session: Sending, replies: Sequence[Reply]) -> None:
    """A message that was answered no, to all or (LMTP) to some; while its octets are here."""
    refused = next((reply for reply in replies if not reply.is_positive), None)
    if refused is None:
        return
    transaction = session.transaction
    recipients = [given.address for given in transaction.recipients]
    if len(replies) == len(recipients):
        answered = zip(recipients, replies, strict=True)
        recipients = [address for address, reply in answered if not reply.is_positive]
    sender = transaction.mail.reverse_path
    message_id = _message_id(transaction.spool)
    _note(session, transaction.identity, sender, recipients, refused, message_id)


def _message_id(spool: Spool | None) -> str:
    try:
        return find_message_id(spool.view()) if spool is not None else ""
    except (OSError, ValueError):  # the disk was full: what lies there is not whole
        return ""


def _note(
    session: Session,
    identity: str,
    sender: Address | None,
    recipients: Sequence[Address],
    reply: Reply,
    message_id: str = "",
) -> None:
    site, client = session.site, session.client
    source = f" at {client.peer}" if client.peer else ""
    aim = f" for {people(recipients)}" if recipients else ""
    answer = reply.encode().decode().strip()
    named = recipients if sender is None else (sender, *recipients)
    site.trace.note(
        TraceEvent(
            site.clock.now(),
            identity,
            Happening.REFUSED,
            f"from {sender or '<>'}{source}{aim}: {answer}",
            message_id,
            addresses=tuple([address.normalised for address in named]),
        )
    )
