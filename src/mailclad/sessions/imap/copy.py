"""COPY and MOVE (RFC 9051 §6.4.7, §6.4.8, RFC 6851, RFC 4315).

The store does each in one transaction: all or nothing.  Messages that others removed in
the meantime are left out; when that leaves none, the command is refused.
"""

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.responses import Condition, Notice, copy_uid
from mailclad.sessions.imap.append import TRY_CREATE
from mailclad.sessions.imap.expunge import READ_ONLY
from mailclad.sessions.imap.numbers import uids_of
from mailclad.sessions.imap.outcome import Emit, Outcome, no, ok
from mailclad.sessions.imap.session import Selected
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import Copied

_GONE = no("these messages were removed by another program", "EXPUNGEISSUED")


async def copy(session: Selected, command: commands.Copy, emit: Emit) -> Outcome:
    uids = await uids_of(session, command.numbers, by_uid=command.by_uid)
    try:
        target = await session.store.stat(session.account, command.mailbox)
    except MailboxNotFound:
        return TRY_CREATE
    if not uids:
        return ok("COPY completed")
    copied = await session.store.copy(session.view.mailbox, uids, target.id)
    if not copied.source:
        return ok("COPY completed") if command.by_uid else _GONE
    return ok("COPY completed", _code(copied))


async def move(session: Selected, command: commands.Move, emit: Emit) -> Outcome:
    """COPYUID comes first, untagged, then the EXPUNGEs: the announcement (RFC 6851 §4.3)."""
    if session.read_only:
        return READ_ONLY
    uids = await uids_of(session, command.numbers, by_uid=command.by_uid)
    try:
        target = await session.store.stat(session.account, command.mailbox)
    except MailboxNotFound:
        return TRY_CREATE
    if not uids:
        return ok("MOVE completed")
    moved = await session.store.move(session.view.mailbox, uids, target.id)
    if not moved.source:
        return ok("MOVE completed") if command.by_uid else _GONE
    await emit(Notice(Condition.OK, "moved", _code(moved)))
    return ok("MOVE completed")


def _code(copied: Copied) -> str:
    return copy_uid(copied.uid_validity, copied.source, copied.target)
