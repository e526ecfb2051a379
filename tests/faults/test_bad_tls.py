"""Clients that break off, pervert or skip TLS: nothing of it is obeyed, others are served."""

import socket
import ssl

import pytest

from tests.faults.client import Client, starttls_bytes
from tests.faults.serving import House

pytestmark = pytest.mark.slow

IMPLICIT = ["imap", "pop3", "submission"]
STARTTLS = ["imap", "pop3", "smtp", "submission"]
ALERT = b"\x15\x03"

INJECTED = {
    "imap": b"j NOOP\r\n",
    "pop3": b"CAPA\r\n",
    "smtp": b"EHLO evil.test\r\n",
    "submission": b"EHLO evil.test\r\n",
}
PROBE = {
    "imap": (b"p NOOP", b"p OK"),
    "pop3": (b"CAPA", b"+OK"),
    "smtp": (b"NOOP", b"250 2.0.0"),
    "submission": (b"NOOP", b"250 2.0.0"),
}
BROWSER = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nCookie: a=<script>alert(1)</script>\r\n"
    b"Content-Length: 7\r\n\r\na NOOP\r\n"
)


def hello_of_64_kib() -> bytes:
    """A ClientHello that says it is so long, in as many records as that takes."""
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + b"\xff\xff"
    message = b"\x01" + (65_532).to_bytes(3, "big") + body.ljust(65_532, b"\x00")
    pieces = [message[at : at + 16_384] for at in range(0, len(message), 16_384)]
    return b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in pieces)


@pytest.mark.parametrize("service", IMPLICIT)
def test_a_hello_of_64_kib_is_refused_with_an_alert(house: House, service: str) -> None:
    with Client(house, service, raw=True) as client:
        client.send_as_far_as_possible(hello_of_64_kib())
        assert client.rest().startswith(ALERT)
        client.others_are_served()


@pytest.mark.parametrize("service", STARTTLS)
def test_a_hello_of_64_kib_behind_starttls(house: House, service: str) -> None:
    with Client(house, service, "starttls") as client:
        client.hello().ask(starttls_bytes(service).rstrip())
        client.send_as_far_as_possible(hello_of_64_kib())
        assert client.rest().startswith(ALERT)
        client.others_are_served()


@pytest.mark.parametrize("service", IMPLICIT)
def test_a_hello_octet_by_octet_holds_nobody_up(house: House, service: str) -> None:
    """How long it may take is tested with the listener; here only that it is alone with it."""
    with Client(house, service, raw=True) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in hello_of_64_kib()[:20]:
            client.send(bytes([octet]))
            client.others_are_served()


@pytest.mark.parametrize("service", STARTTLS)
@pytest.mark.parametrize("more", [0, 2, 65_536])
def test_plaintext_in_the_segment_of_starttls_is_never_obeyed(
    house: House, service: str, more: int
) -> None:
    """Whole, cut off, and with 64 KiB behind it: the connection ends without a reply."""
    injected = INJECTED[service]
    octets = injected[:more] if 0 < more < len(injected) else injected + b"x" * more
    with Client(house, service, "starttls") as client:
        client.hello()
        client.send_as_far_as_possible(starttls_bytes(service) + octets)
        assert client.rest() == b""
        client.others_are_served()


@pytest.mark.parametrize("service", STARTTLS)
@pytest.mark.parametrize("cut", [None, 2])
def test_plaintext_after_the_reply_to_starttls_is_never_obeyed(
    house: House, service: str, cut: int | None
) -> None:
    """Whole, or half a command that the first words inside TLS would complete."""
    with Client(house, service, "starttls") as client:
        client.hello().ask(starttls_bytes(service).rstrip())
        client.send(INJECTED[service][:cut])
        try:
            client.shake_hands()
        except (ssl.SSLError, OSError):
            client.others_are_served()
            return
        raise AssertionError("plaintext where a handshake belongs ends the connection")


@pytest.mark.parametrize("service", STARTTLS)
def test_after_starttls_there_is_one_reply_for_one_command(house: House, service: str) -> None:
    """And what was said before it is forgotten."""
    with Client(house, service, "starttls") as client:
        client.hello().start_tls()
        assert client.is_silent()
        if service in ("smtp", "submission"):
            assert client.ask(b"MAIL FROM:<reader0@example.test>").startswith(b"503"), "no EHLO"
        command, reply = PROBE[service]
        assert client.ask(command).startswith(reply)
        if service != "pop3":
            assert client.is_silent()


@pytest.mark.parametrize("service", STARTTLS)
def test_starttls_twice_or_with_words_behind_it(house: House, service: str) -> None:
    with Client(house, service, "starttls") as client:
        client.hello()
        wrong = starttls_bytes(service).rstrip() + b" now"
        assert client.ask(wrong)[:5] in (b"s BAD", b"-ERR ", b"501 5")
        client.start_tls().hello()
        again = client.ask(starttls_bytes(service).rstrip())
        assert again[:5] in (b"s BAD", b"-ERR ", b"503 5")
        client.lives_on()


@pytest.mark.parametrize("service", STARTTLS)
@pytest.mark.parametrize("hello", [hello_of_64_kib(), b"\x16\x03\x01\x00\x05a\nb\nc\n"])
def test_tls_at_once_where_starttls_is_spoken(house: House, service: str, hello: bytes) -> None:
    with Client(house, service, "starttls") as client:
        client.send_as_far_as_possible(hello)
        assert client.rest()[:5] in (b"", b"* BYE")
        client.others_are_served()


@pytest.mark.parametrize("service", STARTTLS)
def test_a_browser_where_starttls_is_spoken(house: House, service: str) -> None:
    with Client(house, service, "starttls") as client:
        client.send_as_far_as_possible(BROWSER)
        answer = client.rest()
        assert b"OK" not in answer
        assert not any(word in answer for word in (b"POST", b"Cookie", b"script", b"alert"))
        client.others_are_served()


@pytest.mark.parametrize("service", IMPLICIT)
def test_a_browser_without_tls_where_tls_is_spoken(house: House, service: str) -> None:
    with Client(house, service, raw=True) as client:
        client.send_as_far_as_possible(BROWSER)
        assert client.rest() == b""
        client.others_are_served()


@pytest.mark.parametrize("service", IMPLICIT)
def test_a_browser_inside_tls(house: House, service: str) -> None:
    """ALPACA: one that was led here by somebody else, and does not say what it speaks."""
    with Client(house, service) as client:
        client.send_as_far_as_possible(BROWSER)
        answer = client.rest()
        assert b"OK" not in answer
        assert not any(word in answer for word in (b"POST", b"Cookie", b"script", b"alert"))
        client.others_are_served()


@pytest.mark.parametrize("service", IMPLICIT)
def test_a_browser_that_says_so_gets_an_alert(house: House, service: str) -> None:
    context = house.context()
    context.set_alpn_protocols(["http/1.1"])
    with Client(house, service, raw=True) as client:
        with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
            context.wrap_socket(client.socket, server_hostname="localhost")
        client.others_are_served()
