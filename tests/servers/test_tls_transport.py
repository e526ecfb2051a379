"""TlsTransport under foreign clients: bytes, ends, back-pressure, on both loops."""

import asyncio
import contextlib
import re
import select
import socket
import ssl
import struct
import subprocess
import threading
from typing import Self

import pytest

from mailclad.base.tls_policy import Service
from mailclad.servers.channel import RECEIVE_BOUND, Channel, ConnectionLost
from mailclad.servers.tls import ContextTable
from mailclad.servers.tls_transport import CONTROL_OCTETS
from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers.loopback import (
    NAME,
    WAIT_SECONDS,
    Server,
    client_context,
    echo,
    read_exactly,
    read_to_end,
    tls_client,
)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
BIG = bytes(range(256)) * 4096 * 4


async def greet(channel: Channel) -> None:
    """Speak first, as mail servers do."""
    channel.write(b"* OK ready\r\n")
    await echo(channel)


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_come_back(
    loop: str, ca: PrivateCa, contexts: ContextTable, version: ssl.TLSVersion
) -> None:
    with (
        Server(loop, greet, contexts) as server,
        tls_client(server, client_context(ca, version, ["imap"])) as tls,
    ):
        assert read_exactly(tls, 12) == b"* OK ready\r\n"
        tls.sendall(b"hello")
        assert read_exactly(tls, 5) == b"hello"
        assert server.facts.get(timeout=5).version == tls.version()


def test_megabytes_come_back_whole(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with (
        Server(loop, echo, contexts) as server,
        tls_client(server, client_context(ca)) as tls,
    ):
        assert there_and_back(tls, BIG) == BIG


def there_and_back(tls: ssl.SSLSocket, data: bytes) -> bytes:
    """Send and receive at the same time, in one thread: two in one TLS session would clash."""
    tls.setblocking(False)
    sent, received = 0, bytearray()
    while len(received) < len(data):
        idle = True
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent += tls.send(data[sent : sent + 65536]) if sent < len(data) else 0
            idle = sent == len(data)
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            piece = tls.recv(65536)
            assert piece, "the server has ended it"
            received += piece
            idle = False
        if idle:
            select.select([tls], [tls] if sent < len(data) else [], [], WAIT_SECONDS)
    return bytes(received)


def test_a_large_write_arrives_whole(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    async def pour(channel: Channel) -> None:
        for piece in (BIG, memoryview(BIG)[: 256 * 1024 + 1], bytearray(b"end")):
            channel.write(piece)  # type: ignore[arg-type]  # the transport takes them all
            await channel.drain()

    expected = BIG + BIG[: 256 * 1024 + 1] + b"end"
    with Server(loop, pour, contexts) as server, tls_client(server, client_context(ca)) as tls:
        assert read_exactly(tls, len(expected)) == expected


def test_a_client_that_does_not_know_the_authority_refuses(
    loop: str, contexts: ContextTable
) -> None:
    """And the server knows why: the alert that it received."""
    with Server(loop, echo, contexts) as server:
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            tls_client(server, client_context(None)),
        ):
            pass
        failure = server.failure()
        assert failure.received_alert == 48
        assert failure.hello is not None
        assert failure.hello.server_name == NAME.encode()


def test_another_name_is_refused_by_the_client(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    with (
        Server(loop, echo, contexts) as server,
        pytest.raises(ssl.SSLCertVerificationError, match="other"),
        tls_client(server, client_context(ca), "other.test"),
    ):
        pass


def test_openssl_verifies_strictly(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    options = ("-x509_strict", "-verify_return_error", "-verify_hostname", NAME)
    with Server(loop, greet, contexts) as server, SClient(server, ca, *options) as client:
        assert client.until("* OK ready")
    assert "Verify return code: 0 (ok)" in client.output


@pytest.mark.parametrize("option", ["-tls1_2", "-tls1_3"])
def test_no_renegotiation_and_no_compression(
    loop: str, ca: PrivateCa, contexts: ContextTable, option: str
) -> None:
    with Server(loop, greet, contexts) as server, SClient(server, ca, option) as client:
        assert client.until("* OK ready")
        client.say("R")
        assert client.until("error")
    assert "Compression: NONE" in client.output
    assert re.search(r"no renegotiation|wrong ssl version", client.output), "asked, and refused"


def test_alpn_refusal_reaches_the_client(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    """T-ALP1: the alert is drained before the socket closes."""
    context = client_context(ca, alpn=["http/1.1"])
    with Server(loop, echo, contexts, service=Service.POP3) as server:
        with (
            pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"),
            tls_client(server, context),
        ):
            pass
        assert server.failure().sent_alert == 120


# The end


@pytest.mark.parametrize("version", VERSIONS)
def test_close_notify_is_answered(
    loop: str, ca: PrivateCa, contexts: ContextTable, version: ssl.TLSVersion
) -> None:
    with (
        Server(loop, echo, contexts) as server,
        tls_client(server, client_context(ca, version)) as tls,
    ):
        tls.sendall(b"last")
        assert read_exactly(tls, 4) == b"last"
        plain = tls.unwrap()  # raises if the answer is anything but close_notify
        assert read_to_end(plain) == b""
        plain.close()


@pytest.mark.parametrize("together", [False, True])
def test_close_notify_is_sent_behind_the_last_word(
    loop: str, ca: PrivateCa, contexts: ContextTable, together: bool
) -> None:
    async def goodbye(channel: Channel) -> None:
        await channel.receive()
        if together:
            await channel.close(BIG)
        else:
            channel.write(BIG)

    context = client_context(ca)
    with (
        Server(loop, goodbye, contexts) as server,
        server.connect() as sock,
        context.wrap_socket(sock, server_hostname=NAME, suppress_ragged_eofs=False) as tls,
    ):
        tls.sendall(b"QUIT and a lot that nobody reads")
        assert read_exactly(tls, len(BIG)) == BIG
        assert tls.recv(1) == b"", "without close_notify this would raise"


def test_the_end_without_close_notify_is_an_end(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    ends: list[bytes | None] = []

    async def listen(channel: Channel) -> None:
        while data := await channel.receive():
            ends.append(data)
        channel.write(b"goodbye")
        ends.append(data)

    with Server(loop, listen, contexts) as server:
        with server.connect() as sock:
            tls = client_context(ca).wrap_socket(sock, server_hostname=NAME)
            tls.sendall(b"half")
            server.until(lambda: bool(ends))
            socket.socket.shutdown(tls, socket.SHUT_WR)
            assert read_exactly(tls, 7) == b"goodbye", "what is open on our side still works"
            tls.close()
        server.until(lambda: server.listener.connections == 0)
    assert ends == [b"half", None]


def test_a_reset_is_a_lost_connection(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    lost = []

    async def listen(channel: Channel) -> None:
        try:
            while await channel.receive():
                pass
        except ConnectionLost as problem:
            lost.append(problem)

    with Server(loop, listen, contexts) as server, server.connect() as sock:
        tls = client_context(ca).wrap_socket(sock, server_hostname=NAME)
        tls.sendall(b"x")
        reset(tls)
        server.until(lambda: server.listener.connections == 0)
    assert len(lost) == 1


@pytest.mark.parametrize(
    "octets",
    [b"\x17\x03\x03\x00\x20" + bytes(32), b"plain text\r\n" * 3, b"\x15\x03\x03\0\2\2\x14"],
)
def test_octets_that_are_not_genuine_end_the_stream_with_an_alert(
    loop: str, ca: PrivateCa, contexts: ContextTable, octets: bytes
) -> None:
    heard = []

    async def listen(channel: Channel) -> None:
        channel.write(b"hello")
        while data := await channel.receive():
            heard.append(data)

    with Server(loop, listen, contexts) as server, server.connect() as sock:
        context = client_context(ca, ssl.TLSVersion.TLSv1_2)  # its alerts can be told apart
        tls = context.wrap_socket(sock, server_hostname=NAME)
        assert read_exactly(tls, 5) == b"hello"
        with socket.socket(fileno=tls.detach()) as raw:
            raw.settimeout(10)
            raw.sendall(octets)
            assert read_to_end(raw)[:3] == b"\x15\x03\x03"
        server.until(lambda: server.listener.connections == 0)
    assert heard == []


# Back-pressure


def test_a_client_that_never_reads_is_bounded_and_dropped(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    """drain() waits; its deadline ends the connection; what lies in memory stays small."""
    sizes = []
    ends = []

    async def pour(channel: Channel) -> None:
        assert channel._transport is not None
        try:
            while True:
                channel.set_deadline(0.1)
                channel.write(bytes(128 * 1024))
                sizes.append(channel._transport.get_write_buffer_size())
                await channel.drain()
        except TimeoutError:
            ends.append("late")
            raise

    with Server(loop, pour, contexts) as server, server.connect() as sock:
        tls = client_context(ca).wrap_socket(sock, server_hostname=NAME)
        server.until(lambda: bool(ends))
        server.until(lambda: server.listener.connections == 0)
        tls.close()
    assert max(sizes) < 512 * 1024


def test_a_shell_that_does_not_drain_loses_a_client_that_does_not_read(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    written = []

    async def pour(channel: Channel) -> None:
        for _ in range(1000):
            channel.write(bytes(128 * 1024))
            written.append(1)
            await asyncio.sleep(0)
            if channel._transport is None or channel._transport.is_closing():
                break
        await channel.drain()

    with Server(loop, pour, contexts) as server, server.connect() as sock:
        tls = client_context(ca).wrap_socket(sock, server_hostname=NAME)
        server.until(lambda: server.listener.connections == 0)
        tls.close()
    assert len(written) < 200, "two socket buffers and a megabyte, not 125"


@pytest.mark.slow
def test_what_the_shell_does_not_take_stays_outside(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    """A client may send 100 MB; a shell that is busy holds 64 KiB and one read."""
    channels: list[Channel] = []
    go = threading.Event()
    sent = received = 0

    async def busy(channel: Channel) -> None:
        nonlocal received
        channels.append(channel)
        while not go.is_set():
            await asyncio.sleep(0.001)
        while data := await channel.receive():
            received += len(data)

    def send(tls: ssl.SSLSocket) -> None:
        nonlocal sent
        while sent < total:
            sent += tls.send(bytes(16384))

    total = 64 * 1024 * 1024
    with (
        Server(loop, busy, contexts) as server,
        tls_client(server, client_context(ca)) as tls,
    ):
        sender = threading.Thread(target=send, args=(tls,))
        sender.start()
        server.until(lambda: bool(channels) and len(channels[0]._received) > RECEIVE_BOUND)
        before = -1
        while before != sent:
            before = sent
            for _ in range(20):
                server.run(asyncio.sleep(0.001))
        assert len(channels[0]._received) <= RECEIVE_BOUND + 16 * 1024
        assert sent < total / 2, "what the kernel's buffers hold, and no more"
        go.set()
        server.until(lambda: received == total)
        sender.join()


@pytest.mark.slow
def test_key_updates_are_answered_and_counted(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    """RFC 8446 §4.6.3: some are answered; thousands that only make us answer end it."""
    with Server(loop, greet, contexts) as server, SClient(server, ca, "-tls1_3") as client:
        client.until("* OK ready")
        for _ in range(3):
            client.say("K")
            client.until("KEYUPDATE")
        client.say("hello")
        client.until("hello")
        asked = 3
        while asked < CONTROL_OCTETS:  # several that come in one read get one answer
            client.say("K")
            if not client.until("KEYUPDATE"):
                break
            asked += 1
        assert asked >= CONTROL_OCTETS // 27, "an answer has 27 octets"
        assert asked < CONTROL_OCTETS
        server.until(lambda: server.listener.connections == 0)


class SClient:
    """OpenSSL's own client, typed into line by line."""

    def __init__(self, server: Server, ca: PrivateCa, *options: str) -> None:
        address = f"127.0.0.1:{server.port}"
        command = ["openssl", "s_client", "-connect", address, "-servername", NAME]
        command += ["-CAfile", str(ca.certificate_file), *options]
        self.output = ""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def until(self, words: str) -> bool:
        """Read on until these words; False at the end."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline().decode(errors="replace"):
            self.output += line
            if words in line:
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.say("Q")
        self.until("never said")
        with contextlib.suppress(BrokenPipeError):
            self._process.__exit__(None, None, None)


def reset(sock: socket.socket) -> None:
    """Close with a reset instead of an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
