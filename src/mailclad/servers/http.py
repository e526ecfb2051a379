"""HTTP on a channel: an ASGI application behind uvicorn's httptools protocol class.

RFC 9110, RFC 9112.  Comes in: a channel, in the clear or under TLS.  Goes out: requests to the
application, its responses to the peer.  A connection that agreed on ``acme-tls/1`` has had all it
wants with its handshake (RFC 8737 §4).  uvicorn's protocol class does HTTP; sockets, TLS,
limits on connections and the end of the server stay ours.  Limits: the octets and the time of a
request's head, requests that wait, the time in which nothing of an answer is taken, here; bodies
wait in uvicorn's 64 KiB until the application reads them, so how much it takes, and how long it
waits, is for the application to say.
"""

import asyncio
from email.utils import formatdate
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from mailclad.base.tls_policy import ACME_TLS
from mailclad.servers.channel import Channel, ConnectionLost, Shell

HEAD_OCTETS = 32 * 1024
"""Request line and headers; browsers stay below 8 KB, other servers allow 8 to 32."""

HEAD_SECONDS = 20.0
"""How long a request's head may take, and how long a peer may take nothing of an answer; looked at
this often, so twice at the very most."""

WAITING_REQUESTS = 8
"""Sent before the answer to the first is complete; browsers send one (RFC 9112 §9.3.2)."""

TLS_VERSION = "mailclad.tls_version"
CLOSING = "mailclad.closing"
"""Where applications find in the scope's extensions which TLS a request came by, and how to ask
whether the server stops: an answer that goes on for long has to end then."""

KEEP_ALIVE_SECONDS = 60
"""How long a connection waits for its next request: pages fetched in a row need no handshake."""


class _TooManyRequests(Exception):
    """The parser passes it on as its own, which ends the connection."""


class _HttpConnection(HttpToolsProtocol):
    """One connection; tells its channel of the end, and counts the octets of heads."""

    def __init__(self, channel: Channel, config: Config, state: ServerState) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self._channel = channel
        self._head_octets = 0
        self._in_head = False
        self._is_late = False

    def data_received(self, data: bytes) -> None:
        self._in_head = self._in_head or self.cycle is None or self.cycle.response_complete
        self._head_octets += len(data)
        super().data_received(data)
        if self._in_head and self._head_octets > HEAD_OCTETS and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_late = False

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= WAITING_REQUESTS:
            raise _TooManyRequests
        super().on_message_begin()
        date = formatdate(usegmt=True).encode("ascii")  # RFC 9110 §6.6.1
        self.server_state.default_headers = [(b"date", date)]
        channel = self._channel
        tls = channel.tls
        self.scope["client"] = (channel.peer, 0)  # which knows whom a proxy speaks for
        self.scope["extensions"] = {
            TLS_VERSION: {"version": tls.version if tls is not None else ""},
            CLOSING: {"is_closing": lambda: channel.closing},
        }
        self._in_head = True
        self._is_late = False

    def on_headers_complete(self) -> None:
        if self.url[:1] != b"/" and b"://" in self.url:  # RFC 9112 §3.2.2: this host is meant
            host = self.url.split(b"/")[2]
            others = [field for field in self.headers if field[0] != b"host"]
            self.headers[:] = [(b"host", host), *others]
        super().on_headers_complete()
        self._in_head = False
        self._head_octets = 0

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._channel.connection_lost(exc)

    def is_stalled(self) -> bool:
        """Whether all the time since this was last asked the peer should have sent, or read."""
        waits = self._in_head or self.cycle is None or self.flow.write_paused
        was_late, self._is_late = self._is_late, waits
        return waits and was_late


def http_shell(app: ASGIApp) -> Shell:
    """Serve an application; its lifespan events are the caller's to send."""
    config = Config(
        app,
        log_config=None,
        log_level="error",  # what strangers get wrong is answered, and no news
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        interface="asgi3",
    )
    config.load()
    state = ServerState()

    async def shell(channel: Channel) -> str | None:
        if channel.tls is not None and channel.tls.alpn == ACME_TLS:
            return "an ACME authority has seen the answer to its challenge"
        connection: Any = _HttpConnection(channel, config, state)
        channel.hand_over(connection)
        while True:
            channel.set_deadline(HEAD_SECONDS)
            try:
                await channel.receive()
            except ConnectionLost:
                return None
            except TimeoutError:
                if connection.is_stalled():
                    raise
            if channel.closing:
                connection.shutdown()

    return shell
