"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4–§6.3.8, RFC 6154 §3)."""

from contextlib import suppress

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.responses import Condition, Notice
from mailclad.sessions.imap.outcome import Emit, Outcome, no, ok
from mailclad.sessions.imap.session import Authenticated, Selected
from mailclad.store.errors import MailboxNotFound
from mailclad.store.model import SpecialUse

INBOX = "INBOX"


async def create(session: Authenticated, command: commands.Create, emit: Emit) -> Outcome:
    use = SpecialUse(command.special_use) if command.special_use else None
    await session.store.create_mailbox(session.account, command.mailbox, use)
    return ok("CREATE completed")


async def delete(session: Authenticated, command: commands.Delete, emit: Emit) -> Outcome:
    """Deleting the selected mailbox closes it, and says so as SELECT of another one does."""
    if command.mailbox == INBOX:
        return no("INBOX cannot be deleted", "CANNOT")
    await session.store.delete_mailbox(session.account, command.mailbox)
    if isinstance(session, Selected) and session.mailbox == command.mailbox:
        await emit(Notice(Condition.OK, "the mailbox is deleted and closed", "CLOSED"))
        return Outcome(ok("DELETE completed").reply, session.closed())
    return ok("DELETE completed")


async def rename(session: Authenticated, command: commands.Rename, emit: Emit) -> Outcome:
    await session.store.rename_mailbox(session.account, command.mailbox, command.new_name)
    return ok("RENAME completed")


async def subscribe(session: Authenticated, command: commands.Subscribe, emit: Emit) -> Outcome:
    await session.store.subscribe(session.account, command.mailbox, subscribed=True)
    return ok("SUBSCRIBE completed")


async def unsubscribe(
    session: Authenticated, command: commands.Unsubscribe, emit: Emit
) -> Outcome:
    """A name that was not subscribed is left so (RFC 9051 §6.3.8)."""
    with suppress(MailboxNotFound):
        await session.store.subscribe(session.account, command.mailbox, subscribed=False)
    return ok("UNSUBSCRIBE completed")
