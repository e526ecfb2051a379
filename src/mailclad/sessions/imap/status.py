"""STATUS: the counters of a mailbox, without selecting it (RFC 9051 §6.3.11)."""

from collections.abc import Callable, Mapping

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import StatusItem
from mailclad.protocols.imap.responses import StatusData
from mailclad.sessions.imap.outcome import Emit, Outcome, ok
from mailclad.sessions.imap.session import Authenticated
from mailclad.store.model import MailboxStat

_READ: Mapping[StatusItem, Callable[[MailboxStat], int]] = {
    StatusItem.MESSAGES: lambda stat: stat.messages,
    StatusItem.UIDNEXT: lambda stat: stat.uid_next,
    StatusItem.UIDVALIDITY: lambda stat: stat.uid_validity,
    StatusItem.UNSEEN: lambda stat: stat.unseen,
    StatusItem.DELETED: lambda stat: stat.deleted,
    StatusItem.SIZE: lambda stat: stat.octets,
    StatusItem.RECENT: lambda _: 0,
}


async def status(session: Authenticated, command: commands.Status, emit: Emit) -> Outcome:
    stat = await session.store.stat(session.account, command.mailbox)
    await emit(status_data(stat, command.items))
    return ok("STATUS completed")


def status_data(stat: MailboxStat, items: tuple[StatusItem, ...]) -> StatusData:
    """Also what LIST tells with RETURN (STATUS …)."""
    return StatusData(stat.name, {item: _READ[item](stat) for item in items})
