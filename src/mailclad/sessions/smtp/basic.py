"""RSET, NOOP, VRFY, HELP, QUIT: commands too small for a file each (RFC 5321 §4.1.1.5–10)."""

from mailclad.protocols.smtp.command import Help, Noop, Quit, Rset, Vrfy
from mailclad.protocols.smtp.reply import BYE, CANNOT_VERIFY, OK, Reply
from mailclad.protocols.smtp.table import commands_for
from mailclad.sessions.smtp.outcome import Outcome, said
from mailclad.sessions.smtp.session import Sending, Session


async def rset(session: Session, command: Rset) -> Outcome:
    session.end()
    return said(OK, session.greeted() if isinstance(session, Sending) else None)


async def noop(session: Session, command: Noop) -> Outcome:
    return said(OK)


async def vrfy(session: Session, command: Vrfy) -> Outcome:
    """Never tells who has an address (RFC 5321 §7.3)."""
    return said(CANNOT_VERIFY)


async def help_(session: Session, command: Help) -> Outcome:
    return said(Reply(214, "2.0.0", f"Commands: {commands_for(session.site.role)}"))


async def quit_(session: Session, command: Quit) -> Outcome:
    return said(BYE)
