"""HTTPS on the same transport: uvicorn's protocol class and foreign clients."""

import asyncio
import http.client
import shutil
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
from mailclad.servers.http import CLOSING, HEAD_OCTETS, TLS_VERSION, WAITING_REQUESTS, http_shell
from mailclad.servers.tls import ContextTable
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.receive.networks import Networks
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


async def patient(request: Request) -> Response:
    """An answer that goes on until the server stops."""
    is_closing = request.scope["extensions"][CLOSING]["is_closing"]

    async def pieces() -> AsyncIterator[bytes]:
        yield b"begun"
        while not is_closing():
            await asyncio.sleep(0.01)

    return StreamingResponse(pieces())


async def host(request: Request) -> Response:
    return PlainTextResponse(f"for {request.headers.getlist('host')}")


async def tls_version(request: Request) -> Response:
    return PlainTextResponse(request.scope["extensions"][TLS_VERSION]["version"])


APP = Starlette(
    routes=[
        Route("/patient", patient),
        Route("/tls", tls_version),
        Route("/host", host),
        Route("/nothing", PlainTextResponse()),
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


def test_an_answer_that_nobody_takes_meets_the_deadline(
    loop: str, ca: PrivateCa, contexts: ContextTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.servers.http.HEAD_SECONDS", 0.05)
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        server.until(lambda: server.listener.connections == 1)
        server.until(lambda: server.listener.connections == 0)


def test_an_answer_that_is_taken_does_not(
    loop: str, ca: PrivateCa, contexts: ContextTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.servers.http.HEAD_SECONDS", 0.01)
    with https(loop, contexts) as server:
        client = connection(server, ca)
        client.request("GET", "/large")
        assert client.getresponse().read() == LARGE
        client.close()


def test_few_requests_wait_for_the_answer_to_the_first(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    last = b"GET /host HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    request = b"GET /host HTTP/1.1\r\nHost: x\r\n\r\n"
    with https(loop, contexts) as server:
        with tls_client(server, client_context(ca)) as tls:
            tls.sendall(request * WAITING_REQUESTS + last)
            assert read_to_end(tls).count(b"for ['x']") == WAITING_REQUESTS + 1
        with tls_client(server, client_context(ca)) as tls:
            tls.sendall(request * (WAITING_REQUESTS + 1) + last)
            assert b"400 Bad Request" in read_to_end(tls)


@pytest.mark.parametrize(
    ("target", "hosts"),
    [
        (b"/host", ["b.test"]),
        (b"/host?http://a.test/", ["b.test"]),
        (b"https://a.test/host", ["a.test"]),
        (b"HTTPS://a.test:8443/host", ["a.test:8443"]),
    ],
)
def test_which_host_is_meant(
    loop: str, ca: PrivateCa, contexts: ContextTable, target: bytes, hosts: list[str]
) -> None:
    """RFC 9112 §3.2.2: a host in the target, not the field's."""
    head = b"GET %b HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n" % target
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(head)
        assert read_to_end(tls).endswith(f"for {hosts}".encode())


@pytest.mark.parametrize(
    "target", [b"*", b"a.test:1", b"https://a.test", b"http://", b"x/y", b"/\xff"]
)
def test_odd_targets_break_nothing(
    loop: str, ca: PrivateCa, contexts: ContextTable, target: bytes
) -> None:
    head = b"GET %b HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n" % target
    with https(loop, contexts) as server, tls_client(server, client_context(ca)) as tls:
        tls.sendall(head)
        assert read_to_end(tls)[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 404"}


def test_an_answer_without_a_body_ends_whole(
    loop: str, ca: PrivateCa, contexts: ContextTable, caplog: pytest.LogCaptureFixture
) -> None:
    with https(loop, contexts) as server:
        client = connection(server, ca)
        for method, path in (("HEAD", "/host"), ("GET", "/nothing"), ("GET", "/nothing")):
            client.request(method, path)
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            assert answer.getheader("date", "").endswith(" GMT")
        assert server.facts.qsize() == 1, "the connection serves the next request, too"
        client.close()
    assert not caplog.records


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


def test_a_client_that_ends_with_its_handshake_holds_nobody_up(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    """Its end is there before anybody serves it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with https(loop, contexts) as server, server.connect() as sock:
        client = client_context(ca).wrap_bio(incoming, outgoing, server_hostname=NAME)
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        sock.sendall(outgoing.read())
        while True:
            incoming.write(sock.recv(65536))
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                continue
            break
        with pytest.raises(ssl.SSLWantReadError):
            client.unwrap()
        sock.sendall(outgoing.read())  # Finished and close_notify in one
        read_to_end(sock)
        server.until(lambda: server.listener.connections == 0)


def test_an_answer_that_goes_on_ends_when_the_server_stops(
    loop: str, ca: PrivateCa, contexts: ContextTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailclad.servers.farewell.LINGER_SECONDS", 0.05)
    with https(loop, contexts) as server:
        client = connection(server, ca)
        client.request("GET", "/patient")
        answer = client.getresponse()
        assert answer.read(5) == b"begun"
        server.run(server.listener.drain(60))  # the test's own patience is shorter
        assert answer.read() == b""
        client.close()


def test_an_application_is_told_of_tls(loop: str, ca: PrivateCa, contexts: ContextTable) -> None:
    with https(loop, contexts) as server:
        client = connection(server, ca)
        client.request("GET", "/tls")
        assert client.getresponse().read() == b"TLSv1.3"
        client.close()


def test_an_application_is_told_for_whom_a_proxy_speaks(
    loop: str, ca: PrivateCa, contexts: ContextTable
) -> None:
    balancers = Networks(("127.0.0.0/8",))
    shell = http_shell(APP)
    with Server(loop, shell, contexts, service=Service.HTTPS, proxies=balancers) as server:
        sock = server.connect()
        sock.sendall(b"PROXY TCP4 192.0.2.1 198.51.100.1 4321 443\r\n")
        with client_context(ca).wrap_socket(sock, server_hostname=NAME) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"https 192.0.2.1" in read_to_end(tls)
