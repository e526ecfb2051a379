"""IMAP on a channel: moves bytes and keeps time, nothing else.

RFC 9051 §5.4 (time), §7.1.5 (BYE).  The engine (``protocols.imap``) understands, the
handlers (``sessions.imap``) act.  Commands are served in order, one at a time; large
answers wait for the client to read.  What goes wrong by our own fault is raised to the
listener, which logs it; the client only learns that the connection ends.
"""

from contextlib import suppress
from dataclasses import dataclass

import structlog

from mailclad.protocols.imap.connection import Close, ServerConnection, Terms, UpgradeToTls
from mailclad.protocols.imap.gates import State
from mailclad.protocols.imap.responses import Bye
from mailclad.servers.channel import Channel, ConnectionLost, Shell
from mailclad.servers.imap_answers import Answers
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.sessions.imap.announce import announce
from mailclad.sessions.imap.session import Authenticated, Selected, Session, Site
from mailclad.sessions.imap.table import carry_out

GREETING = "Mailclad is ready"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ImapTimes:
    """Seconds that we wait.

    ``command``: for a stranger's next command; people do not type them.  ``login``: from the
    greeting to the login, whatever comes meanwhile.  ``silence``: after login; RFC 9051 §5.4
    asks for at least 30 minutes, and programs that idle say something every 29.
    """

    command: float = 60
    login: float = 120
    silence: float = 30 * 60


def imap_shell(site: Site, terms: Terms, times: ImapTimes = ImapTimes()) -> Shell:
    """Serve IMAP with these parts; ``terms`` say whether STARTTLS can be offered."""

    async def shell(channel: Channel) -> None:
        conversation = _Conversation(channel, site, terms, times)
        try:
            await conversation.hold()
        except (ConnectionLost, HandshakeFailed):
            raise
        except TimeoutError:
            await conversation.take_leave("silent for too long")
            raise
        except Exception:
            await conversation.take_leave("the server made a mistake", "SERVERBUG")
            raise
        finally:
            conversation.let_go()

    return shell


class _Conversation:
    """One client, from the greeting to the end."""

    __slots__ = (
        "_answers", "_began", "_channel", "_connection", "_served", "_session", "_site", "_times",
    )  # fmt: skip

    def __init__(self, channel: Channel, site: Site, terms: Terms, times: ImapTimes) -> None:
        self._channel = channel
        self._site = site
        self._times = times
        self._connection = ServerConnection(terms, channel.tls)
        self._answers = Answers(channel, self._connection)
        self._session = Session(site, self._connection, channel.peer, channel.nudge)
        self._began = self._served = site.clock.monotonic()

    async def hold(self) -> None:
        """Serve until either side ends it."""
        channel, connection = self._channel, self._connection
        connection.greet(GREETING)
        while connection.state is not State.LOGOUT:
            await self._answers.flush()
            channel.set_deadline(self._patience())
            data = await channel.receive()
            if data:
                connection.receive_data(data)
            elif data is None:
                connection.receive_eof()
            elif channel.closing:
                return await self.take_leave("the server stops or restarts", "UNAVAILABLE")
            else:
                await self._tell_news()
            await self._serve()
        return await self._answers.flush()

    async def _tell_news(self) -> None:
        """The store has hinted at a change; only who idles is told at once."""
        connection, session = self._connection, self._session
        if connection.idling and isinstance(session, Selected):
            there = await announce(session, self._answers, hold_expunged=False)
            if not there:
                connection.state = State.LOGOUT

    async def _serve(self) -> None:
        """Carry out every command that is complete, in order."""
        connection = self._connection
        while (event := connection.next_event()) is not None:
            match event:
                case Close(why):
                    _log.info("imap connection closed", why=why, peer=self._channel.peer)
                case UpgradeToTls():
                    reply = connection.data_to_send()
                    connection.tls_started(await self._channel.start_tls(reply))
                case _:
                    self._session = await carry_out(self._session, event, self._answers)
                    await self._answers.flush()
                    if isinstance(self._session, Authenticated):
                        self._signed_in(self._session)
            self._served = self._site.clock.monotonic()

    def _signed_in(self, session: Authenticated) -> None:
        if not self._channel.is_signed_in:
            self._channel.signed_in()
            _log.info(
                "signed in", service="imap", account=session.owner.address, peer=session.peer
            )

    def _patience(self) -> float:
        """Seconds to wait for more; a stranger's half a command does not buy any."""
        if self._connection.state is not State.NOT_AUTHENTICATED:
            return self._times.silence
        due = min(self._served + self._times.command, self._began + self._times.login)
        return max(0.0, due - self._site.clock.monotonic())

    async def take_leave(self, why: str, code: str | None = None) -> None:
        """Say BYE, as far as the client still listens."""
        self._connection.send(Bye(why, code))
        with suppress(ConnectionLost, TimeoutError):
            await self._answers.flush()
            await self._channel.close()

    def let_go(self) -> None:
        self._session.end()
        self._connection.close()
