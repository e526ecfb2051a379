"""Another mail server that keeps every octet it is sent, and answers as badly as it is told to.

It reads DATA by itself, with nothing of ours: the end is CRLF.CRLF, and what lies before it stays
as it came.  ``replies`` by verb; "." is the end of a message, "" the greeting; None: silence.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Replies = Mapping[str, bytes | None]

USUAL: dict[str, bytes | None] = {
    "": b"220 sink.test\r\n",
    "EHLO": b"250-sink.test\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
    "STARTTLS": b"220 go\r\n",
    "AUTH": b"235 welcome\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    ".": b"250 taken\r\n",
    "QUIT": b"221 bye\r\n",
}
IN_TLS = b"250-sink.test\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 PIPELINING\r\n"


@dataclass
class Talk:
    """All that came over one connection: commands and messages, before TLS and inside."""

    clear: bytes = b""
    inside: bytes = b""
    messages: list[bytes] = field(default_factory=list)


@dataclass
class Sink:
    """``tls`` None: STARTTLS is answered and nothing follows."""

    tls: ssl.SSLContext | None = None
    replies: dict[str, bytes | None] = field(default_factory=dict)
    talks: list[Talk] = field(default_factory=list)
    port: int = 0
    taking: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: the reply to a message waits."""

    def __post_init__(self) -> None:
        self.taking.set()

    @property
    def messages(self) -> list[bytes]:
        """As they stood on the wire, without the end."""
        return [message for talk in self.talks for message in talk.messages]

    @property
    def clear(self) -> bytes:
        return b"".join(talk.clear for talk in self.talks)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.talks.append(Talk())
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await self._converse(self.talks[-1], reader, writer)
        finally:
            writer.close()

    async def _converse(
        self, talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._answer(writer, self._reply("", secured=False))
        secured = False
        while line := await _read(talk, reader, b"\r\n", secured=secured):
            verb = line.split()[0].decode("latin-1").upper() if line.split() else "?"
            reply = self._reply(verb, secured=secured)
            await self._answer(writer, reply)
            if verb == "DATA" and reply is not None and reply.startswith(b"354"):
                message = await _read(talk, reader, b"\r\n", secured=secured)
                if message != b".\r\n":  # which ends a transaction that came to nothing
                    message += await _read(talk, reader, b"\r\n.\r\n", secured=secured)
                    talk.messages.append(message[: -len(b".\r\n")])
                await self.taking.wait()
                await self._answer(writer, self._reply(".", secured=secured))
            elif verb == "STARTTLS" and self.tls and (reply or b"").startswith(b"220"):
                await writer.start_tls(self.tls)
                secured = True
            elif verb == "QUIT":
                return

    def _reply(self, verb: str, *, secured: bool) -> bytes | None:
        if verb == "EHLO" and secured:
            return IN_TLS
        return (USUAL | self.replies).get(verb, b"500 what\r\n")

    @staticmethod
    async def _answer(writer: asyncio.StreamWriter, reply: bytes | None) -> None:
        if reply is None:
            await asyncio.get_running_loop().create_future()
        else:
            writer.write(reply)
            await writer.drain()


async def _read(talk: Talk, reader: asyncio.StreamReader, end: bytes, *, secured: bool) -> bytes:
    """Up to this end, which a bare LF is not; what there is when the connection ends."""
    try:
        octets = await reader.readuntil(end)
    except asyncio.IncompleteReadError as cut:
        octets = cut.partial
    if secured:
        talk.inside += octets
    else:
        talk.clear += octets
    return octets


def context_of(folder: Path) -> ssl.SSLContext:
    """With the certificate that ``tests.app.served.issue`` has written there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context


@contextlib.asynccontextmanager
async def listening(
    tls: ssl.SSLContext | None = None, replies: Replies | None = None, port: int = 0
) -> AsyncIterator[Sink]:
    sink = Sink(tls, dict(replies or {}))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await sink.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=64 << 20)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def in_background() -> Iterator[tuple[Sink, asyncio.AbstractEventLoop]]:
    """On a thread of its own, for tests that run no loop; what it is told goes over its loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stack = contextlib.AsyncExitStack()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    try:
        yield run(stack.enter_async_context(listening())), loop
    finally:
        run(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
