"""CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE, NAMESPACE: too small for a file each.

RFC 9051 §6.1, §6.3.1, §6.3.10; RFC 3501 §6.4.1; RFC 2971.  The engine fills in the list of
capabilities and switches on what ENABLE asks for.
"""

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.capabilities import ENABLED_BY_NAME
from mailclad.protocols.imap.responses import (
    Bye,
    CapabilityData,
    Condition,
    EnabledData,
    IdData,
    NamespaceData,
    Reply,
)
from mailclad.sessions.imap.outcome import Emit, Outcome, ok
from mailclad.sessions.imap.session import Authenticated, Selected, Session

_WRITTEN = {"IMAP4REV2": "IMAP4rev2"}


async def capability(session: Session, command: commands.Capability, emit: Emit) -> Outcome:
    await emit(CapabilityData())
    return ok("CAPABILITY completed")


async def noop(session: Session, command: commands.Noop, emit: Emit) -> Outcome:
    return ok("NOOP completed")


async def check(session: Selected, command: commands.Check, emit: Emit) -> Outcome:
    return ok("CHECK completed")


async def logout(session: Session, command: commands.Logout, emit: Emit) -> Outcome:
    await emit(Bye("goodbye"))
    return Outcome(Reply(Condition.OK, "LOGOUT completed"), close=True)


async def identify(session: Session, command: commands.Id, emit: Emit) -> Outcome:
    """Says no version: it would help only who looks for known faults (RFC 2971 §4)."""
    await emit(IdData((("name", "Mailclad"),)))
    return ok("ID completed")


async def enable(session: Authenticated, command: commands.Enable, emit: Emit) -> Outcome:
    known = ENABLED_BY_NAME.intersection(command.names) - session.connection.enabled
    await emit(EnabledData(tuple(_WRITTEN[name] for name in sorted(known))))
    return ok("ENABLE completed")


async def namespace(session: Authenticated, command: commands.Namespace, emit: Emit) -> Outcome:
    await emit(NamespaceData())
    return ok("NAMESPACE completed")
