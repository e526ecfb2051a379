"""FETCH and UID FETCH (RFC 9051 §6.4.5, §6.4.8, §7.5.2).

Items that were rendered when the message arrived go out in batches, straight from the
store's rows (``_send_rows``); octets of messages are read from their bodies
(``fetch_bodies.py``).  Either way a slow client makes us wait, not gather.

``\\Seen`` is set after the octets were sent, so that a connection that breaks leaves the
message unread; the client learns of the flag by the announcement that follows.  On a disk
that is full the message stays unread, but it is read all the same.
"""

from collections.abc import Sequence
from contextlib import suppress

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.batch import FetchPlan, FlagText
from mailclad.protocols.imap.commands import SYSTEM_FLAGS, Attribute, FetchItem
from mailclad.protocols.imap.sections import Section
from mailclad.sessions.imap.fetch_bodies import COLUMNS, Sent, send_bodies
from mailclad.sessions.imap.flags import keyword_names
from mailclad.sessions.imap.numbers import load, uids_of
from mailclad.sessions.imap.outcome import Emit, Outcome, ok
from mailclad.sessions.imap.refusals import refusal
from mailclad.sessions.imap.section import is_listed, listed_cut
from mailclad.sessions.imap.session import Selected
from mailclad.store.errors import BodyDamaged, DiskFull, StoreUnavailable
from mailclad.store.model import Column, Flag, FlagChange, UidSet, uid_set


async def fetch(session: Selected, command: commands.Fetch, emit: Emit) -> Outcome:
    uids = await uids_of(session, command.numbers, by_uid=command.by_uid)
    if not uids:
        return ok("FETCH completed")
    await load(session)
    asked = session.view.count(uids)
    flags = FlagText(())
    if Attribute.FLAGS in command.items:
        flags = FlagText((*SYSTEM_FLAGS, *await keyword_names(session, emit)))
    if all(_is_column(item) for item in command.items):
        sent = await _send_rows(session, uids, command.items, flags, emit)
    else:
        sent = await send_bodies(session, uids, command.items, flags, emit)
    if sent.unseen:
        await _mark_seen(session, sent.unseen)
    if sent.damaged:
        return refusal(BodyDamaged())
    if sent.messages < asked:
        return ok("other programs have removed some of these messages", "EXPUNGEISSUED")
    return ok("FETCH completed")


def _is_column(item: FetchItem) -> bool:
    return isinstance(item, Attribute) or (
        isinstance(item, Section) and item.peek and is_listed(item)
    )


async def _mark_seen(session: Selected, uids: list[int]) -> None:
    view = session.view
    with suppress(DiskFull, StoreUnavailable):  # who reads has got what was asked for
        await session.store.store_flags(view.mailbox, uid_set(uids), FlagChange.ADD, Flag.SEEN)
        view.stale = True


# --- rows ------------------------------------------------------------------------


async def _send_rows(
    session: Selected, uids: UidSet, items: Sequence[FetchItem], flags: FlagText, emit: Emit
) -> Sent:
    plan, sent = FetchPlan(items), Sent()
    columns = [COLUMNS[item] if isinstance(item, Attribute) else Column.FIELDS for item in items]
    leading = 0 if columns[0] is Column.UID else 1
    columns[:0] = [Column.UID] * leading  # numbers are found by UID
    cuts = [(at, listed_cut(item)) for at, item in enumerate(items) if isinstance(item, Section)]
    view = session.view
    async for rows in session.store.fetch(view.mailbox, uids, columns):
        numbers = view.numbers([row[0] for row in rows])
        told = [row[1:] for row in rows] if leading else rows
        for at, cut in cuts:
            told = [(*row[:at], cut(row[at]), *row[at + 1 :]) for row in told]
        sent.messages += len(told)
        await emit.raw(plan.encode_rows(numbers, told, flags))
    return sent
