"""STARTTLS: the same socket goes on under TLS, and nothing said in the clear crosses over.

T-NS1 and T-NS6 of the list of attacks, for the part that is the transport's.
"""

import contextlib
import socket
import ssl

import pytest

from mailclad.base.tls_policy import TlsFacts, TlsMode
from mailclad.servers.admission import Limits
from mailclad.servers.channel import Channel, ConnectionLost
from mailclad.servers.tls import ContextTable
from mailclad.servers.tls_failure import HandshakeFailed
from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers.loopback import (
    NAME,
    WAIT_SECONDS,
    Server,
    client_context,
    read_exactly,
    read_to_end,
    starttls_lines,
)

STARTTLS = b"STARTTLS\r\n"
GO = b"220 go\r\n"


def starttls_server(loop: str, contexts: ContextTable, limits: Limits | None = None) -> Server:
    return Server(loop, starttls_lines, contexts, mode=TlsMode.STARTTLS, limits=limits)


def sane(sock: socket.socket) -> None:
    """The connection answers before it is attacked."""
    sock.sendall(b"NOOP\r\n")
    assert read_exactly(sock, 15) == b"you said NOOP\r\n"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_same_socket_goes_on_under_tls(
    loop: str, ca: PrivateCa, contexts: ContextTable, version: ssl.TLSVersion
) -> None:
    with starttls_server(loop, contexts) as server, server.connect() as sock:
        sane(sock)
        sock.sendall(STARTTLS)
        assert read_exactly(sock, len(GO)) == GO
        with client_context(ca, version, ["imap"]).wrap_socket(sock, server_hostname=NAME) as tls:
            assert tls.selected_alpn_protocol() == "imap"
            for _ in range(3):
                sane(tls)


def test_byte_by_byte(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with starttls_server(loop, contexts) as server, server.connect() as sock:
        for octet in STARTTLS:
            sock.sendall(bytes((octet,)))
        assert read_exactly(sock, len(GO)) == GO
        down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context(ca).wrap_bio(down, up, server_hostname=NAME)
        shaken = False
        while not shaken:
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
                shaken = True
            for octet in up.read():
                sock.sendall(bytes((octet,)))
            if not shaken:
                down.write(sock.recv(65536))
        client.write(b"NOOP\r\n")
        for octet in up.read():
            sock.sendall(bytes((octet,)))
        answer = b""
        while len(answer) < 15:
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += client.read(15)
                continue
            down.write(sock.recv(65536))
        assert answer == b"you said NOOP\r\n"


@pytest.mark.rfc("3207", "6")
@pytest.mark.rfc("9051", "6.2.1")
@pytest.mark.parametrize(
    "behind", [b"NOOP\r\n", b"NO", b"AUTH PLAIN AGEAYg==\r\n", b"X" * 64 * 1024 + b"\r\n"]
)
def test_plaintext_in_the_same_segment_is_never_executed(
    loop: str, contexts: ContextTable, behind: bytes
) -> None:
    with starttls_server(loop, contexts) as server, server.connect() as sock:
        sane(sock)
        with contextlib.suppress(ConnectionError):
            sock.sendall(STARTTLS + behind)
        assert read_to_end(sock) == b"", "closed without a word"


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"NO", b"X" * 64 * 1024])
def test_plaintext_after_the_reply_only_meets_the_handshake(
    loop: str, contexts: ContextTable, behind: bytes
) -> None:
    with starttls_server(loop, contexts) as server, server.connect() as sock:
        sane(sock)
        sock.sendall(STARTTLS)
        assert read_exactly(sock, len(GO)) == GO
        with contextlib.suppress(ConnectionError):
            sock.sendall(behind)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == b""
        assert server.failure().flight[:2] == behind[:2]


def test_what_waits_in_the_channel_closes_it_unanswered(loop: str, contexts: ContextTable) -> None:
    """Even where an engine overlooks it: octets received before the switch end it."""
    lost = []

    async def shell(channel: Channel) -> None:
        channel.set_deadline(WAIT_SECONDS)
        await channel.receive()
        channel.data_received(b"NOOP\r\n")
        try:
            await channel.start_tls(GO)
        except ConnectionLost as problem:
            lost.append(str(problem))
            raise

    server = Server(loop, shell, contexts, mode=TlsMode.STARTTLS)
    with server, server.connect() as sock:
        sock.sendall(STARTTLS)
        assert read_to_end(sock) == b""
    assert lost == ["plaintext behind STARTTLS"]


def test_a_failed_handshake_reaches_the_shell_and_the_diagnosis(
    loop: str, contexts: ContextTable
) -> None:
    caught = []

    async def shell(channel: Channel) -> None:
        await channel.receive()
        try:
            await channel.start_tls(GO)
        except HandshakeFailed as failure:
            caught.append(failure)
            assert channel.tls is None
            raise

    server = Server(loop, shell, contexts, mode=TlsMode.STARTTLS)
    with server, server.connect() as sock:
        sock.sendall(STARTTLS)
        read_exactly(sock, len(GO))
        with pytest.raises(ssl.SSLCertVerificationError):
            client_context(None).wrap_socket(sock, server_hostname=NAME)
        failure = server.failure()
        server.until(lambda: server.listener.connections == 0)
    assert caught == [failure]
    assert failure.received_alert == 48


def test_a_client_that_never_begins_meets_the_deadline(loop: str, contexts: ContextTable) -> None:
    limits = Limits(handshake_seconds=0.05)
    with starttls_server(loop, contexts, limits) as server, server.connect() as sock:
        sock.sendall(STARTTLS)
        assert read_to_end(sock) == GO
        assert "0.05 seconds" in server.failure().reason


def test_a_client_that_ends_instead_is_let_go(loop: str, contexts: ContextTable) -> None:
    with starttls_server(loop, contexts) as server, server.connect() as sock:
        sock.sendall(STARTTLS)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) in {GO, b""}
        server.until(lambda: server.listener.connections == 0)


def test_facts_come_back_from_the_switch(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    facts: list[TlsFacts] = []

    async def shell(channel: Channel) -> None:
        assert channel.tls is None
        await channel.receive()
        channel.write(GO)  # the other way to say it: just before, with no await between
        facts.append(await channel.start_tls())
        assert channel.tls is facts[0]
        assert not channel._received

    server = Server(loop, shell, contexts, mode=TlsMode.STARTTLS)
    with server, server.connect() as sock:
        sock.sendall(STARTTLS)
        assert read_exactly(sock, len(GO)) == GO
        with client_context(ca).wrap_socket(sock, server_hostname=NAME) as tls:
            assert tls.recv(1) == b""
    assert facts[0].server_name == NAME
