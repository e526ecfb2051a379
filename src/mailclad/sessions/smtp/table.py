"""Every command, the session it needs and the function that carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mailclad.protocols.smtp import command as commands
from mailclad.protocols.smtp.command import Command
from mailclad.protocols.smtp.connection import ServerConnection
from mailclad.services.receive.guard import Refused
from mailclad.sessions.smtp.auth import auth, auth_response
from mailclad.sessions.smtp.basic import help_, noop, quit_, rset, vrfy
from mailclad.sessions.smtp.data import chunk, data, end_of_data
from mailclad.sessions.smtp.hello import hello
from mailclad.sessions.smtp.mail import mail
from mailclad.sessions.smtp.outcome import Challenged, Invited, Outcome, Result
from mailclad.sessions.smtp.rcpt import rcpt
from mailclad.sessions.smtp.refusals import REFUSALS, refusal
from mailclad.sessions.smtp.session import Authenticating, Greeted, Sending, Session
from mailclad.sessions.smtp.tracing import note_refused
from mailclad.sessions.smtp.xclient import xclient

S = TypeVar("S", bound=Session)
C = TypeVar("C", bound=Command)


@dataclass(frozen=True, slots=True)
class Row:
    command: type[Command]
    needs: type[Session]
    run: Callable[[Any, Any], Awaitable[Result]]


def row(command: type[C], needs: type[S], run: Callable[[S, C], Awaitable[Result]]) -> Row:
    """A row whose three parts fit: the type checker compares them here, once each."""
    return Row(command, needs, run)


ROWS = (
    row(commands.Hello, Session, hello),
    row(commands.Auth, Greeted, auth),
    row(commands.AuthResponse, Authenticating, auth_response),
    row(commands.Mail, Greeted, mail),
    row(commands.Rcpt, Sending, rcpt),
    row(commands.Data, Sending, data),
    row(commands.Chunk, Sending, chunk),
    row(commands.EndOfData, Sending, end_of_data),
    row(commands.Rset, Session, rset),
    row(commands.Noop, Session, noop),
    row(commands.Vrfy, Session, vrfy),
    row(commands.Help, Session, help_),
    row(commands.XClient, Session, xclient),
    row(commands.Quit, Session, quit_),
)
BY_COMMAND: Mapping[type[Command], Row] = {row.command: row for row in ROWS}


async def carry_out(connection: ServerConnection, session: Session, command: Command) -> Session:
    """Run a command, have the engine answer it, and return the session it leads to."""
    row = BY_COMMAND[type(command)]
    assert isinstance(session, row.needs), "the engine's gate has seen to it"
    try:
        result = await row.run(session, command)
    except REFUSALS as problem:
        reply = refusal(problem)
        note_refused(session, command, reply)
        connection.reply(command, reply)
        if isinstance(problem, Refused) and problem.close:
            connection.close(problem.reply.text)
        return session
    if type(result) is Outcome:
        connection.reply(command, *result.replies)
        if result.close is not None:
            connection.close(result.close)
        return result.become or session
    if isinstance(result, Invited):
        connection.receive_message(result.command, result.spool)
        return session
    assert isinstance(result, Challenged)
    connection.challenge(result.data)
    return result.become
