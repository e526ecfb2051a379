"""APPEND: add messages to a mailbox, all or none (RFC 9051 §6.3.12, RFC 3502, RFC 4315).

The engine has gathered each message in a spool and closes it after the reply.  When OK is
said, the messages are durable.
"""

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.prepare import prepare
from mailclad.protocols.imap.responses import append_uid
from mailclad.sessions.imap.flags import mask_of
from mailclad.sessions.imap.outcome import Emit, Outcome, no, ok
from mailclad.sessions.imap.session import Authenticated
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import NewMessage

TRY_CREATE = no("there is no mailbox of this name; create it and try again", "TRYCREATE")


async def append(session: Authenticated, command: commands.Append, emit: Emit) -> Outcome:
    if not all(message.message.octets for message in command.messages):
        return no("a message without a single octet cannot be stored")
    try:
        target = await session.store.stat(session.account, command.mailbox)
    except MailboxNotFound:
        return TRY_CREATE
    messages = [await _new_message(session, message) for message in command.messages]
    stored = await session.store.append(target.id, messages)
    uids = [message.uid for message in stored]
    return ok("APPEND completed", append_uid(target.uid_validity, uids))


async def _new_message(session: Authenticated, message: commands.AppendMessage) -> NewMessage:
    octets = message.message.view()
    flags = await mask_of(session, message.flags, create=True)
    date = message.internal_date
    return NewMessage(
        octets, prepare(octets), flags, session.site.clock.now() if date is None else date
    )
