"""Flags by name and as the bits that are stored (RFC 9051 §2.3.2)."""

from collections.abc import Sequence

from mailclad.protocols.imap.commands import SYSTEM_FLAGS
from mailclad.protocols.imap.responses import FlagsData
from mailclad.sessions.imap.outcome import Emit
from mailclad.sessions.imap.session import Authenticated, Selected
from mailclad.store.model import Flag

SYSTEM_BITS = {
    "\\Answered": Flag.ANSWERED,
    "\\Flagged": Flag.FLAGGED,
    "\\Deleted": Flag.DELETED,
    "\\Seen": Flag.SEEN,
    "\\Draft": Flag.DRAFT,
}


async def mask_of(session: Authenticated, flags: Sequence[str], *, create: bool) -> int:
    """The bits of these flags; unknown keywords are made, or without ``create`` left out."""
    mask = sum(SYSTEM_BITS[flag] for flag in flags if flag in SYSTEM_BITS)
    keywords = [flag for flag in flags if flag not in SYSTEM_BITS]
    if keywords:
        mask |= await session.store.keyword_bits(session.account, keywords, create)
    return mask


async def keyword_names(session: Selected, emit: Emit) -> tuple[str, ...]:
    """The account's keywords by bit; names that are new to the client are told first."""
    names = await session.store.keywords(session.account)
    if len(names) > session.view.keywords:
        session.view.keywords = len(names)
        await emit(FlagsData((*SYSTEM_FLAGS, *names)))
    return names
