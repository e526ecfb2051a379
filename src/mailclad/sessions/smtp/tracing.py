"""What the trace is told of senders, recipients and messages that nobody gets.

Anybody can make refusals: the trace keeps so many a minute, and for days only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.base.octets import Spool
from mailclad.mail.address import Address
from mailclad.mail.message_id import find_message_id
from mailclad.protocols.smtp.command import Command, Mail, Rcpt
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.traced import people
from mailclad.sessions.smtp.session import Sending, Session, Transaction
from mailclad.store.trace import Happening, TraceEvent


def note_refused(session: Session, command: Command, reply: Reply) -> None:
    """A command that was answered no; only MAIL and RCPT are about somebody's mail."""
    if isinstance(command, Mail):
        _note(session, Happening.REFUSED, _About("", command.reverse_path), reply.line)
    elif isinstance(command, Rcpt) and isinstance(session, Sending):
        recipient = (command.forward_path,)
        _note(session, Happening.REFUSED, _about(session.transaction, recipient), reply.line)


def note_message_refused(session: Sending, replies: Sequence[Reply]) -> None:
    """A message that was answered no, to all or (LMTP) to some; while its octets are here."""
    refused = next((reply for reply in replies if not reply.is_positive), None)
    if refused is None:
        return
    recipients = _recipients(session)
    if len(replies) == len(recipients):
        answered = zip(recipients, replies, strict=True)
        recipients = [address for address, reply in answered if not reply.is_positive]
    about = _about(session.transaction, recipients)
    _note(session, Happening.REFUSED, about, refused.line)


def note_discarded(session: Sending) -> None:
    """A message that was answered yes, and that nobody gets."""
    about = _about(session.transaction, _recipients(session))
    _note(session, Happening.DISCARDED, about, "as a rule says")


@dataclass(frozen=True, slots=True)
class _About:
    """Whose mail it is; ``identity`` "" before it has one."""

    identity: str
    sender: Address | None
    recipients: Sequence[Address] = ()
    message_id: str = ""


def _about(transaction: Transaction, recipients: Sequence[Address]) -> _About:
    sender = transaction.mail.reverse_path
    return _About(transaction.identity, sender, recipients, _message_id(transaction.spool))


def _recipients(session: Sending) -> list[Address]:
    return [given.address for given in session.transaction.recipients]


def _message_id(spool: Spool | None) -> str:
    try:
        return find_message_id(spool.view()) if spool is not None else ""
    except (OSError, ValueError):  # the disk was full: what lies there is not whole
        return ""


def _note(session: Session, happening: Happening, about: _About, why: str) -> None:
    site, peer, sender = session.site, session.client.peer, about.sender
    source = f" at {peer}" if peer else ""
    aim = f" for {people(about.recipients)}" if about.recipients else ""
    named = about.recipients if sender is None else (sender, *about.recipients)
    site.trace.note(
        TraceEvent(
            site.clock.now(),
            about.identity,
            happening,
            f"from {sender or '<>'}{source}{aim}: {why}",
            about.message_id,
            addresses=tuple([address.normalised for address in named]),
        )
    )
