"""SMTP, submission and LMTP on a channel: moves bytes, keeps time, and nothing else.

Replies that come of one piece of input go out together (RFC 2920 §3.2).  Nothing is read while
what was read is not dealt with, so a client makes us hold one piece at most.  The timer
is restarted by commands and by octets in number, never by the mere sign of life of a client
that sends one octet now and then (RFC 5321 §4.5.3.2 has the patience that is expected).
"""

import asyncio
import contextlib
from dataclasses import replace

from mailclad.protocols.smtp import reply as replies
from mailclad.protocols.smtp.command import Close, UpgradeToTls
from mailclad.protocols.smtp.connection import ServerConnection
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.reply import Reply
from mailclad.servers.channel import Channel, ConnectionLost, Shell
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.services.receive.guard import Client, Refused
from mailclad.sessions.smtp.session import Greeted, Session, Site, meet
from mailclad.sessions.smtp.table import carry_out

HELLO_SECONDS = 60
"""From the connection to hello, in all."""
LOGIN_SECONDS = 120
"""From the connection to a log-in on a submission port, in all."""
COMMAND_SECONDS = 5 * 60
"""RFC 5321 §4.5.3.2.7."""
OCTETS_OF_LIFE = 16 * 1024
"""So much of a message restarts the timer: slower than 55 octets a second is too slow."""
TURN = 100
"""Commands that one client may have carried out before others get their turn."""


def smtp_shell(site: Site) -> Shell:
    """The shell of a listener; ``site.role`` says whether it is MX, submission or LMTP."""

    async def shell(channel: Channel) -> None:
        talk = _Talk(site, channel)
        try:
            await talk.hold()
        except Refused as problem:
            await talk.take_leave(problem.reply)
        except TimeoutError:
            await talk.take_leave(replies.TIMED_OUT)
        except (ConnectionLost, HandshakeFailed):
            raise
        except Exception:
            await talk.take_leave(replies.INTERNAL_ERROR)
            raise  # the listener logs it
        finally:
            talk.session.leave()

    return shell


class _Talk:
    """What one connection needs besides its engine: the session and the clock."""

    __slots__ = ("_channel", "_connection", "_octets", "_stranger", "_until", "session")

    def __init__(self, site: Site, channel: Channel) -> None:
        client = Client(channel.peer, channel.local_port, site.host_name, channel.tls)
        self.session = meet(site, client)
        self._channel = channel
        self._stranger = site.is_stranger(channel.peer) and not channel.is_own_check
        self._connection = ServerConnection(
            site.role,
            site.limits,
            starttls=site.starttls,
            encrypted=channel.tls is not None,
            strict=self._stranger,
            xclient=channel.peer in site.entrance.proxies,
        )
        self._octets = 0
        # None once the client has shown that it belongs here.
        self._until: float | None = asyncio.get_running_loop().time() + HELLO_SECONDS
        channel.set_deadline(HELLO_SECONDS)

    async def hold(self) -> None:
        """Talk until one side ends it; raises Refused where a guard wants no greeting."""
        for visit in () if self._channel.is_own_check else self.session.visits:
            await visit.connected()
        if self._stranger:
            await self._listen_first()
        self._connection.greet(self.session.site.host_name)
        while await self._serve():
            if self._channel.closing and not self._connection.is_receiving:
                self._connection.farewell(replies.SHUTTING_DOWN)
                continue
            await self._flush()
            data = await self._channel.receive()
            if data:
                self._connection.receive_data(data)
                self._note_octets(len(data))
            elif data is None:
                self._connection.close("the client closed")

    async def _listen_first(self) -> None:
        """Whoever speaks before the greeting is no mail server (RFC 5321 §3.1)."""
        await asyncio.sleep(0)  # what is there already has its chance to be read
        self._channel.set_deadline(self.session.site.entrance.greet_delay)
        with contextlib.suppress(TimeoutError):
            if await self._channel.receive():
                raise Refused(replies.SPOKE_TOO_SOON)
        self._channel.set_deadline(HELLO_SECONDS)

    async def take_leave(self, word: Reply) -> None:
        """Say why the connection ends, and end it."""
        self._connection.farewell(word)
        self._channel.write(self._connection.data_to_send())
        await self._channel.close()

    async def _serve(self) -> bool:
        """Carry out what is due; whether the connection goes on."""
        connection = self._connection
        served = 0
        while (event := connection.next_event()) is not None:
            if isinstance(event, Close):
                self._channel.note_in_clear(connection.in_clear)
                await self._flush()
                return False
            if isinstance(event, UpgradeToTls):
                await self._start_tls()
                continue
            self.session = await carry_out(connection, self.session, event)
            served += 1
            if served % TURN == 0:
                await self._flush()
                await asyncio.sleep(0)
        self._channel.note_in_clear(connection.in_clear)
        if served:
            self._note_commands()
        return True

    async def _start_tls(self) -> None:
        facts = await self._channel.start_tls(self._connection.data_to_send())
        self._connection.tls_started()
        session = self.session
        client = replace(session.client, tls=facts, hello="")
        self.session = Session(session.site, client, session.visits)

    async def _flush(self) -> None:
        data = self._connection.data_to_send()
        if data:
            self._channel.write(data)
            await self._channel.drain()

    # --- time ---

    def _note_octets(self, octets: int) -> None:
        self._octets += octets
        if self._octets >= OCTETS_OF_LIFE and self._until is None:
            self._restart()

    def _note_commands(self) -> None:
        session = self.session
        if self._until is not None:
            if not isinstance(session, Greeted):
                return
            if session.site.role is Role.MX:
                self._channel.said = session.hello.name
            if session.site.submission is not None:
                if session.account is None:
                    left = self._until + LOGIN_SECONDS - HELLO_SECONDS
                    self._channel.set_deadline(left - asyncio.get_running_loop().time())
                    return
                self._channel.signed_in(session.account.address)
            self._until = None
        self._restart()

    def _restart(self) -> None:
        self._octets = 0
        self._channel.set_deadline(COMMAND_SECONDS)
