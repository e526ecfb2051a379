"""DELE, RSET, NOOP and QUIT: marks of deletion, and their meaning it (RFC 1939 §5 and §6)."""

from mailclad.protocols.pop3.commands import Dele, Noop, Quit, Rset
from mailclad.protocols.pop3.responses import Reply
from mailclad.sessions.pop3.listing import NO_SUCH_MESSAGE
from mailclad.sessions.pop3.outcome import Emit, Outcome, err, ok
from mailclad.sessions.pop3.refusals import refusal
from mailclad.sessions.pop3.session import Session, Transaction, before_login
from mailclad.store.errors import StoreProblem


async def dele(session: Transaction, command: Dele, emit: Emit) -> Outcome:
    if not session.maildrop.has(command.number):
        return err(NO_SUCH_MESSAGE)
    session.maildrop.deleted.add(command.number)
    return ok("marked for deletion")


async def rset(session: Transaction, command: Rset, emit: Emit) -> Outcome:
    session.maildrop.deleted.clear()
    return ok("nothing is marked")


async def noop(session: Session, command: Noop, emit: Emit) -> Outcome:
    return ok("still here")


async def quit_(session: Session, command: Quit, emit: Emit) -> Outcome:
    """The UPDATE state: removed durably, then said; the connection ends either way."""
    reply = Reply(True, "goodbye")
    if isinstance(session, Transaction) and session.maildrop.deleted:
        maildrop = session.maildrop
        try:
            await session.maildrops.remove(maildrop.mailbox, maildrop.uids_deleted())
        except StoreProblem as problem:
            reply = refusal(problem)
    session.release()  # before the reply: who reads it may log in again at once
    return Outcome(reply, become=before_login(session), close="QUIT")
