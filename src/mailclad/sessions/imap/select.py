"""SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2).

SELECT costs the mailbox's counters and the account's keywords, however many messages there
are: see ``view.py``.
"""

from collections.abc import Callable
from functools import lru_cache, partial

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import SYSTEM_FLAGS
from mailclad.protocols.imap.connection import ServerConnection
from mailclad.protocols.imap.responses import (
    Condition,
    Exists,
    FlagsData,
    ListData,
    Notice,
    Recent,
    Untagged,
    permanent_flags,
    uid_next,
    uid_validity,
)
from mailclad.sessions.imap.outcome import Emit, Outcome, ok
from mailclad.sessions.imap.refusals import refusal
from mailclad.sessions.imap.session import Authenticated, Selected
from mailclad.sessions.imap.view import MailboxView
from mailclad.store.errors import StoreProblem
from mailclad.store.model import KEYWORDS_PER_ACCOUNT, MailboxStat

_MORE_KEYWORDS = ("\\*",)


async def select(session: Authenticated, command: commands.Select, emit: Emit) -> Outcome:
    if isinstance(session, Selected):
        await emit(Notice(Condition.OK, "the mailbox before is closed", "CLOSED"))
        session = session.closed()
    try:
        stat = await session.store.stat(session.account, command.mailbox)
        keywords = await session.store.keywords(session.account)
    except StoreProblem as problem:  # no mailbox is selected then (RFC 9051 §6.3.2)
        return Outcome(refusal(problem).reply, session)
    await emit.raw(_flags_told(keywords, command.read_only))
    await emit.raw(_counters(stat, session.connection.rev2))
    name, code = ("EXAMINE", "READ-ONLY") if command.read_only else ("SELECT", "READ-WRITE")
    selected = _selected(session, stat, command.read_only, len(keywords))
    return Outcome(ok(f"{name} completed", code).reply, selected)


@lru_cache(maxsize=256)  # accounts have few sets; at most some KB each
def _flags_told(keywords: tuple[str, ...], read_only: bool) -> bytes:
    flags = (*SYSTEM_FLAGS, *keywords)
    full = len(keywords) >= KEYWORDS_PER_ACCOUNT
    permanent = () if read_only else flags if full else flags + _MORE_KEYWORDS
    kept = Notice(Condition.OK, "flags that are kept", permanent_flags(permanent))
    return FlagsData(flags).encode(False) + kept.encode(False)


def _counters(stat: MailboxStat, rev2: bool) -> bytes:
    told: list[Untagged] = [
        Exists(stat.messages),
        Recent(),
        Notice(Condition.OK, "UIDs are valid", uid_validity(stat.uid_validity)),
        Notice(Condition.OK, "the next UID", uid_next(stat.uid_next)),
    ]
    if rev2:
        told.append(ListData(stat.name))
    return b"".join([response.encode(rev2) for response in told])


def _selected(
    session: Authenticated, stat: MailboxStat, read_only: bool, keywords: int
) -> Selected:
    """Watches the mailbox last, when nothing can fail any more; a watch must be ended."""
    view = MailboxView(stat, keywords)
    unwatch = session.store.watch(
        stat.id, partial(_changed, view, session.connection, session.wake)
    )
    return Selected(
        session.site, session.connection, session.peer, session.wake, session.owner,
        stat.name, read_only, view, unwatch,
    )  # fmt: skip


def _changed(view: MailboxView, connection: ServerConnection, wake: Callable[[], None]) -> None:
    """The store's hint; only IDLE is told at once, other commands when they end."""
    view.stale = True
    if connection.idling:
        wake()


async def close(session: Selected, command: commands.Close, emit: Emit) -> Outcome:
    """Expunges without a word, unless the mailbox was opened by EXAMINE."""
    if not session.read_only:
        await session.store.expunge(session.view.mailbox, session.view.known)
    return Outcome(ok("CLOSE completed").reply, session.closed())


async def unselect(session: Selected, command: commands.Unselect, emit: Emit) -> Outcome:
    return Outcome(ok("UNSELECT completed").reply, session.closed())
