"""What others did to the selected mailbox, told to the client (RFC 9051 §5.2, §7.4.1, §7.5).

Called after each command, before its tagged reply, and while the client idles.  The store's
changes are the truth; its hints only say when to ask.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from mailclad.protocols.imap.batch import FetchPlan, FlagText
from mailclad.protocols.imap.commands import SYSTEM_FLAGS, Attribute
from mailclad.protocols.imap.responses import Bye, Exists, ExpungeData
from mailclad.sessions.imap.flags import keyword_names
from mailclad.sessions.imap.numbers import load
from mailclad.sessions.imap.outcome import Emit
from mailclad.sessions.imap.session import Selected
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import Changes, FlagsNow

AT_ONCE = 4_096
"""Lines in one piece: about 100 KB, so that a slow client makes us hold no more."""

_FLAGS = FetchPlan((Attribute.UID, Attribute.FLAGS))
_DELETED = Bye("the selected mailbox was deleted by another program; connect again")


async def announce(session: Selected, emit: Emit, *, hold_expunged: bool) -> bool:
    """Tell everything that is new; expunged messages wait where the standard says so.

    Returns False when the mailbox itself is gone: the client has been told, and the
    connection must end (RFC 9051 has no other way to take a selected mailbox away).
    """
    try:
        changes = await _changes(session)
    except MailboxNotFound:
        await emit(_DELETED)
        return False
    view = session.view
    news = view.take(changes, hold_expunged=hold_expunged)
    for numbers in _pieces(chain.from_iterable(news.expunged)):
        await emit.raw(ExpungeData(numbers).encode(session.connection.rev2))
    if news.exists is not None:
        await emit(Exists(news.exists))
    if news.flags:
        names = await keyword_names(session, emit)
        await _tell_flags(session, news.flags, FlagText((*SYSTEM_FLAGS, *names)), emit)
    return True


async def _changes(session: Selected) -> Changes:
    """What the client has not been told; the view is loaded when telling it takes numbers."""
    view, store = session.view, session.store
    view.stale = False
    changes = await store.changes_since(view.mailbox, view.mod_seq)
    if not view.loaded and view.needs_uids(changes):
        await load(session)
        changes = await store.changes_since(view.mailbox, view.mod_seq)
    return changes


async def _tell_flags(
    session: Selected, changed: Sequence[FlagsNow], flags: FlagText, emit: Emit
) -> None:
    await load(session)
    view = session.view
    rows = sorted((row.uid, row.flags) for row in changed)
    for start in range(0, len(rows), AT_ONCE):
        piece = rows[start : start + AT_ONCE]
        numbers = view.numbers([uid for uid, _ in piece])
        await emit.raw(_FLAGS.encode_rows(numbers, piece, flags))


def _pieces(numbers: Iterator[int]) -> Iterator[tuple[int, ...]]:
    while piece := tuple(islice(numbers, AT_ONCE)):
        yield piece
