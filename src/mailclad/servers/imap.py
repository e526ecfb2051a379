"""IMAP on a channel: moves bytes and keeps time, nothing else.

RFC 9051 §5.4 (time), §7.1.5 (BYE).  The engine (``protocols.imap``) understands, the
handlers (``sessions.imap``) act.  Commands are served in order, one at a time; large
answers wait for the client to read.  What goes wrong by our own fault is raised to the
listener, which logs it; the client only learns that the connection ends.
"""

from contextlib import suppress
from dataclasses import dataclass

from mailclad.protocols.imap.commands import Id
from mailclad.protocols.imap.connection import Close, ServerConnection, Terms, UpgradeToTls
from mailclad.protocols.imap.gates import State
from mailclad.protocols.imap.responses import Bye
from mailclad.servers.channel import Channel, ConnectionLost, Shell
from mailclad.servers.imap_answers import Answers
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.services.tls_watch.meeting import program_words
from mailclad.sessions.imap.announce import announce
from mailclad.sessions.imap.session import Authenticated, Selected, Session, Site
from mailclad.sessions.imap.table import carry_out

GREETING = "Mailclad is ready"


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

    async def shell(channel: Channel) -> str:
        conversation = _Conversation(channel, site, terms, times)
        try:
            return await conversation.hold()
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
        "_why",
    )  # fmt: skip

    def __init__(self, channel: Channel, site: Site, terms: Terms, times: ImapTimes) -> None:
        self._channel = channel
        self._site = site
        self._times = times
        self._connection = ServerConnection(terms, channel.tls)
        self._answers = Answers(channel, self._connection)
        self._session = Session(site, self._connection, channel.peer, channel.nudge)
        self._began = self._served = site.clock.monotonic()
        self._why = "logged out"

    async def hold(self) -> str:
        """Serve until either side ends it; why it ended."""
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
                self._why = "the server stops or restarts"
                await self.take_leave(self._why, "UNAVAILABLE")
                break
            else:
                await self._tell_news()
            await self._serve()
        await self._channel.close(connection.data_to_send())
        return self._why

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
                    self._why = why
                case UpgradeToTls():
                    reply = connection.data_to_send()
                    connection.tls_started(await self._channel.start_tls(reply))
                case _:
                    if isinstance(event, Id):
                        self._channel.said = program_words(event.fields)
                    self._session = await carry_out(self._session, event, self._answers)
                    if connection.state is not State.LOGOUT:
                        await self._answers.flush()
                    if isinstance(self._session, Authenticated):
                        self._signed_in(self._session)
            self._served = self._site.clock.monotonic()
        self._channel.note_in_clear(connection.in_clear)

    def _signed_in(self, session: Authenticated) -> None:
        if not self._channel.is_signed_in:
            self._channel.signed_in(session.owner.address)

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
