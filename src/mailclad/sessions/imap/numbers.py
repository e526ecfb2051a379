"""From what a client calls messages to UIDs, loading the view where that takes it.

RFC 9051 §6.4.9, §9 "sequence-set".
"""

from mailclad.protocols.imap.sequence_set import SequenceSet
from mailclad.sessions.imap.refusals import NotInMailbox
from mailclad.sessions.imap.session import Selected
from mailclad.store.model import UidSet


async def uids_of(session: Selected, numbers: SequenceSet, *, by_uid: bool) -> UidSet:
    """The UIDs meant, of messages the client knows; raises NotInMailbox.

    UIDs that are nobody's are no error (RFC 9051 §6.4.9).
    """
    view = session.view
    if view.resolving_takes_uids(numbers, by_uid=by_uid):
        await load(session)
    if not by_uid and view.is_beyond(numbers):
        raise NotInMailbox
    return view.resolve(numbers, by_uid=by_uid)


async def load(session: Selected) -> None:
    """See to it that the view can tell sequence numbers."""
    view = session.view
    if not view.loaded:
        _, uids = await session.store.uids(view.mailbox)
        view.load(uids, await session.store.changes_since(view.mailbox, view.mod_seq))
