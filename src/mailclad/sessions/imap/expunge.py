"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9).

Only messages that the client knows of are removed.  The EXPUNGE responses are the
announcement that follows every command: see ``table.py``.
"""

from mailclad.protocols.imap import commands
from mailclad.sessions.imap.numbers import uids_of
from mailclad.sessions.imap.outcome import Emit, Outcome, no, ok
from mailclad.sessions.imap.session import Selected

READ_ONLY = no("the mailbox was opened by EXAMINE, so it cannot be changed; use SELECT")


async def expunge(session: Selected, command: commands.Expunge, emit: Emit) -> Outcome:
    if session.read_only:
        return READ_ONLY
    uids = session.view.known
    if command.uids is not None:
        uids = await uids_of(session, command.uids, by_uid=True)
    await session.store.expunge(session.view.mailbox, uids)
    return ok("EXPUNGE completed")
