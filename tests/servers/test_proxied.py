"""Connections from a load balancer: whose they are, in the clear and under TLS, on both loops."""

import ssl
from collections.abc import Callable
from typing import TypeVar

import pytest

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers import proxied
from mailclad.servers.admission import Limits
from mailclad.servers.channel import Channel
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.receive.networks import Networks
from tests.servers.loopback import (
    NAME,
    Server,
    client_context,
    read_exactly,
    read_to_end,
)

T = TypeVar("T")

BALANCERS = Networks(["127.0.0.1"])
HEADER = b"PROXY TCP4 192.0.2.1 198.51.100.1 4321 25\r\n"


async def whose(channel: Channel) -> None:
    """Say who the client is for each piece that it sends."""
    while (data := await channel.receive()) is not None:
        channel.write(f"{channel.peer} {data.decode()}.".encode())


def plain(loop: str, limits: Limits | None = None) -> Server:
    return Server(
        loop,
        whose,
        None,
        service=Service.LMTP,
        mode=TlsMode.NONE,
        limits=limits,
        proxies=BALANCERS,
    )


@pytest.mark.parametrize("cut", [0, 1, 20, len(HEADER) - 1, len(HEADER), len(HEADER) + 1])
def test_the_address_is_the_one_that_was_told(loop: str, cut: int) -> None:
    sent = HEADER + b"hi"
    with plain(loop) as server, server.connect() as sock:
        sock.sendall(sent[:cut])
        server.until(lambda: server.listener.connections == 1)
        sock.sendall(sent[cut:])
        said = read_exactly(sock, len("192.0.2.1 hi."))
        assert said.startswith(b"192.0.2.1 h")
        assert server.admission.from_address("192.0.2.1") == 1
    assert server.admission.from_address("192.0.2.1") == 0


def test_limits_are_the_clients_not_the_balancers(loop: str) -> None:
    with plain(loop, Limits(per_address=1)) as server, server.connect() as one:
        one.sendall(HEADER + b"a")
        assert read_exactly(one, 12) == b"192.0.2.1 a."
        with server.connect() as two, server.connect() as three:
            two.sendall(HEADER + b"b")
            assert read_to_end(two) == b""
            three.sendall(HEADER.replace(b"192.0.2.1", b"192.0.2.2") + b"c")
            assert read_exactly(three, 12) == b"192.0.2.2 c."


def test_a_health_check_is_the_balancers_own(loop: str) -> None:
    with plain(loop) as server, server.connect() as sock:
        sock.sendall(b"PROXY UNKNOWN\r\nx")
        assert read_exactly(sock, 12) == b"127.0.0.1 x."


def test_tls_begins_behind_the_header(loop: str, contexts: ContextTable, ca: PrivateCa) -> None:
    server = Server(loop, whose, contexts, proxies=BALANCERS)
    context = client_context(ca, ssl.TLSVersion.TLSv1_3)
    with server, server.connect() as sock:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=NAME)

        def until_done(step: Callable[[], T], before: bytes = b"") -> T:
            while True:
                try:
                    done = step()
                except ssl.SSLWantReadError:
                    sock.sendall(before + outgoing.read())
                    before = b""
                    incoming.write(sock.recv(65536))
                else:
                    sock.sendall(outgoing.read())
                    return done

        until_done(tls.do_handshake, HEADER)  # header and ClientHello in one piece
        until_done(lambda: tls.write(b"x"))
        assert until_done(lambda: tls.read(100)) == b"192.0.2.1 x."


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"PROXY TCP4 x\r\n", b"\x16\x03\x01"])
def test_without_a_header_nobody_is_served(loop: str, octets: bytes) -> None:
    with plain(loop) as server, server.connect() as sock:
        sock.sendall(octets)
        assert read_to_end(sock) == b""
        server.until(lambda: server.listener.connections == 0)


def test_a_header_that_does_not_come_is_not_waited_for(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxied, "HEADER_SECONDS", 0.01)
    with plain(loop) as server, server.connect() as sock:
        sock.sendall(HEADER[:-1])
        assert read_to_end(sock) == b""


def test_a_stopping_server_waits_for_no_header(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxied, "HEADER_SECONDS", 60)
    with plain(loop) as server, server.connect() as sock:
        server.until(lambda: server.listener.connections == 1)
        server.run(server.listener.drain(10))
        assert read_to_end(sock) == b""


def test_others_are_taken_at_their_word_for_nothing(loop: str) -> None:
    with (
        Server(loop, whose, None, service=Service.LMTP, mode=TlsMode.NONE) as server,
        server.connect() as sock,
    ):
        sock.sendall(HEADER)
        assert read_exactly(sock, 15) == b"127.0.0.1 PROXY"
