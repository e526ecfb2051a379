"""STAT, LIST and UIDL: what is in the maildrop (RFC 1939 §5 and §7).

A unique-id is INBOX's UIDVALIDITY and the message's UID: it never changes and is never
given again.
"""

from mailclad.protocols.pop3.commands import List, Stat, Uidl
from mailclad.protocols.pop3.responses import Begin, End, Listing
from mailclad.sessions.pop3.outcome import Emit, Outcome, err, ok
from mailclad.sessions.pop3.session import Transaction

NO_SUCH_MESSAGE = "no such message"


async def stat(session: Transaction, command: Stat, emit: Emit) -> Outcome:
    messages, octets = session.maildrop.totals()
    return ok(f"{messages} {octets}")


async def list_(session: Transaction, command: List, emit: Emit) -> Outcome:
    maildrop = session.maildrop
    if command.number is not None:
        if not maildrop.has(command.number):
            return err(NO_SUCH_MESSAGE)
        return ok(f"{command.number} {maildrop.octets(command.number)}")
    await emit(Begin("messages follow"))
    for rows in maildrop.scan_listing():
        await emit(Listing(rows))
    await emit(End())
    return Outcome()


async def uidl(session: Transaction, command: Uidl, emit: Emit) -> Outcome:
    maildrop = session.maildrop
    if command.number is not None:
        if not maildrop.has(command.number):
            return err(NO_SUCH_MESSAGE)
        return ok(f"{command.number} {maildrop.uid_validity}-{maildrop.uid(command.number)}")
    await emit(Begin("unique-ids follow"))
    for rows in maildrop.unique_ids():
        await emit(Listing(rows, maildrop.uid_validity))
    await emit(End())
    return Outcome()
