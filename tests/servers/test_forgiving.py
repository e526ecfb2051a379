"""A forgiving port: who begins with TLS is understood, everybody else is greeted a bit later."""

import asyncio
import socket
import time

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.servers import first_octets
from mailclad.servers.admission import Limits
from mailclad.servers.channel import Channel
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.receive.networks import Networks
from tests.protocols.tls.hellos import real_hello
from tests.servers.loopback import NAME, Server, client_context, read_to_end, tls_client

PROXY = b"PROXY TCP4 192.0.2.1 198.51.100.1 4321 143\r\n"


async def greeting(channel: Channel) -> None:
    """Says who is there, and whether it is encrypted."""
    channel.write(f"{channel.peer} {'TLS' if channel.tls is not None else 'clear'}".encode())
    await channel.drain()


def forgiving(
    loop: str,
    contexts: ContextTable,
    proxies: Networks = Networks(),
    limits: Limits | None = None,
) -> Server:
    return Server(
        loop,
        greeting,
        contexts,
        mode=TlsMode.STARTTLS,
        proxies=proxies,
        limits=limits,
        forgiving=True,
    )


@pytest.fixture(autouse=True)
def _a_short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_octets, "PATIENCE_SECONDS", 0.1)


def test_who_waits_is_greeted(loop: str, contexts: ContextTable) -> None:
    with forgiving(loop, contexts) as server, server.connect() as sock:
        begun = time.monotonic()
        assert read_to_end(sock) == b"127.0.0.1 clear"
        assert time.monotonic() - begun > first_octets.PATIENCE_SECONDS / 2


def test_who_begins_with_tls_is_understood(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    with forgiving(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        assert read_to_end(tls) == b"127.0.0.1 TLS"
        server.until(lambda: server.admission.handshakes == 0)


def test_a_hello_in_pieces_is_understood(loop: str, contexts: ContextTable) -> None:
    with forgiving(loop, contexts) as server, server.connect() as sock:
        hello = real_hello()
        sock.sendall(hello[:1])
        server.until(lambda: server.admission.handshakes == 1)
        sock.sendall(hello[1:])
        assert sock.recv(1) == b"\x16", "the server's part of a handshake, and no greeting"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("pause", [False, True])
def test_behind_a_proxy(loop: str, ca: PrivateCa, contexts: ContextTable, *, pause: bool) -> None:
    balancers = Networks(("127.0.0.0/8",))
    with forgiving(loop, contexts, balancers) as server:
        with server.connect() as sock:
            sock.sendall(PROXY)
            assert read_to_end(sock) == b"192.0.2.1 clear"
        with server.connect() as sock:
            sock.sendall(PROXY)
            if pause:
                server.run(asyncio.sleep(0.02))
            with client_context(ca).wrap_socket(sock, server_hostname=NAME) as tls:
                assert read_to_end(tls) == b"192.0.2.1 TLS"


def test_where_too_many_shake_hands_it_is_as_on_other_ports(
    loop: str, contexts: ContextTable
) -> None:
    with (
        forgiving(loop, contexts, limits=Limits(handshakes=0)) as server,
        server.connect() as sock,
    ):
        sock.sendall(real_hello())
        assert sock.recv(99) == b"127.0.0.1 clear"
        assert server.failure().in_clear


def test_who_is_waited_for_holds_up_no_end(
    loop: str, contexts: ContextTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_octets, "PATIENCE_SECONDS", 60)
    with forgiving(loop, contexts) as server, server.connect() as sock:
        server.until(lambda: server.listener.connections == 1)
        server.run(server.listener.drain(30))
        assert server.listener.connections == 0
        assert sock.recv(1) == b""
