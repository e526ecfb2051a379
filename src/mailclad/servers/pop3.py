"""POP3 on a channel: moves bytes, keeps time, logs how connections end; nothing else.

RFC 1939 §3 (time).  The engine (``protocols.pop3``) understands, the handlers
(``sessions.pop3``) act.  Commands are served in order, one at a time; answers to pipelined
ones are written together, large ones wait for the client to read.  When time runs out the
connection ends without a word and without removing anything, as RFC 1939 §3 wants it.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from mailclad.protocols.pop3.commands import Command
from mailclad.protocols.pop3.connection import Close, ServerConnection, UpgradeToTls
from mailclad.protocols.pop3.responses import Reply, Response
from mailclad.servers.channel import Channel, ConnectionLost, Shell
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.sessions.pop3 import table
from mailclad.sessions.pop3.outcome import answer
from mailclad.sessions.pop3.session import Authentication, Maildrops, Session, Transaction

COMMAND_SECONDS = 60.0
"""A stranger's next command; programs log in at once."""
LOGIN_SECONDS = 120.0
"""From the greeting to the login, whatever is sent meanwhile."""
SILENCE_SECONDS = 10 * 60.0
"""After the login: RFC 1939 §3 asks for at least this."""
STALL_SECONDS = 300.0
"""How long a client may leave an answer unread; phones lose the network for minutes."""
FLUSH_OCTETS = 256 * 1024
"""An answer is sent in pieces of about this size, so that TLS writes large records."""


@dataclass(frozen=True, slots=True)
class Pop3Times:
    """For tests, which do not want to wait."""

    command: float = COMMAND_SECONDS
    login: float = LOGIN_SECONDS
    silence: float = SILENCE_SECONDS


def pop3_shell(
    authentication: Authentication,
    maildrops: Maildrops,
    *,
    starttls: bool,
    times: Pop3Times = Pop3Times(),
) -> Shell:
    """Serve POP3 with these parts; ``starttls`` is whether a certificate is ready."""

    async def shell(channel: Channel) -> str:
        client = Session(authentication, maildrops, channel.peer, channel.tls, starttls, 0)
        conversation = _Conversation(channel, client, times)
        try:
            return await conversation.hold()
        except (ConnectionLost, HandshakeFailed, TimeoutError):
            raise
        except Exception:
            await conversation.give_up()
            raise  # the listener logs it
        finally:
            conversation.session.release()

    return shell


class _Conversation:
    __slots__ = ("_channel", "_connection", "_login_until", "_times", "account", "session")

    def __init__(self, channel: Channel, session: Session, times: Pop3Times) -> None:
        self.session = session
        self._channel = channel
        self._times = times
        self._connection = ServerConnection(tls=channel.tls, starttls=session.starttls)
        self._login_until = asyncio.get_running_loop().time() + times.login
        self.account: str | None = None

    async def hold(self) -> str:
        """Talk until one side ends it; why it ended."""
        self._connection.greet()
        while True:
            event = self._connection.next_event()
            match event:
                case None:
                    await self._receive()
                case Close(why):
                    self._channel.note_in_clear(self._connection.in_clear)
                    await self._flush()
                    return why
                case UpgradeToTls():
                    facts = await self._channel.start_tls(self._connection.data_to_send())
                    self._connection.tls_started(facts)
                    self.session = self.session.in_tls(facts)
                case _:
                    await self._carry_out(event)

    async def give_up(self) -> None:
        """A fault of ours: said without its text."""
        self._connection.reply(Reply(False, "The server made a mistake.", "SYS/TEMP"))
        with suppress(ConnectionLost, TimeoutError):
            await self._flush()
            await self._channel.close()

    async def _receive(self) -> None:
        self._channel.note_in_clear(self._connection.in_clear)
        await self._flush()
        self._channel.set_deadline(self._seconds())
        data = await self._channel.receive()
        if data is None:
            self._connection.receive_eof()
        elif data:
            self._connection.receive_data(data)
        elif self._channel.closing:
            self._connection.close("the server stops")

    async def _carry_out(self, command: Command) -> None:
        outcome = await table.run(self.session, command, self._emit)
        answer(self._connection, outcome)
        self.session = outcome.become or self.session
        if self.account is None and isinstance(self.session, Transaction):
            self.account = self.session.account.address
            self._channel.signed_in(self.account)
        await self._flush_part()

    async def _emit(self, response: Response) -> None:
        self._connection.send(response)
        await self._flush_part()

    async def _flush_part(self) -> None:
        if self._connection.octets_to_send >= FLUSH_OCTETS:
            await self._flush()
            await asyncio.sleep(0)  # one piece of many: others on this loop get their turn

    async def _flush(self) -> None:
        data = self._connection.data_to_send()
        if data:
            self._channel.write(data)
            self._channel.set_deadline(STALL_SECONDS)
            await self._channel.drain()

    def _seconds(self) -> float:
        if self.account is not None:
            return self._times.silence
        left = self._login_until - asyncio.get_running_loop().time()
        return max(0.0, min(self._times.command, left))
