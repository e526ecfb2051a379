"""HTTPS on the same transport: uvicorn's protocol class and foreign clients."""

import asyncio
import contextlib
import http.client
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mailclad.base.tls_policy import Service
from mailclad.servers.http import HEAD_OCTETS, http_shell
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from tests.servers.loopback import (
    NAME,
    Server,
    client_context,
    read_to_end,
    tls_client,
)

LARGE = bytes(range(256)) * 4096 * 8


async def page(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.scheme} {request.client and request.client.host}")


async def take(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def large(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(LARGE), 65536):
            yield LARGE[at : at + 65536]

    return StreamingResponse(pieces())


POURED: list[int] = []


async def endless(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            POURED.append(1)
            await asyncio.sleep(0)
            yield bytes(65536)

    return StreamingResponse(pieces())


APP = Starlette(
    routes=[
        Route("/", page),
        Route("/take", take, methods=["POST"]),
        Route("/large", large),
        Route("/endless", endless),
    ]
)


def https(loop: str, contexts: ContextTable) -> Server:
    return Server(loop, http_shell(APP), contexts, service=Service.HTTPS)


def connection(server: Server, ca: PrivateCa) -> http.client.HTTPSConnection:
    context = client_context(ca, alpn=["http/1.1"])
    return http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=20)


def test_urllib_gets_a_page(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with https(loop, contexts) as server:
        url = f"https://127.0.0.1:{server.port}/"
        with urllib.request.urlopen(url, context=client_context(ca), timeout=20) as answer:
            assert answer.read() == b"https 127.0.0.1"


@pytest.mark.interop("curl")
def test_curl_gets_a_page(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    curl = shutil.which("curl")
    assert curl is not None
    with https(loop, contexts) as server:
        command = [curl, "--silent", "--show-error", "--verbose", "--noproxy", "*", "--cacert"]
        command += [str(ca.certificate_file), "--resolve", f"{NAME}:{server.port}:127.0.0.1"]
        done = subprocess.run(
            [*command, f"https://{NAME}:{server.port}/"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout == "https 127.0.0.1", done.stderr
    assert "http/1.1" in done.stderr


def test_several_requests_use_one_connection(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    with https(loop, contexts) as server:
        client = connection(server, ca)
        for body in (b"", b"x", b"y" * 3_000_000):
            client.request("POST", "/take", body)
            assert client.getresponse().read() == str(len(body)).encode()
        client.request("GET", "/large")
        assert client.getresponse().read() == LARGE
        assert server.facts.qsize() == 1
        assert server.facts.get().alpn == b"http/1.1"
        client.close()


def test_another_protocol_is_refused(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    """T-ALP1: mail over the web's port, and the reverse."""
    with https(loop, contexts) as server:
        with (
            pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"),
            tls_client(server, client_context(ca, alpn=["imap"])),
        ):
            pass
        assert server.failure().sent_alert == 120


def test_the_first_request_may_come_with_the_handshake(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_to_end(tls).endswith(b"https 127.0.0.1")


def test_a_client_that_never_reads_does_not_fill_memory(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    POURED.clear()
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        before = -1
        while before != len(POURED):
            before = len(POURED)
            for _ in range(20):
                server.run(asyncio.sleep(0.001))
        assert 0 < len(POURED) < 512, "what the kernel's buffers hold, and no more"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * HEAD_OCTETS + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Y: z\r\n" * (HEAD_OCTETS // 8),
    ],
)
def test_a_head_without_end_is_refused(
    loop: str, ca: PrivateCa, contexts: ContextTable, head: bytes
) -> None:
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(head)
        answer = read_to_end(tls)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"xxxx" not in answer


def test_a_head_up_to_the_limit_is_served(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: "
    filling = b"y" * (HEAD_OCTETS - len(head) - 4)
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(head + filling + b"\r\n\r\n")
        assert read_to_end(tls).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("start", [b"", b"GET / HT"])
def test_a_head_that_never_ends_meets_the_deadline(
    loop: str,
    ca: PrivateCa,
    contexts: ContextTable,
    start: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailclad.servers.http.HEAD_SECONDS", 0.03)
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(start)
        assert read_to_end(tls) == b""


def test_draining_closes_idle_connections(
    loop: str, ca: PrivateCa, contexts: ContextTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.servers.farewell.LINGER_SECONDS", 0.05)
    with https(loop, contexts) as server:
        client = connection(server, ca)
        client.request("GET", "/")
        client.getresponse().read()
        server.run(server.listener.drain(10))
        assert server.listener.connections == 0
        client.close()


def say_goodbye_at_once(server: Server, ca: PrivateCa) -> None:
    """The end of the handshake and close_notify, in one segment."""
    down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(ca, alpn=["http/1.1"]).wrap_bio(down, up, server_hostname=NAME)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(up.read())
                down.write(sock.recv(65536))
        with contextlib.suppress(ssl.SSLWantReadError):
            client.unwrap()
        sock.sendall(up.read())
        while sock.recv(65536):
            pass


def test_who_leaves_before_a_request_is_let_go(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    with https(loop, contexts) as server:
        say_goodbye_at_once(server, ca)
        with contextlib.closing(connection(server, ca)) as asking:
            asking.request("GET", "/")
            assert asking.getresponse().read() == b"https 127.0.0.1"
