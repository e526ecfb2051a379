"""STORE and UID STORE (RFC 9051 §6.4.6).

Without ``.SILENT`` the client is told the flags of every message it named, changed or not.
With it, a change of our own is not echoed, if it is certain that nobody else's change hides
behind it: see ``MailboxView.expect``.
"""

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.batch import FetchPlan, FlagText
from mailclad.protocols.imap.commands import SYSTEM_FLAGS, Attribute, StoreAction
from mailclad.sessions.imap.expunge import READ_ONLY
from mailclad.sessions.imap.flags import keyword_names, mask_of
from mailclad.sessions.imap.numbers import load, uids_of
from mailclad.sessions.imap.outcome import Emit, Outcome, ok
from mailclad.sessions.imap.session import Selected
from mailclad.store.model import Column, FlagChange, UidSet

_CHANGES = {
    StoreAction.ADD: FlagChange.ADD,
    StoreAction.REMOVE: FlagChange.REMOVE,
    StoreAction.REPLACE: FlagChange.REPLACE,
}


async def store(session: Selected, command: commands.Store, emit: Emit) -> Outcome:
    if session.read_only:
        return READ_ONLY
    uids = await uids_of(session, command.numbers, by_uid=command.by_uid)
    if not uids:
        return ok("STORE completed")
    view, change = session.view, _CHANGES[command.action]
    mask = await mask_of(session, command.flags, create=change is not FlagChange.REMOVE)
    changed = await session.store.store_flags(view.mailbox, uids, change, mask)
    certain = not command.silent or change is FlagChange.REPLACE
    if changed:
        view.expect(changed[0].mod_seq, certain=certain)
    if not command.silent:
        await _tell(session, uids, emit, by_uid=command.by_uid)
    return ok("STORE completed")


async def _tell(session: Selected, uids: UidSet, emit: Emit, *, by_uid: bool) -> None:
    await load(session)
    view = session.view
    flags = FlagText((*SYSTEM_FLAGS, *await keyword_names(session, emit)))
    plan = FetchPlan((Attribute.UID, Attribute.FLAGS) if by_uid else (Attribute.FLAGS,))
    async for rows in session.store.fetch(view.mailbox, uids, (Column.UID, Column.FLAGS)):
        numbers = view.numbers([row[0] for row in rows])
        told = rows if by_uid else [row[1:] for row in rows]
        await emit.raw(plan.encode_rows(numbers, told, flags))
