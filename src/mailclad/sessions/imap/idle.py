"""IDLE: news as they come (RFC 9051 §6.3.13, RFC 2177).

The store's hint wakes the shell, which calls ``announce``.  Everything that is known before
``+ idling`` is told before it, so that no hint can fall between.
"""

from mailclad.protocols.imap import commands
from mailclad.sessions.imap.announce import announce
from mailclad.sessions.imap.outcome import Emit, Idling, Outcome, Result, no, ok
from mailclad.sessions.imap.session import Authenticated, Selected


async def idle(session: Authenticated, command: commands.Idle, emit: Emit) -> Result:
    if isinstance(session, Selected):
        there = await announce(session, emit, hold_expunged=False)
        while there and session.view.stale:
            there = await announce(session, emit, hold_expunged=False)
        if not there:
            return Outcome(no("the mailbox is gone", "NONEXISTENT").reply, close=True)
    return Idling()


async def done(session: Authenticated, command: commands.Done, emit: Emit) -> Outcome:
    return ok("IDLE completed")
