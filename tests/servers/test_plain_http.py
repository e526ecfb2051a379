"""Port 80 as clients meet it: in the clear, small, and patient with nobody."""

import socket

import pytest

from mailclad.base.tls_policy import Service, TlsMode
from mailclad.servers.http import HEAD_OCTETS, http_shell
from mailclad.web.plain_http import plain_application
from tests.protocols.tls.hellos import real_hello
from tests.servers.loopback import Server, read_to_end

CLOSE = b"Connection: close\r\n\r\n"


async def is_ours(host: str) -> bool:
    return host == "mail.test"


def server(loop: str) -> Server:
    application = plain_application({"token": "token.thumb"}.get, is_ours, 443)
    return Server(loop, http_shell(application), None, service=Service.HTTP, mode=TlsMode.NONE)


def said(loop: str, *pieces: bytes) -> bytes:
    with server(loop) as running, running.connect() as sock:
        for piece in pieces:
            try:
                sock.sendall(piece)
            except OSError:
                break
        return read_to_end(sock)


def test_a_challenge_and_a_redirection(loop: str) -> None:
    path = b"/.well-known/acme-challenge/token"
    first = said(loop, b"GET " + path + b" HTTP/1.1\r\nHost: 192.0.2.1\r\n" + CLOSE)
    assert first.startswith(b"HTTP/1.1 200 ")
    assert first.endswith(b"\r\n\r\ntoken.thumb")
    second = said(loop, b"GET /a%0d%0aX:y?b HTTP/1.1\r\nHost: mail.test\r\n" + CLOSE)
    assert second.startswith(b"HTTP/1.1 301 ")
    assert b"\r\nlocation: https://mail.test/a%0d%0aX:y?b\r\n" in second


def test_head_has_no_body(loop: str) -> None:
    path = b"/.well-known/acme-challenge/token"
    answer = said(loop, b"HEAD " + path + b" HTTP/1.1\r\nHost: mail.test\r\n" + CLOSE)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "target", [b"http://evil.test/", b"http://evil.test", b"//evil.test/", b"http://mail.test@e/"]
)
def test_a_whole_url_as_target_leads_nowhere_else(loop: str, target: bytes) -> None:
    answer = said(loop, b"GET " + target + b" HTTP/1.1\r\nHost: mail.test\r\n" + CLOSE)
    location = answer.partition(b"\r\nlocation: ")[2].partition(b"\r\n")[0]
    assert location == b"" or location.startswith(b"https://mail.test/")


def test_what_is_no_request_is_refused(loop: str) -> None:
    for octets in (real_hello(), b"EHLO there\r\n", b"\0" * 40):
        assert said(loop, octets).startswith(b"HTTP/1.1 400 ")


def test_the_head_has_a_limit(loop: str) -> None:
    head = b"GET / HTTP/1.1\r\nHost: mail.test\r\nX: " + b"x" * (2 * HEAD_OCTETS)
    assert said(loop, head).startswith(b"HTTP/1.1 400 ")


def test_a_body_is_not_awaited(loop: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: mail.test\r\nContent-Length: 100000000\r\n\r\n"
    with server(loop) as running, running.connect() as sock:
        sock.sendall(head)
        assert sock.recv(13) == b"HTTP/1.1 405 "
        sock.shutdown(socket.SHUT_WR)
        read_to_end(sock)
