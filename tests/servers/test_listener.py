"""Listeners: limits, logs, faults of shells, draining; on both loops."""

import asyncio
import socket
import ssl
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack
from typing import Any

import pytest
import structlog

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.admission import Limits
from mailclad.servers.channel import Channel
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers.loopback import (
    NAME,
    Server,
    client_context,
    echo,
    leaf,
    read_exactly,
    read_to_end,
    tls_client,
)

Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def lines(logs: Logs, event: str) -> Logs:
    return [line for line in logs if line["event"] == event]


def plain(loop: str, shell: Any, limits: Limits | None = None, **more: Any) -> Server:
    return Server(
        loop, shell, None, **{"service": Service.LMTP, "mode": TlsMode.NONE, **more}, limits=limits
    )


async def hold(channel: Channel) -> None:
    """Stay until the end of file or of the server; answer the first octets."""
    while not channel.closing and (data := await channel.receive()) is not None:
        channel.write(data)
    channel.write(b"goodbye")


# Logs


def test_one_line_at_the_end_of_a_connection(
    loop: str, ca: PrivateCa, contexts: ContextTable, logs: Logs
) -> None:
    with (
        Server(loop, echo, contexts) as server,
        tls_client(server, client_context(ca, ssl.TLSVersion.TLSv1_3)) as tls,
    ):
        tls.sendall(b"x")
        read_exactly(tls, 1)
    (line,) = logs
    assert line["event"] == "connection ended"
    assert line["service"] == "imap"
    assert line["peer"] == "127.0.0.1"
    assert line["version"] == "TLSv1.3"
    assert line["end"] == "closed"


def test_one_line_for_a_failed_handshake(loop: str, contexts: ContextTable, logs: Logs) -> None:
    with Server(loop, echo, contexts) as server, server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        read_to_end(sock)
    (line,) = logs
    assert line["event"] == "handshake failed"
    assert line["began_with"] == "an HTTP request without TLS"


def test_a_shells_fault_is_logged_and_ends_its_connection_only(loop: str, logs: Logs) -> None:
    async def faulty(channel: Channel) -> None:
        await channel.receive()
        raise ZeroDivisionError("a bug")

    with plain(loop, faulty) as server, server.connect() as sock, server.connect() as other:
        sock.sendall(b"x")
        assert read_to_end(sock) == b""
        server.until(lambda: server.listener.connections == 1)
        other.sendall(b"x")
        read_to_end(other)
    faults = lines(logs, "shell failed")
    assert len(faults) == 2
    assert faults[0]["exc_info"] is True
    ends = [line["end"] for line in lines(logs, "connection ended")]
    assert ends == ["a fault of this server"] * 2


def test_other_ends_have_their_words(loop: str, logs: Logs) -> None:
    async def impatient(channel: Channel) -> None:
        channel.set_deadline(0.01)
        await channel.receive()

    with plain(loop, impatient) as server, server.connect() as sock:
        read_to_end(sock)
    assert lines(logs, "connection ended")[0]["end"] == "too slow or silent"


# Limits


def is_served(sock: socket.socket) -> bool:
    try:
        sock.sendall(b"?")
        return read_exactly(sock, 1) == b"?"
    except ConnectionError:
        return False


@pytest.mark.parametrize(
    "limits",
    [Limits(connections=2), Limits(per_address=2, counts_loopback=True), Limits(not_signed_in=2)],
    ids=["connections", "per_address", "not_signed_in"],
)
def test_one_connection_beyond_a_limit_is_closed(loop: str, limits: Limits, logs: Logs) -> None:
    with plain(loop, hold, limits, service=Service.IMAP) as server, ExitStack() as stack:
        one, two, three = (stack.enter_context(server.connect()) for _ in range(3))
        assert [is_served(sock) for sock in (one, two, three)] == [True, True, False]
        two.close()
        server.until(lambda: server.listener.connections == 1)
        four, five = (stack.enter_context(server.connect()) for _ in range(2))
        assert [is_served(sock) for sock in (four, five)] == [True, False]
    (line,) = lines(logs, "connections refused")
    assert line["reason"].startswith("2 ")
    assert line["last_peer"] == "127.0.0.1"


def test_who_has_signed_in_does_not_count_as_a_stranger(loop: str) -> None:
    async def sign_in(channel: Channel) -> None:
        await channel.receive()
        channel.signed_in("ada@example.test")
        channel.signed_in("ada@example.test")
        assert channel.is_signed_in
        channel.write(b"?")
        await channel.receive()

    limits = Limits(not_signed_in=1)
    server = plain(loop, sign_in, limits, service=Service.POP3)
    with server, ExitStack() as stack:
        for _ in range(3):
            assert is_served(stack.enter_context(server.connect()))
            assert server.admission.not_signed_in == 0


def test_nodelay_is_set(loop: str) -> None:
    options = []

    async def look(channel: Channel) -> None:
        assert channel._transport is not None
        sock = channel._transport.get_extra_info("socket")
        options.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with plain(loop, look) as server, server.connect() as sock:
        read_to_end(sock)
    assert options
    assert options[0] != 0


# Draining


def test_draining_lets_shells_finish(
    loop: str, ca: PrivateCa, contexts: ContextTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.servers.farewell.LINGER_SECONDS", 0.05)
    server = Server(loop, hold, contexts)
    with server:
        with tls_client(server, client_context(ca)) as tls:
            tls.sendall(b"?")
            read_exactly(tls, 1)
            server.run(server.listener.drain(10))
            assert read_exactly(tls, 7) == b"goodbye"
            assert tls.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            server.connect()


def test_draining_drops_shells_that_do_not_listen(loop: str, logs: Logs) -> None:
    async def deaf(channel: Channel) -> None:
        channel.write(b"?")
        await asyncio.Event().wait()

    with plain(loop, deaf) as server, server.connect() as sock:
        read_exactly(sock, 1)
        server.run(server.listener.drain(0.01))
        assert server.listener.connections == 0
        assert read_to_end(sock) == b""
    assert lines(logs, "connection ended")[0]["end"] == "stopped"


def test_draining_drops_handshakes_under_way(loop: str, contexts: ContextTable) -> None:
    with Server(loop, echo, contexts) as server, server.connect() as sock:
        server.until(lambda: server.listener.connections == 1)
        server.run(server.listener.close())
        assert read_to_end(sock) == b""
        assert "dropped" in server.failure().reason


def test_a_swap_needs_no_new_listener(loop: str, ca: PrivateCa) -> None:
    table = ContextTable([leaf(ca)], [Service.IMAP])
    context = client_context(ca)
    with Server(loop, echo, table) as server:
        shown = []
        for _ in range(2):
            with tls_client(server, context, NAME) as tls:
                shown.append(tls.getpeercert(binary_form=True))
            table.swap([leaf(ca)])
    assert shown[0] != shown[1]
