"""Every command: the session it needs, the function that carries it out, what may be told.

``carry_out`` is what the shell calls: it runs the row, tells what others did meanwhile, and
replies.  ``expunge`` says whether EXPUNGE may be told then (RFC 9051 §7.5.1): never while
answering FETCH, STORE or SEARCH, unless they are the UID forms.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from mailclad.protocols.imap import commands
from mailclad.protocols.imap.commands import Authenticate, AuthenticateResponse, Command, Idle
from mailclad.protocols.imap.gates import State
from mailclad.sessions.imap import (
    append,
    basic,
    copy,
    expunge,
    fetch,
    idle,
    list,  # noqa: A004 (the command's name)
    login,
    mailbox,
    search,
    select,
    status,
    store,
)
from mailclad.sessions.imap.announce import announce
from mailclad.sessions.imap.outcome import Challenged, Emit, Idling, Outcome, Result
from mailclad.sessions.imap.refusals import Refused, refusal
from mailclad.sessions.imap.session import Authenticated, Authenticating, Selected, Session

S = TypeVar("S", bound=Session)
C = TypeVar("C", bound=Command)


class Expunged(Enum):
    TOLD = "told"
    HELD = "held"
    """Held back, unless the command is the UID form."""


class Asking(Enum):
    ALWAYS = "always"
    """The client wants to know: the store is asked even without a hint."""
    HINTED = "hinted"


@dataclass(frozen=True, slots=True)
class Row:
    command: type[Command]
    needs: type[Session]
    run: Callable[[Any, Any, Emit], Awaitable[Result]]
    expunged: Expunged
    asking: Asking


def row(
    command: type[C],
    needs: type[S],
    run: Callable[[S, C, Emit], Awaitable[Result]],
    *,
    expunged: Expunged = Expunged.TOLD,
    asking: Asking = Asking.HINTED,
) -> Row:
    """A row whose three parts fit: the type checker compares them here, once each."""
    return Row(command, needs, run, expunged, asking)


ROWS = (
    row(commands.Capability, Session, basic.capability),
    row(commands.Noop, Session, basic.noop, asking=Asking.ALWAYS),
    row(commands.Logout, Session, basic.logout),
    row(commands.Id, Session, basic.identify),
    row(commands.Authenticate, Session, login.authenticate),
    row(commands.AuthenticateResponse, Authenticating, login.authenticate_response),
    row(commands.Login, Session, login.login),
    row(commands.Enable, Authenticated, basic.enable),
    row(commands.Select, Authenticated, select.select),
    row(commands.Create, Authenticated, mailbox.create),
    row(commands.Delete, Authenticated, mailbox.delete),
    row(commands.Rename, Authenticated, mailbox.rename),
    row(commands.Subscribe, Authenticated, mailbox.subscribe),
    row(commands.Unsubscribe, Authenticated, mailbox.unsubscribe),
    row(commands.List, Authenticated, list.list_mailboxes),
    row(commands.Lsub, Authenticated, list.lsub),
    row(commands.Namespace, Authenticated, basic.namespace),
    row(commands.Status, Authenticated, status.status),
    row(commands.Append, Authenticated, append.append, asking=Asking.ALWAYS),
    row(commands.Idle, Authenticated, idle.idle),
    row(commands.Done, Authenticated, idle.done),
    row(commands.Check, Selected, basic.check, asking=Asking.ALWAYS),
    row(commands.Close, Selected, select.close),
    row(commands.Unselect, Selected, select.unselect),
    row(commands.Expunge, Selected, expunge.expunge, asking=Asking.ALWAYS),
    row(commands.Search, Selected, search.search, expunged=Expunged.HELD),
    row(commands.Fetch, Selected, fetch.fetch, expunged=Expunged.HELD),
    row(commands.Store, Selected, store.store, expunged=Expunged.HELD),
    row(commands.Copy, Selected, copy.copy, asking=Asking.ALWAYS),
    row(commands.Move, Selected, copy.move, asking=Asking.ALWAYS),
)
BY_COMMAND: Mapping[type[Command], Row] = {row.command: row for row in ROWS}


async def carry_out(session: Session, command: Command, emit: Emit) -> Session:
    """Run a command to its reply; returns the state that the client is in then."""
    connection = session.connection
    result = await _run(session, command, emit)
    match result:
        case Challenged(data, become):
            assert isinstance(command, (Authenticate, AuthenticateResponse))
            connection.challenge(command, data)
            return become
        case Idling():
            assert isinstance(command, Idle)
            connection.idle(command)
            return session
        case Outcome(reply, become, close):
            following = become or _settled(session)
            if following is not session:
                session.end()
            connection.state = State.LOGOUT if close else following.state
            connection.reply(command, reply)
            return following


async def _run(session: Session, command: Command, emit: Emit) -> Result:
    row = BY_COMMAND[type(command)]
    assert isinstance(session, row.needs)  # the connection's gate has seen to it
    try:
        result = await row.run(session, command, emit)
    except Refused as problem:
        result = refusal(problem)
    if isinstance(session, Selected) and isinstance(result, Outcome) and result.become is None:
        hold = row.expunged is Expunged.HELD and not getattr(command, "by_uid", False)
        owed = session.view.stale or (session.view.owes_expunges and not hold)
        if owed or row.asking is Asking.ALWAYS:
            there = await announce(session, emit, hold_expunged=hold)
            return result if there else Outcome(result.reply, close=True)
    return result


def _settled(session: Session) -> Session:
    """An exchange that did not end in a log-in leaves the client where it was."""
    if isinstance(session, Authenticating):
        return Session(session.site, session.connection, session.peer, session.wake)
    return session
