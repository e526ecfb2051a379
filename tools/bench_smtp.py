"""The two ends of the exchange benchmark: a client that pours mail in, and a sink that takes it.

    python tools/bench_smtp.py sink PORT CHAIN KEY
    python tools/bench_smtp.py pour PORT MESSAGES FOLDER …    # its messages, over and over

Both speak ESMTP with STARTTLS and pipelining, as large mail servers do.  They know no server.
The sink prints its count for each line on its standard input.
"""

import argparse
import asyncio
import base64
import itertools
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

_READY = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 52428800\r\n"


class Sink(asyncio.Protocol):
    """One connection; what comes is counted and thrown away."""

    taken = 0
    handshakes = 0

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._encrypted = False
        self._in_message = False
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no such class
        if not self._encrypted:
            self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._held += data
        replies = bytearray()
        while self._step(replies):
            pass
        if replies and self._transport is not None:
            self._transport.write(bytes(replies))

    def _step(self, replies: bytearray) -> bool:
        if self._in_message:
            end = self._held.find(b"\r\n.\r\n")
            if end < 0:
                self._held = self._held[-4:]
                return False
            self._held = self._held[end + 5 :]
            self._in_message = False
            Sink.taken += 1
            replies += b"250 2.0.0 taken\r\n"
            return bool(self._held)
        line, found, rest = self._held.partition(b"\r\n")
        if not found:
            return False
        self._held = rest
        verb = line[:4].upper()
        if verb == b"EHLO":
            replies += _READY + (b"" if self._encrypted else b"250-STARTTLS\r\n") + b"250 HELP\r\n"
        elif verb == b"STAR":
            replies += b"220 go on\r\n"
            asyncio.get_running_loop().create_task(self._upgrade())
        elif verb == b"DATA":
            self._in_message = True
            replies += b"354 go on\r\n"
        elif verb == b"QUIT":
            replies += b"221 bye\r\n"
        else:
            replies += b"250 2.0.0 fine\r\n"
        return bool(self._held)

    async def _upgrade(self) -> None:
        transport, self._transport = self._transport, None
        assert transport is not None
        self._encrypted = True
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(transport, self, self._tls, server_side=True)
        Sink.handshakes += 1
        self._transport = cast("asyncio.Transport", secured)


async def run_sink(given: argparse.Namespace) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(given.chain, given.key)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Sink(tls), "127.0.0.1", given.port)
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    print("ready", flush=True)
    while await asked.readline():
        print(Sink.taken, Sink.handshakes, flush=True)


def read_folder(folder: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(Path(folder).iterdir())]


async def pour(given: argparse.Namespace) -> None:
    messages = read_folder(given.folder)
    supply = itertools.islice(itertools.cycle(messages), given.messages)
    numbers = itertools.count()
    began = time.monotonic()
    await asyncio.gather(*[_connections(given, supply, numbers) for _ in range(given.parallel)])
    print(time.monotonic() - began)


async def _connections(
    given: argparse.Namespace, supply: Iterator[bytes], numbers: Iterator[int]
) -> None:
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE  # the sender's side is not what is measured
    while batch := list(itertools.islice(supply, given.each)):
        reader, writer = await asyncio.open_connection("127.0.0.1", given.port)
        await _reply(reader)
        await _say(reader, writer, b"EHLO client.sender.test\r\n")
        await _say(reader, writer, b"STARTTLS\r\n")
        await writer.start_tls(tls)
        await _say(reader, writer, b"EHLO client.sender.test\r\n")
        if given.login:
            name, _, password = given.login.partition(":")
            proof = base64.b64encode(f"\0{name}\0{password}".encode())
            await _say(reader, writer, b"AUTH PLAIN " + proof + b"\r\n")
        for message in batch:
            recipient = given.recipient.replace("%", f"{next(numbers) % given.accounts:05d}")
            envelope = f"MAIL FROM:<{given.sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n"
            writer.write(envelope.encode())
            for _ in range(3):
                await _reply(reader)
            await _say(reader, writer, message + b".\r\n")
        await _say(reader, writer, b"QUIT\r\n")
        writer.close()


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: bytes) -> None:
    writer.write(what)
    await _reply(reader)


async def _reply(reader: asyncio.StreamReader) -> None:
    while True:
        line = await reader.readline()
        if line[:1] not in {b"2", b"3"}:
            raise RuntimeError(f"the server says {line!r}")
        if line[3:4] != b"-":
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    sink = commands.add_parser("sink")
    sink.set_defaults(run=run_sink)
    sink.add_argument("port", type=int)
    sink.add_argument("chain")
    sink.add_argument("key")
    source = commands.add_parser("pour")
    source.set_defaults(run=pour)
    source.add_argument("port", type=int)
    source.add_argument("messages", type=int)
    source.add_argument("folder")
    source.add_argument("--sender", default="bob@sender.test")
    source.add_argument("--recipient", default="u%@bench.test", help="% becomes a number")
    source.add_argument("--accounts", type=int, default=200)
    source.add_argument("--login", default="", help="name:password")
    source.add_argument("--each", type=int, default=20, help="messages a connection")
    source.add_argument("--parallel", type=int, default=32, help="connections at once")
    given = parser.parse_args()
    uvloop.run(given.run(given))


if __name__ == "__main__":
    main()
