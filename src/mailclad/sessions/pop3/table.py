"""Every command, the session it needs and the function that carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mailclad.protocols.pop3 import commands
from mailclad.protocols.pop3.commands import Command
from mailclad.sessions.pop3.authorization import auth, auth_response, password, user
from mailclad.sessions.pop3.capability import capa, utf8
from mailclad.sessions.pop3.listing import list_, stat, uidl
from mailclad.sessions.pop3.outcome import Emit, Outcome
from mailclad.sessions.pop3.refusals import refusal
from mailclad.sessions.pop3.retrieve import retr, top
from mailclad.sessions.pop3.session import (
    Authenticating,
    Named,
    Session,
    Transaction,
    before_login,
)
from mailclad.sessions.pop3.update import dele, noop, quit_, rset
from mailclad.store.errors import StoreProblem

S = TypeVar("S", bound=Session)
C = TypeVar("C", bound=Command)


@dataclass(frozen=True, slots=True)
class Row:
    command: type[Command]
    needs: type[Session]
    run: Callable[[Any, Any, Emit], Awaitable[Outcome]]


def row(command: type[C], needs: type[S], run: Callable[[S, C, Emit], Awaitable[Outcome]]) -> Row:
    """A row whose three parts fit: the type checker compares them here, once each."""
    return Row(command, needs, run)


ROWS = (
    row(commands.User, Session, user),
    row(commands.Pass, Named, password),
    row(commands.Auth, Session, auth),
    row(commands.AuthResponse, Authenticating, auth_response),
    row(commands.Utf8, Session, utf8),
    row(commands.Stat, Transaction, stat),
    row(commands.List, Transaction, list_),
    row(commands.Uidl, Transaction, uidl),
    row(commands.Retr, Transaction, retr),
    row(commands.Top, Transaction, top),
    row(commands.Dele, Transaction, dele),
    row(commands.Rset, Transaction, rset),
    row(commands.Noop, Transaction, noop),
    row(commands.Capa, Session, capa),
    row(commands.Quit, Session, quit_),
)
BY_COMMAND: Mapping[type[Command], Row] = {row.command: row for row in ROWS}


async def run(session: Session, command: Command, emit: Emit) -> Outcome:
    """What the store refuses leaves a maildrop open and a login where it began."""
    row = BY_COMMAND[type(command)]
    assert isinstance(session, row.needs), "the connection's gate has seen to it"
    try:
        return await row.run(session, command, emit)
    except StoreProblem as problem:
        inside = isinstance(session, Transaction)
        return Outcome(refusal(problem), become=None if inside else before_login(session))
