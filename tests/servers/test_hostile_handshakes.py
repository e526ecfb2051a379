"""What comes to a TLS port instead of a handshake: refused or completed, in time, and alive.

T-TLS2 and T-TLS3 of the list of attacks.
"""

import contextlib
import select
import ssl

import pytest

from mailclad.protocols.tls.client_hello import FirstBytes
from mailclad.servers.admission import Limits
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from tests.protocols.tls.hellos import extension, hello_message, real_hello, records, server_name
from tests.servers.loopback import (
    NAME,
    Server,
    client_context,
    echo,
    read_exactly,
    read_to_end,
    tls_client,
)

SHORT = Limits(handshake_seconds=0.15)


def is_alive(server: Server, ca: PrivateCa) -> None:
    with tls_client(server, client_context(ca)) as tls:
        tls.sendall(b"alive")
        assert read_exactly(tls, 5) == b"alive"


def answer_to(server: Server, octets: bytes) -> bytes:
    with server.connect() as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(octets)
        return read_to_end(sock)


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"GET /?x=<script> HTTP/1.1\r\nHost: mail.test\r\n\r\n", FirstBytes.HTTP),
        (b"POST / HTTP/1.1\r\nCookie: a=<script>\r\n\r\n", FirstBytes.HTTP),
        (b"a1 CAPABILITY\r\n", FirstBytes.TEXT),
        (b"EHLO mail.test\r\n", FirstBytes.TEXT),
        (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", FirstBytes.SSL2),
        (b"\x15\x03\x01\0\2\2\x30", FirstBytes.TLS_ALERT),
        (b"\0" * 100, FirstBytes.OTHER),
    ],
)
def test_what_is_no_tls_is_recognised_and_closed_without_an_echo(
    loop: str, ca: PrivateCa, contexts: ContextTable, octets: bytes, found: FirstBytes
) -> None:
    with Server(loop, echo, contexts) as server:
        assert answer_to(server, octets) == b""
        failure = server.failure()
        assert failure.first_bytes is found
        assert failure.flight == octets
        is_alive(server, ca)


@pytest.mark.parametrize(
    "octets",
    [
        records(hello_message(extension(99, bytes(65000)))),
        records(hello_message(server_name(b"a." * 20000))),
        records(real_hello()[5:], 1),
        b"\x16\x03\x01\0\0" * 1000,
        b"\x16\x03\x01\0\1\2",
        records(real_hello()[5:] + bytes(70000), 16000)[5:],
    ],
    ids=["64 KiB", "20,000 labels", "1-octet records", "empty records", "no hello", "no header"],
)
def test_a_hello_beyond_the_limits_is_refused(
    loop: str, ca: PrivateCa, contexts: ContextTable, octets: bytes
) -> None:
    with Server(loop, echo, contexts) as server:
        answer = answer_to(server, octets)
        assert answer in {b"", b"\x15\x03\x03\0\2\2\x32"}
        assert len(server.failure().flight) <= 16 * 1024
        is_alive(server, ca)


def test_a_thousand_labels_get_an_answer(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with Server(loop, echo, contexts) as server:
        assert answer_to(server, records(hello_message(server_name(b"a." * 1000))))[:1] == b"\x15"
        assert server.failure().hello is not None
        is_alive(server, ca)


def test_an_alert_in_the_middle_ends_it(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with Server(loop, echo, contexts) as server:
        with server.connect() as sock:
            sock.sendall(real_hello())
            assert sock.recv(1) == b"\x16"
            sock.sendall(b"\x15\x03\x03\0\2\2\x2a")
            read_to_end(sock)
        assert server.failure().received_alert == 42
        is_alive(server, ca)


def test_one_octet_at_a_time_is_enough(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with Server(loop, echo, contexts) as server, server.connect() as sock:
        down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context(ca).wrap_bio(down, up, server_hostname=NAME)
        while client.version() is None or up.pending:
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            pending = up.read()
            for octet in pending:
                sock.sendall(bytes((octet,)))
            if client.version() is None:
                down.write(sock.recv(65536))
        facts = server.facts.get(timeout=10)
        assert facts.server_name == NAME


@pytest.mark.parametrize(
    "start", [b"", b"\x16", real_hello()[:100]], ids=["nothing", "one octet", "a part"]
)
def test_silence_meets_the_deadline(
    loop: str, ca: PrivateCa, contexts: ContextTable, start: bytes
) -> None:
    with Server(loop, echo, contexts, limits=SHORT) as server:
        with server.connect() as sock:
            sock.sendall(start)
            assert read_to_end(sock) == b""
        failure = server.failure()
        assert "0.15 seconds" in failure.reason
        assert failure.flight == start
        is_alive(server, ca)


def test_a_trickle_meets_the_deadline(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    """Octets that come in time each do not buy more time."""
    sent = 0
    with Server(loop, echo, contexts, limits=SHORT) as server:
        with server.connect() as sock, contextlib.suppress(ConnectionError):
            for octet in records(hello_message(extension(99, bytes(10000)))):
                sock.sendall(bytes((octet,)))
                sent += 1
                if select.select([sock], [], [], 0.01)[0]:
                    break
        assert "0.15 seconds" in server.failure().reason
        assert 0 < sent < 100
        is_alive(server, ca)


def test_silence_after_our_flight_meets_the_deadline(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    with Server(loop, echo, contexts, limits=SHORT) as server:
        with server.connect() as sock:
            sock.sendall(real_hello())
            assert read_to_end(sock)[:1] == b"\x16"
        assert "0.15 seconds" in server.failure().reason
        is_alive(server, ca)


def test_a_client_that_leaves_at_once(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with Server(loop, echo, contexts) as server:
        server.connect().close()
        failure = server.failure()
        assert failure.first_bytes is FirstBytes.NOTHING
        assert "closed" in failure.reason
        is_alive(server, ca)


@pytest.mark.slow
def test_a_flood_of_half_open_connections_stays_within_its_limit(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    limits = Limits(handshake_seconds=1, handshakes=100)
    with Server(loop, echo, contexts, limits=limits) as server, contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(server.connect())
        server.until(lambda: server.admission.handshakes == 100)
        for _ in range(50):
            assert read_to_end(stack.enter_context(server.connect())) == b""
        assert server.failures.empty(), "none of the hundred was given up for these"
        server.until(lambda: server.admission.handshakes == 0)
        assert server.failures.qsize() == 100
        is_alive(server, ca)
